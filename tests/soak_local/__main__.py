"""Runs the soak: 0 if nothing was wrong, 1 if something was."""

from __future__ import annotations

import argparse
import sys

from soak_local.run import soak


def main() -> int:
    """Reads the options and runs it."""
    parser = argparse.ArgumentParser(
        prog="python -m soak_local",
        description="Lets services of local mode come and go while replicas and their owners are killed.",
    )
    parser.add_argument("--seconds", type=float, default=300, help="for how long; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="what is drawn at random; default: %(default)s")
    options = parser.parse_args()
    findings, counts = soak(options.seconds, options.seed)
    print(f"soak_local: {counts}")
    for finding in findings:
        print(f"soak_local: {finding}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
