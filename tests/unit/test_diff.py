"""Objects as YAML, and how they differ."""

from __future__ import annotations

from typing import Any

import yaml
from k8sdataservice.cli import diff


def manifest(image: str, name: str = "foo") -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {"containers": [{"image": image, "args": ["a\nb"]}]},
    }


def test_equal_objects_do_not_differ() -> None:
    assert diff.differences([manifest("a")], [manifest("a")]) == ""


def test_a_change_is_shown_with_the_object_that_it_is_in() -> None:
    lines = diff.differences([manifest("a")], [manifest("b")]).splitlines()
    assert lines[:2] == ["--- StatefulSet foo (running)", "+++ StatefulSet foo (planned)"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-    - image: a", "+    - image: b"]


def test_an_object_that_is_new_or_goes_is_shown_as_a_whole() -> None:
    new = diff.differences([], [manifest("a")]).splitlines()
    assert new[:2] == ["--- /dev/null", "+++ StatefulSet foo (planned)"]
    assert all(line.startswith("+") for line in new[3:])
    gone = diff.differences([manifest("a")], []).splitlines()
    assert gone[:2] == ["--- StatefulSet foo (running)", "+++ /dev/null"]


def test_yaml_can_be_read_again() -> None:
    objects = [manifest("a"), manifest("b", "bar")]
    assert list(yaml.safe_load_all(diff.as_yaml(objects))) == objects
    assert "|-" in diff.as_yaml(objects), "texts of several lines are blocks"


def test_added_and_removed_lines_have_their_colours() -> None:
    text = diff.coloured("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n")
    assert [str(span.style) for span in text.spans] == ["bold", "bold", "cyan", "red", "green"]
    assert text.plain == "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n"
