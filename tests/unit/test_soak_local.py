"""Local mode under disturbances, for a short while; ``make soak-local`` takes longer."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from soak_local import leftovers
from soak_local.run import KILLS, soak

#: For how long services come and go, in seconds.
SECONDS = 20


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason=f"{sys.platform} does not show what is left")
def test_nothing_is_left_of_services_whose_replicas_and_owners_are_killed() -> None:
    findings, counts = soak(SECONDS, seed=0)
    assert findings == [], counts
    assert counts["owners"] == KILLS + 1


def test_the_soak_finds_leftovers(tmp_path: Path) -> None:
    # Otherwise the soak would find nothing wrong in any case.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert len(leftovers.listeners(port)) == 1
    assert leftovers.listeners(port) == []
    left = subprocess.Popen(["sleep", "60"], env={"TMPDIR": str(tmp_path), "MARKER": "x"})
    try:
        assert leftovers.processes(tmp_path) == leftovers.processes(tmp_path, "MARKER") == [left.pid]
        assert leftovers.processes(tmp_path, "OTHER") == []
    finally:
        left.kill()
        left.wait()
    assert leftovers.processes(tmp_path) == []
    (tmp_path / "folder").mkdir()
    assert leftovers.files(tmp_path) == []
    (tmp_path / "folder" / "lock").touch()
    assert leftovers.files(tmp_path) == [tmp_path / "folder" / "lock"]
