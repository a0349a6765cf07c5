"""The command line as ``python -m flytekitplugins_k8sdataservice``."""

from __future__ import annotations

from k8sdataservice.cli.main import program

main = program("flytekitplugins-k8sdataservice")

if __name__ == "__main__":
    main(prog_name="python -m flytekitplugins_k8sdataservice")
