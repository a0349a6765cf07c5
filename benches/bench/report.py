"""The results, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.connectors import OURS
from bench.results import Figure, Results, Spread


def show(results: Results) -> None:
    """Prints everything."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a log is read later, by someone with a wider window than none
    for name, fact in results.facts.items():
        console.print(f"{name + ':':14}{fact}", highlight=False)
    console.print(_figures(results.figures))
    if results.faults:
        console.print(_faults(results))
    if results.targets:
        console.print(_targets(results))


def write(results: Results, folder: Path) -> Path:
    """Writes everything, with the value of every round, and returns the file."""
    now = datetime.now(timezone.utc)
    folder.mkdir(exist_ok=True)
    file = folder / f"{now:%Y-%m-%dT%H-%M-%SZ}.json"
    content = {
        "date": now.isoformat(timespec="seconds"),
        "facts": results.facts,
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "rounds": figure.rounds,
                "summary": {who: asdict(figure.spread(who)) for who in figure.rounds},
                "ours_to": {who: asdict(figure.ratio(OURS, who)) for who in figure.rounds if who != OURS}
                if figure.comparable
                else None,
            }
            for figure in results.figures
        ],
        "creates": [asdict(faults) for faults in results.faults],
        "targets": [asdict(target) for target in results.targets],
    }
    file.write_text(json.dumps(content, indent=2) + "\n")
    return file


def _figures(figures: list[Figure]) -> Table:
    table = Table("figure", "who", title="Measured side by side, round by round: median (lowest to highest)")
    table.add_column("value", justify="right")
    table.add_column("ours divided by it", justify="right")
    for figure in figures:
        for number, who in enumerate(figure.rounds):
            name = f"{figure.name}, {figure.unit}" if number == 0 else ""
            ratio = "" if who == OURS or not figure.comparable else _in_short(figure.ratio(OURS, who))
            table.add_row(name, who, _in_short(figure.spread(who)), ratio)
        table.add_section()
    return table


def _in_short(spread: Spread) -> str:
    decimals = 0 if abs(spread.median) >= 100 else 1 if abs(spread.median) >= 20 else 2
    median, lowest, highest = (f"{value:,.{decimals}f}" for value in (spread.median, spread.min, spread.max))
    return f"{median} ({lowest} to {highest})"


def _faults(results: Results) -> Table:
    table = Table("creates", title="What became of the creates")
    columns = ("asked for", "errors", "wrong name", "name answered twice", "half made", "lost")
    for column in columns:
        table.add_column(column, justify="right")
    for faults in results.faults:
        counts = (
            faults.asked,
            faults.errors,
            faults.wrong_names,
            faults.repeated_names,
            faults.half_made,
            faults.lost,
        )
        table.add_row(faults.who, *(str(count) for count in counts))
    return table


def _targets(results: Results) -> Table:
    table = Table("wanted of ours", "measured", "", title="Targets")
    for target in results.targets:
        table.add_row(target.wanted, target.measured, "met" if target.met else "MISSED")
    return table
