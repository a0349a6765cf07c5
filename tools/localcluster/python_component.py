"""Running a module of this package as a component of its own."""

from __future__ import annotations

import sys
from pathlib import Path


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that calls the `main` of a module of this package."""
    # The package's folder is given rather than inherited, since the caller may have found it in any way.
    parent = str(Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {parent!r}); from {module} import main; main()"
    return [sys.executable, "-c", code, *arguments]
