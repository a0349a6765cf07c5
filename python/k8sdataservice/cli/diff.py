"""Objects as YAML, and how they differ, for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from rich.text import Text

Object = dict[str, Any]

#: Fields that follow from the others, so that a difference in them is not worth a line.
_DERIVED = {"k8sdataservice.flyte.org/spec-hash", "k8sdataservice.flyte.org/from-pod-template"}

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def as_yaml(objects: Sequence[Object]) -> str:
    """Returns objects as one stream of YAML documents."""
    return "---\n".join(map(_document, objects))


def differences(running: Sequence[Object], planned: Sequence[Object]) -> str:
    """Returns a unified diff from what runs to what is planned; nothing where they are equal."""
    return "".join(_differences(running, planned))


def coloured(diff: str) -> Text:
    """Returns a unified diff with the colours that people know."""
    text = Text()
    for line in diff.splitlines(keepends=True):
        bold = line.startswith(("+++ ", "--- "))
        text.append(line, style="bold" if bold else _STYLES.get(line[:1], ""))
    return text


def _differences(running: Sequence[Object], planned: Sequence[Object]) -> Iterator[str]:
    before, after = (
        {_title(each): _document(_without_derived(each)) for each in objects} for objects in (running, planned)
    )
    for title in dict.fromkeys((*after, *before)):
        old, new = before.get(title, ""), after.get(title, "")
        yield from difflib.unified_diff(
            old.splitlines(keepends=True),
            new.splitlines(keepends=True),
            f"{title} (running)" if old else "/dev/null",
            f"{title} (planned)" if new else "/dev/null",
        )


def _without_derived(manifest: Object) -> Object:
    metadata = dict(manifest.get("metadata", {}))
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key not in _DERIVED}
    return manifest | {"metadata": metadata}


def _title(manifest: Object) -> str:
    return f"{manifest.get('kind', 'object')} {manifest.get('metadata', {}).get('name', '')}".strip()


def _document(manifest: Object) -> str:
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes lists indented and texts of several lines as blocks, as people do in Kubernetes's YAML."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
