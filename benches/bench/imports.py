"""The time that an installed plugin adds to `import flytekit`, in every task of every user."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.connectors import OURS, PEER
from bench.errors import BenchError
from bench.load import rotated
from bench.probe import of_ours
from bench.processes import run
from bench.results import Figure, Results, Target
from bench.stage import Stage
from bench.venvs import Venv

PLAIN = "no plugin"

#: The measure is a small difference of large values, so it takes more rounds than the others.
_ROUNDS_FOR_ONE = 4
_FEWEST_ROUNDS = 20

# VmHWM and not getrusage: after fork and exec, Linux's ru_maxrss starts at the parent's memory instead of nothing.
_PROBE = """
import json, re, sys, time
began, worked = time.perf_counter(), time.process_time()
import flytekit
took, worked = time.perf_counter() - began, time.process_time() - worked
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
plugin = any("k8sdataservice" in module for module in sys.modules)
print(json.dumps({"values": [took * 1000, worked * 1000, peak / 1024], "plugin": plugin}))
"""

# The interpreter's own account of the plugin's modules and of all that only they import. It is coarser than the figures
# above, since it counts the clock, and finer, since nothing has to be subtracted.
_MODULES = """
import re, subprocess, sys
command = [sys.executable, "-I", "-X", "importtime", "-c", "import flytekit"]
lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
found = [re.match(r"import time: +\\d+ \\| +(\\d+) \\| ( *)(\\S+)$", line) for line in lines]
mine = [each for each in found if each and re.match("(flytekitplugins[_.])?k8sdataservice", each[3])]
# A module that is indented further was imported by one of the others.
least = min((len(each[2]) for each in mine), default=0)
print(sum(int(each[1]) for each in mine if len(each[2]) == least) / 1000)
"""


def measure_imports(stage: Stage, results: Results) -> None:
    """Measures time and memory of `import flytekit` with each plugin and with none, in processes of their own."""
    venvs = of_ours(stage) | {PEER: stage.venvs.peer, PLAIN: stage.venvs.plain}
    clock = Figure("import flytekit, by the clock", "ms")
    work = Figure("import flytekit, processor time", "ms")
    memory = Figure("import flytekit, peak of memory", "MiB")
    modules = Figure("import flytekit, the plugin's modules by -X importtime", "ms", comparable=False)
    rounds = max(_FEWEST_ROUNDS, _ROUNDS_FOR_ONE * stage.rounds)
    with TemporaryDirectory(prefix="bench-import-") as folder:
        for round in range(-1, rounds):
            stage.announce("imports", round, rounds)
            for who in rotated(list(venvs), round):
                values = _probe(venvs[who], Path(folder), plugin=who != PLAIN)
                for figure, value in zip((clock, work, memory), values, strict=True):
                    if round >= 0:
                        figure.add(who, value)
                if round >= 0 and who != PLAIN:
                    modules.add(who, _of_modules(venvs[who], Path(folder)))
    for figure in (clock, work, memory):
        results.figures += [figure, figure.added([*of_ours(stage), PEER], PLAIN)]
    results.figures.append(modules)
    # Other programs stretch the time by the clock by more than what is looked for, and processor time hardly at all. An
    # import waits for nothing: on a quiet machine the two are the same.
    for figure, limit in ((work, 15.0), (memory, 4.0)):
        value = figure.added([OURS], PLAIN).spread(OURS).median
        wanted = f"at most {limit:.0f} {figure.unit} added to {figure.name}"
        results.targets.append(Target.at_most(wanted, value, limit, f" {figure.unit}"))
    value = modules.spread(OURS).median
    results.targets.append(Target.at_most(f"at most 5 ms for {modules.name}", value, 5.0, " ms"))


def _of_modules(venv: Venv, folder: Path) -> float:
    printed = run([venv.python, "-I", "-c", _MODULES], what="measure what import flytekit imports", cwd=folder)
    return float(printed.splitlines()[-1])


def _probe(venv: Venv, folder: Path, *, plugin: bool) -> list[float]:
    # Isolated: neither the environment nor the current folder lets anything else in.
    printed = run([venv.python, "-I", "-c", _PROBE], what="import flytekit", cwd=folder)
    # The peer's import writes lines of its own.
    output = json.loads(printed.splitlines()[-1])
    if output["plugin"] != plugin:
        raise BenchError(
            f"The environment {venv.folder} {'lacks its' if plugin else 'has a'} plugin: remove the folder."
        )
    values: list[float] = output["values"]
    return values
