"""Starting components, recognising them later, and ending exactly those."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from localcluster.record import ProcessRecord

# Every process of a run carries this; children such as containerd's shims inherit it.
RUN_VARIABLE = "LOCALCLUSTER_RUN"


def spawn(component: str, command: Sequence[str], log: Path, run: str) -> ProcessRecord:
    """Start a component in a session of its own, so that Ctrl-C in a terminal does not reach it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, RUN_VARIABLE: run},
        )
    # The child has not been waited for, so it has an entry in /proc even if it died at once.
    return ProcessRecord(component, process.pid, start_time(process.pid) or 0, list(command))


def start_time(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot, or None if there is none."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def is_alive(process: ProcessRecord) -> bool:
    """Tell whether this very process runs; one that has its id by chance does not count."""
    fields = _stat_fields(process.pid)
    if not fields or int(fields[19]) != process.start_time:
        return False
    if fields[0] == "Z":
        _reap(process.pid)
        return False
    return True


def stop(processes: Iterable[ProcessRecord], patience: float) -> None:
    """Ask the processes to end, all at once, and kill those that are still there after `patience` seconds."""
    remaining = [process for process in processes if is_alive(process)]
    for process in remaining:
        _send(process, signal.SIGTERM)
    remaining = _wait_gone(remaining, patience)
    for process in remaining:
        _send(process, signal.SIGKILL)
    _wait_gone(remaining, 5.0)


def of_run(run: str) -> list[ProcessRecord]:
    """Return the processes of a run, recorded or not: shims, or what started just before a kill."""
    marker = f"{RUN_VARIABLE}={run}".encode()
    found = []
    for pid in _all_pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        started = start_time(pid)
        if marker in environment.split(b"\0") and started is not None and pid != os.getpid():
            found.append(ProcessRecord("leftover", pid, started, []))
    return found


def with_ids(pids: Iterable[int]) -> list[ProcessRecord]:
    """Return records of the given processes as they are now."""
    found = ((pid, start_time(pid)) for pid in pids)
    return [ProcessRecord("container", pid, started, []) for pid, started in found if started is not None]


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return "(it wrote no log)"
    return "\n".join(line[:500] for line in lines) or "(its log is empty)"


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat_fields(pid: int) -> list[str] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The program's name stands in parentheses and may itself hold spaces and parentheses.
    return stat.rpartition(")")[2].split()


def _send(process: ProcessRecord, number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _wait_gone(processes: list[ProcessRecord], patience: float) -> list[ProcessRecord]:
    deadline = time.monotonic() + patience
    remaining = [process for process in processes if is_alive(process)]
    while remaining and time.monotonic() < deadline:
        time.sleep(0.05)
        remaining = [process for process in remaining if is_alive(process)]
    return remaining
