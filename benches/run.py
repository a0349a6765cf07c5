"""Measures the plugin beside the one that it replaces, beside a connector that does nothing and beside kubectl.

Everything is measured in one run and in alternating rounds, since only ratios mean anything on a machine that is busy
with other things too. `make bench` runs it.
"""

from __future__ import annotations

import argparse
import fcntl
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tools"))  # the local cluster

from bench import machine, report  # noqa: E402
from bench.changes import measure_changes  # noqa: E402
from bench.cluster import GIVEN, use_cluster  # noqa: E402
from bench.connectors import serve_connectors  # noqa: E402
from bench.creates import measure_creates  # noqa: E402
from bench.ends import measure_ends  # noqa: E402
from bench.errors import BenchError  # noqa: E402
from bench.gets import measure_gets, measure_latency  # noqa: E402
from bench.imports import measure_imports  # noqa: E402
from bench.lookups import measure_lookups  # noqa: E402
from bench.many import measure_many  # noqa: E402
from bench.plans import measure_plans  # noqa: E402
from bench.progress import Progress  # noqa: E402
from bench.readiness import measure_readiness  # noqa: E402
from bench.results import Results  # noqa: E402
from bench.stage import Stage  # noqa: E402
from bench.start_order import measure_start_order  # noqa: E402
from bench.stuck import measure_stuck  # noqa: E402
from bench.venvs import cache_folder, prepare  # noqa: E402
from bench.virtual_time import measure_virtual_time  # noqa: E402

MISSED = 1
NOT_MEASURED = 2
INTERRUPTED = 130

MEASUREMENTS: dict[str, Callable[[Stage, Results], None]] = {
    "gets": measure_gets,
    "latency": measure_latency,
    "lookups": measure_lookups,
    "changes": measure_changes,
    "many": measure_many,
    "ends": measure_ends,
    "stuck": measure_stuck,
    "creates": measure_creates,
    "readiness": measure_readiness,
    "plans": measure_plans,
    "start-order": measure_start_order,
    "imports": measure_imports,
    "virtual-time": measure_virtual_time,
}


def main() -> int:
    """Runs the benchmark: 0 if every target is met, 1 if one is missed, 2 if something could not be measured."""
    options = _options()
    # Ended by a signal, too, the benchmark leaves no process and no object behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        results = _measure(options, Progress())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return NOT_MEASURED
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    report.show(results)
    print(f"Every round's value is in {report.write(results, CHECKOUT / 'bench-results').relative_to(CHECKOUT)}.")
    missed = [target for target in results.targets if not target.met]
    for target in missed:
        print(f"bench: A target is missed: wanted is {target.wanted}; measured: {target.measured}.", file=sys.stderr)
    return MISSED if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/run.py",
        description=f"Measures this plugin side by side with its peer, on a local cluster or on that of {GIVEN}.",
    )
    parser.add_argument(
        "--only",
        type=_chosen,
        default=list(MEASUREMENTS),
        metavar="NAME,...",
        help=f"what to measure, of {', '.join(MEASUREMENTS)} (default: all)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        nargs="+",
        metavar="WHEEL",
        help="the wheels of an earlier version, whose gets are measured too",
    )
    parser.add_argument("--rounds", type=_count, default=5, help="how often to measure each (default: %(default)s)")
    parser.add_argument(
        "--services",
        type=_services,
        default=10_000,
        help="how many services `many` and `ends` are about (default: %(default)s)",
    )
    return parser.parse_args()


def _chosen(value: str) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in MEASUREMENTS:
            raise argparse.ArgumentTypeError(f"there is no {name!r}; choose of {', '.join(MEASUREMENTS)}")
    return names


def _count(value: str, lowest: int = 1) -> int:
    if not value.isdecimal() or int(value) < lowest:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from {lowest} up")
    return int(value)


def _services(value: str) -> int:
    # One that is ready and two that are not.
    return _count(value, lowest=3)


def _measure(options: argparse.Namespace, progress: Progress) -> Results:
    with (
        _alone(),
        TemporaryDirectory(prefix="bench-logs-") as logs,
    ):
        venvs = prepare(CHECKOUT, options.baseline, progress)
        with (
            use_cluster(progress) as cluster,
            serve_connectors(venvs, cluster.kubeconfig, Path(logs), progress) as connectors,
        ):
            prefix = f"bench-{secrets.token_hex(3)}-"
            stage = Stage(cluster, venvs, connectors, options.rounds, options.services, prefix, progress)
            results = Results(machine.facts(stage))
            try:
                for name in options.only:
                    MEASUREMENTS[name](stage, results)
            finally:
                progress("removing what was made")
                cluster.api.remove(prefix)
            return results


@contextmanager
def _alone() -> Iterator[None]:
    """Holds a lock, since two benchmarks at once would measure each other."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("Another benchmark runs on this machine. Wait for its end and start again.") from None
        yield


if __name__ == "__main__":
    sys.exit(main())
