"""Runs ``examples/quickstart.py`` with ``pyflyte run`` and reports what happens in the cluster meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster import LocalCluster, LocalClusterError
from rich.console import Console
from rich.markup import escape

from demo.names import resolving
from demo.place import Place, given_place, local_place
from demo.watcher import Watcher

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.py"
#: How long the pods may take to end after their service is gone, in seconds.
LAST_PODS = 60.0


class Steps:
    """Prints each step with the seconds since the start."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._start = time.monotonic()

    def __call__(self, text: str, style: str = "") -> None:
        """Prints one step."""
        seconds = time.monotonic() - self._start
        self._console.print(f"[dim]{seconds:7.1f} s[/dim]  {f'[{style}]' if style else ''}{escape(text)}")


@contextmanager
def place(steps: Steps) -> Iterator[Place]:
    """Yields the cluster to use: the one that was given, or one made for the occasion."""
    if given := given_place():
        steps(f"Using the cluster of {given.kubeconfig}.")
        yield given.without_others()
        return
    with LocalCluster.start("demo", progress=lambda line: steps(f"cluster: {line}", "dim")) as cluster:
        steps(f"A real Kubernetes is up at {cluster.api_server}.", "bold")
        try:
            yield local_place(cluster)
        finally:
            steps("Taking the cluster down.", "dim")


def main() -> int:
    """Runs the demonstration and returns the exit code."""
    steps = Steps()
    with place(steps) as where:
        if where.why_no_real_pods:
            steps(f"The demonstration needs pods that run. {where.why_no_real_pods}", "red")
            return 1
        with Watcher(where, steps), resolving(where) as (prefix, environment):
            command = [str(Path(sys.executable).with_name("pyflyte")), "run", str(QUICKSTART), "quickstart"]
            steps(f"$ pyflyte run {QUICKSTART.relative_to(Path.cwd())} quickstart", "bold")
            process = subprocess.Popen(
                [*prefix, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            assert process.stdout
            for line in process.stdout:
                if line.strip():
                    steps(f"pyflyte: {line.strip()}", "cyan")
            failed = process.wait()
            left = where.wait_for_nothing(LAST_PODS)
        if failed:
            steps("The workflow failed.", "bold red")
            return 1
        if left:
            steps(f"Left in namespace {where.namespace}: {', '.join(left)}.", "bold red")
            return 1
        steps(f"Nothing is left in namespace {where.namespace}: no StatefulSet, no Service, no pod.", "bold green")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LocalClusterError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
