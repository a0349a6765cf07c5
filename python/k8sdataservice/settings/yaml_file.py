"""Reading the file, with the line that each setting stands in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k8sdataservice.exceptions import InvalidSpecError
from k8sdataservice.settings.refusal import refusal

if TYPE_CHECKING:
    import yaml

#: How deep settings may be nested; one that holds itself has no end.
_DEEPEST = 16


def read_file(path: str, variable: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the settings of a file, and where each stands, by its path: ``/etc/settings.yaml, line 12``.

    Args:
        path: The path of the file.
        variable: The variable that has the path, for the error where there is no such file.

    Raises:
        InvalidSpecError: It is no file, no YAML or no dictionary, or it says something twice.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise refusal({"": variable}, "", f"the settings cannot be read from {path}: {why}.") from None
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return {}, {"": path}
        if not isinstance(root, yaml.MappingNode):
            raise _at(path, root.start_mark.line, "settings are a dictionary, such as `namespace: flyte`.")
        sources = {"": path}
        for setting, line in _lines(path, root, "", 0):
            sources[setting] = f"{path}, line {line + 1}"
        values: dict[str, Any] = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _at(path, mark.line if mark else 0, f"this is no YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise refusal({"": path}, "", f"this is no YAML: {' '.join(str(error).split())}.") from None
    finally:
        loader.dispose()
    return values, sources


def _lines(path: str, node: yaml.Node, setting: str, depth: int) -> Iterator[tuple[str, int]]:
    """Yields the path and the line of everything inside of a node."""
    import yaml

    if depth > _DEEPEST:
        raise _at(path, node.start_mark.line, f"{setting} is nested more than {_DEEPEST} levels deep.")
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            inside = f"{setting}.{key.value}" if setting else str(key.value)
            line = key.start_mark.line
            if inside in seen:
                raise _at(path, line, f"{inside} stands here again, after line {seen[inside] + 1}.")
            seen[inside] = line
            yield inside, line
            yield from _lines(path, value, inside, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            inside = f"{setting}[{index}]"
            yield inside, item.start_mark.line
            yield from _lines(path, item, inside, depth + 1)


def _at(path: str, line: int, sentence: str) -> InvalidSpecError:
    return refusal({"": f"{path}, line {line + 1}"}, "", sentence)
