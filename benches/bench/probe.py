"""Measuring in a process of its own, with our plugin's environment and no other code in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.processes import environment, run
from bench.stage import Stage

_BENCHES = Path(__file__).parents[1]


def probe(stage: Stage, what: str, kubeconfig: Path, question: dict[str, Any]) -> Any:
    """Has one of the probes answer a question.

    Raises:
        BenchError: It could not, or what it measured was wrong; the message has the probe's own words.
    """
    command: list[str | Path] = [stage.venvs.ours.python, "-m", f"probes.{what}"]
    variables = environment() | {"KUBECONFIG": str(kubeconfig)}
    return json.loads(run(command, what=f"measure {what}", env=variables, input=json.dumps(question), cwd=_BENCHES))
