"""What a local cluster leaves on the machine, seen from outside by ``/proc`` and the file system."""

from __future__ import annotations

from pathlib import Path

#: The state of a socket that listens, in ``/proc/net/tcp``.
LISTENS = "0A"


def processes(folder: Path, variable: str = "") -> list[int]:
    """Returns the processes that have a folder in their environment or in their command line.

    Args:
        folder: The folder.
        variable: Only those that have this variable, too.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            # It has ended.
            continue
        is_meant = not variable or variable.encode() + b"=" in environment
        if is_meant and str(folder).encode() in environment + command:
            found.append(int(process.name))
    return found


def files(folder: Path) -> list[Path]:
    """Returns what is in a folder, except for folders that have nothing in them."""
    return [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]


def listeners(port: int) -> list[str]:
    """Returns the sockets that listen on a port."""
    found = []
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(f"{table} {fields[1]}")
    return found
