"""Runs the soak: 0 if nothing was wrong, 1 if something was, 2 if it could not be run."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from localcluster import LocalClusterError

WRONG, NOT_RUN, INTERRUPTED = 1, 2, 130


def main() -> int:
    """Reads the options and runs it."""
    options = _options()
    if not options.real_pods:
        os.environ["LOCALCLUSTER_NODE"] = "kwok"
    # Takes a second or two, and a wrong option should be reported at once.
    from soak.run import soak

    # Ended by a signal, too, the soak leaves no process behind. flytekit has put a handler of its own in place by now.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        wrong = soak(options.minutes, options.rate, options.grace, options.seed)
    except LocalClusterError as error:
        print(f"soak: {error}", file=sys.stderr)
        return NOT_RUN
    except KeyboardInterrupt:
        print("soak: interrupted", file=sys.stderr)
        return INTERRUPTED
    return WRONG if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m soak",
        description="Lets services come and go while the cluster and the connectors are disturbed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long to make services")
    parser.add_argument("--rate", type=float, default=20.0, help="how many services to make in a minute")
    parser.add_argument("--grace", type=float, default=15.0, help="for how many seconds something may be left")
    parser.add_argument("--seed", type=int, default=None, help="what the order of the services is drawn with")
    parser.add_argument("--real-pods", action="store_true", help="run containers, where this machine can")
    options = parser.parse_args()
    if options.minutes < 1 or options.rate <= 0:
        parser.error("--minutes has to be 1 or more, and --rate more than 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
