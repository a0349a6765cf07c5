"""The words that CONTRIBUTING.md replaces by others, where a search finds them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Everything that users and developers read; CONTRIBUTING.md names the words to avoid.
SEARCHED = ("src", "crates", "python", "plugins", "docs", "tests", "examples", "benches", "tools", "README.md")

#: Each word to avoid, and the one to use.
AVOIDED = {
    r"anew": "again",
    r"(lacks?|missing|need|needs) (the |a )?rights?": "permission",
    r"account's rights?": "permissions",
    r"can be repeated": "retry",
    r"(def test_|fn )(what|who)(ever)?_\w+": "the subject",
}


def lines() -> list[tuple[str, str]]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SEARCHED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [name for name in listed if name.endswith((".rs", ".py", ".pyi", ".md", ".json", ".yaml", ".toml"))]
    assert len(files) > 100, "the checkout has sources"
    return [
        (f"{name}:{number}", line)
        for name in files
        if name != str(Path(__file__).relative_to(ROOT)) and (ROOT / name).exists()
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1)
    ]


def test_words_to_avoid_are_nowhere() -> None:
    every = lines()
    for word, better in AVOIDED.items():
        pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
        found = [place for place, line in every if pattern.search(line)]
        assert not found, f"say {better!r}"
