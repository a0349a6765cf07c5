"""The record of a cluster, so that any later process can use it or take it down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localcluster.versions import DEFAULT

RECORD_FILE = "cluster.json"


@dataclass(frozen=True)
class ProcessRecord:
    """One started component. The start time distinguishes it from a later process with the same id."""

    component: str
    pid: int
    start_time: int
    command: list[str]


@dataclass
class ClusterRecord:
    """Everything that a cluster made outside its own folder, and how to reach it."""

    name: str
    # Found in the environment of every process of this run, also of those that are not recorded below.
    run: str
    boot: str
    runs_real_pods: bool
    why_no_real_pods: str | None
    bridge: str
    cgroup: str
    pod_subnet: str
    service_subnet: str
    node_ip: str
    service_ip: str
    api_server_address: str
    api_server_port: int = 0
    ready: bool = False
    kubernetes: str = DEFAULT
    # Folders of the machine that were not there before.
    made_folders: list[str] = field(default_factory=list)
    processes: list[ProcessRecord] = field(default_factory=list)

    @property
    def api_server(self) -> str:
        """The API server's URL."""
        return f"https://{self.api_server_address}:{self.api_server_port}"

    def process(self, component: str) -> ProcessRecord | None:
        """Return a component's process, or None if it was not started."""
        return next((process for process in self.processes if process.component == component), None)

    def save(self, folder: Path) -> None:
        """Write the record so that a reader sees either the old or the new one."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{RECORD_FILE}.new"
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(folder / RECORD_FILE)

    @classmethod
    def load(cls, folder: Path) -> ClusterRecord | None:
        """Return the record in `folder`, or None where there is none that can be read."""
        try:
            values = json.loads((folder / RECORD_FILE).read_text())
            values["processes"] = [ProcessRecord(**process) for process in values["processes"]]
            return cls(**values)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None


def boot_id() -> str:
    """Return what the kernel calls this boot; process ids mean nothing after the next one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
