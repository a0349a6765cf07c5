"""Taking a cluster down by what was recorded, whatever state it is in."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from localcluster import cgroups
from localcluster.errors import LocalClusterError
from localcluster.network import remove_bridge
from localcluster.processes import of_run, stop, with_ids
from localcluster.record import RECORD_FILE, ClusterRecord, boot_id

SECONDS_TO_END = 2.0


def take_down(folder: Path, keep_logs: bool = False) -> None:
    """End everything that belongs to the cluster and remove its folder.

    Raises:
        LocalClusterError: Something could not be removed.
    """
    record = ClusterRecord.load(folder)
    if record is not None:
        if record.runs_real_pods and os.geteuid() != 0:
            raise LocalClusterError(f"Only root can take the cluster {record.name} down, because root brought it up.")
        # After a reboot the process ids are those of others, and bridge and groups are gone anyway.
        if record.boot == boot_id():
            _end_processes(record)
            if record.runs_real_pods:
                remove_bridge(record.bridge)
                _remove_cgroup(record)
    _unmount_below(folder)
    _remove_folder(folder, keep_logs)
    if record is not None:
        _remove_made_folders(record.made_folders)


def _end_processes(record: ClusterRecord) -> None:
    # First the kubelet, which would restart pods, then the pods, then what runs them.
    stop([process for process in record.processes if process.component == "kubelet"], SECONDS_TO_END)
    if record.runs_real_pods:
        _kill_pods(record)
    # The cluster's data goes away, so there is no reason to wait for a graceful end.
    stop(record.processes, SECONDS_TO_END)
    for _ in range(10):
        leftover = of_run(record.run)
        if not leftover:
            return
        stop(leftover, patience=0.0)
    pids = ", ".join(str(process.pid) for process in leftover)
    raise LocalClusterError(f"Processes of the cluster {record.name} cannot be killed: {pids}.")


def _kill_pods(record: ClusterRecord) -> None:
    """Kill every process below the cluster's control group; those that fork meanwhile are found again."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        pids = cgroups.processes(record.cgroup)
        if not pids:
            return
        stop(with_ids(pids), patience=0.0)


def _remove_cgroup(record: ClusterRecord) -> None:
    deadline = time.monotonic() + 5.0
    # The kernel frees a group a moment after its last process is gone.
    while left := cgroups.remove(record.cgroup):
        if time.monotonic() > deadline:
            names = ", ".join(map(str, left))
            raise LocalClusterError(f"The control groups {names} cannot be removed; they are still in use.")
        time.sleep(0.1)


def _unmount_below(folder: Path) -> None:
    """Unmount what is mounted in the folder, though the node's mounts are in a namespace that ended with it."""
    for mount_point in reversed(_mount_points("self")):
        if mount_point.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", mount_point], capture_output=True, check=False)
    if any(mount_point.startswith(f"{folder}/") for mount_point in _mount_points("self")):
        raise LocalClusterError(f"Something is still mounted below {folder}; see /proc/mounts and unmount it.")


def _mount_points(process: str) -> list[str]:
    try:
        lines = Path(f"/proc/{process}/mountinfo").read_text().splitlines()
    except OSError:
        return []
    # The kernel writes spaces as octal.
    return [line.split()[4].replace("\\040", " ") for line in lines]


def _remove_folder(folder: Path, keep_logs: bool) -> None:
    if not folder.exists():
        return
    for entry in folder.iterdir():
        if entry.name == RECORD_FILE or (keep_logs and entry.name == "logs"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    # The record is removed last: a teardown that was killed before can be retried.
    (folder / RECORD_FILE).unlink(missing_ok=True)
    if not keep_logs:
        shutil.rmtree(folder)


def _remove_made_folders(folders: list[str]) -> None:
    """Remove the folders that were made on the machine, unless somebody uses them by now."""
    if not folders:
        return
    # Removing a folder would detach what another cluster's node has mounted on it in its own namespace.
    in_use = {point for entry in Path("/proc").iterdir() if entry.name.isdigit() for point in _mount_points(entry.name)}
    for folder in sorted(folders, reverse=True):
        if folder not in in_use:
            try:
                Path(folder).rmdir()
            except OSError:
                continue
