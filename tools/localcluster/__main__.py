"""Runs the command line."""

import sys

from localcluster.command_line import main

if __name__ == "__main__":
    sys.exit(main())
