"""The command line as ``python -m k8sdataservice``."""

from __future__ import annotations

from k8sdataservice.cli.main import main

if __name__ == "__main__":
    main()
