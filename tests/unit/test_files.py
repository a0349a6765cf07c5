"""The files of the checkout, where no other tool checks them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: The longest line of a comment: rustfmt wraps code, and leaves comments as they are.
COLUMNS = 120
#: The longest file.
LINES = 500
#: The stub of an extension module is one file, as the module is.
LONGER = {"python/k8sdataservice/_core.pyi"}


def sources(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = [ROOT / name for name in listed if (ROOT / name).exists()]
    assert found, "the checkout has sources"
    return found


def test_comments_are_no_wider_than_code() -> None:
    too_wide = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sources("*.rs")
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if len(line) > COLUMNS and re.match(r"\s*//", line)
    ]
    assert not too_wide


def test_no_file_is_long() -> None:
    names = {
        str(file.relative_to(ROOT))
        for file in sources("*.rs", "*.py", "*.pyi")
        if len(file.read_text().splitlines()) > LINES
    }
    assert names == LONGER


def test_no_file_is_a_link() -> None:
    # An archive of the sources, or a checkout on Windows, has the path that a link names as the text of a file.
    assert [file for file in sources() if file.is_symlink()] == []


def test_the_plugin_has_the_readme_and_the_licence_of_the_project() -> None:
    for name in ("LICENSE", "README.md"):
        copy = ROOT / "plugins" / "flytekit" / name
        assert copy.read_text() == (ROOT / name).read_text(), "`make fmt` copies it"
