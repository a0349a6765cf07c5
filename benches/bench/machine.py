"""The facts without which a figure says nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from bench.processes import run
from bench.stage import Stage
from bench.venvs import PEER_REQUIREMENT


def facts(stage: Stage) -> dict[str, str]:
    """Describes what was measured and where."""
    code = "from importlib.metadata import version; print(version('flytekitplugins-k8sdataservice'))"
    ours = run([stage.venvs.ours.python, "-I", "-c", code], what="read our version").strip()
    return {
        "ours": f"flytekitplugins-k8sdataservice {ours}, this checkout",
        "peer": PEER_REQUIREMENT.replace("==", " "),
        "flytekit": version("flytekit"),
        "cluster": stage.cluster.description,
        "cores": f"{os.cpu_count()}, {_processor()}",
        "kernel": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": platform.python_version(),
        "load before": _load(),
        "rounds": str(stage.rounds),
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.2f} (1 minute)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
