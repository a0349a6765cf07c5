"""Measuring in a process of its own, with our plugin's environment and no other code in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.connectors import BEFORE, OURS
from bench.processes import environment, run
from bench.stage import Stage
from bench.venvs import Venv

_BENCHES = Path(__file__).parents[1]


def of_ours(stage: Stage) -> dict[str, Venv]:
    """Returns the environments with a version of ours, each of which a probe can run in."""
    before = {BEFORE: stage.venvs.before} if stage.venvs.before else {}
    return {OURS: stage.venvs.ours, **before}


def probe(stage: Stage, what: str, kubeconfig: Path, question: dict[str, Any], venv: Venv | None = None) -> Any:
    """Has one of the probes answer a question, in our environment unless it is given another one.

    Raises:
        BenchError: It could not, or what it measured was wrong; the message has the probe's own words.
    """
    command: list[str | Path] = [(venv or stage.venvs.ours).python, "-m", f"probes.{what}"]
    variables = environment() | {"KUBECONFIG": str(kubeconfig)}
    return json.loads(run(command, what=f"measure {what}", env=variables, input=json.dumps(question), cwd=_BENCHES))
