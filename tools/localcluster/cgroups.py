"""The control group below which a cluster's pods live, on cgroup v1 and v2."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NEEDED = ("cpu", "cpuset", "memory", "pids")


def make(name: str) -> None:
    """Make the group in every hierarchy: the kubelet refuses a root that is not there.

    Raises:
        OSError: This machine does not let us.
    """
    if _is_v2():
        for controller in _NEEDED:
            _enable(_ROOT, controller)
        (_ROOT / name).mkdir(exist_ok=True)
        for controller in _NEEDED:
            _enable(_ROOT / name, controller)
        return
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        # A new cpuset group may use no processor at all until its processors are set.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())


def processes(name: str) -> set[int]:
    """Return the ids of the processes in the group and below it."""
    found: set[int] = set()
    for hierarchy in _hierarchies():
        for folder, _, files in os.walk(hierarchy / name):
            if "cgroup.procs" in files:
                try:
                    found.update(int(line) for line in (Path(folder) / "cgroup.procs").read_text().split())
                except OSError:
                    continue
    # The kernel shows processes of another pid namespace as 0.
    return found - {0}


def remove(name: str) -> list[Path]:
    """Remove the group and those below it; return the ones that could not be removed."""
    left = []
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            try:
                Path(folder).rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                left.append(Path(folder))
    return left


def _is_v2() -> bool:
    return (_ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    """Return every place where a group of this name can be: one on v2, one per controller on v1."""
    if _is_v2():
        return [_ROOT]
    # Names such as cpu and cpu,cpuacct may be links to one hierarchy.
    return sorted({entry.resolve() for entry in _ROOT.iterdir() if (entry / "cgroup.procs").exists()})


def _enable(group: Path, controller: str) -> None:
    control = group / "cgroup.subtree_control"
    if controller not in control.read_text().split():
        control.write_text(f"+{controller}")
