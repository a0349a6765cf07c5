"""The summary, for people."""

from __future__ import annotations

import statistics

from rich.console import Console
from rich.table import Table

from soak.audit import Audit
from soak.calls import Calls
from soak.clock import minutes
from soak.disturbances import Disturbances
from soak.kinds import KINDS
from soak.samples import MOST_FILES, MOST_MEBIBYTES, Sampler
from soak.service import Service


def show(
    console: Console,
    services: list[Service],
    disturbances: Disturbances,
    calls: Calls,
    sampler: Sampler,
    audit: Audit,
) -> None:
    """Prints everything but what was wrong."""
    for table in (_services(services), _disturbances(disturbances), _calls(calls), _processes(sampler)):
        console.print(table)
    if calls.messages:
        console.print("Refused, or else:")
    for message, count in calls.messages.most_common(8):
        console.print(f"  {count} x {message}", highlight=False, markup=False)
    console.print(
        f"The cluster was looked at {audit.looks} times. Of a service whose task was over the last was gone "
        f"{audit.slowest:.1f} s later at most.",
        highlight=False,
    )
    if audit.strays.forgotten:
        console.print(
            f"[yellow]Kubernetes has forgotten {audit.strays.forgotten} pods of StatefulSets that were created again "
            "under their names during an outage (kubernetes/kubernetes#120862); they were deleted as by a person.[/]",
            highlight=False,
        )


def _services(services: list[Service]) -> Table:
    table = Table("services", "are to end", title="What was asked for")
    for column in ("of them", "over and gone", "seconds, median", "longest"):
        table.add_column(column, justify="right")
    for kind in KINDS:
        mine = [service for service in services if service.kind is kind]
        if mine:
            seconds = [service.seconds for service in mine]
            gone = sum(service.is_gone for service in mine)
            times = (f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}")
            table.add_row(kind.title, kind.end.value, str(len(mine)), str(gone), *times)
    table.add_section()
    table.add_row("all", "", str(len(services)), str(sum(service.is_gone for service in services)), "", "")
    return table


def _disturbances(disturbances: Disturbances) -> Table:
    table = Table("what was done", title="What happened meanwhile")
    for column in ("times", "seconds, median", "longest"):
        table.add_column(column, justify="right")
    for title, seconds in disturbances.done.items():
        table.add_row(title, str(len(seconds)), f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}")
    return table


def _calls(calls: Calls) -> Table:
    table = Table("call", title="What the connectors were asked")
    for column in ("calls", "failed: connector killed", "API server away", "refused, or else"):
        table.add_column(column, justify="right")
    for verb, count in calls.made.items():
        failed = (str(reason[verb]) for reason in (calls.killed, calls.away, calls.other))
        table.add_row(verb, f"{count:,}", *failed)
    return table


def _processes(sampler: Sampler) -> Table:
    allowed = f"{MOST_MEBIBYTES:.0f} MiB and {MOST_FILES} files are allowed"
    table = Table("time", title=f"Memory in MiB, and open files ({allowed} after a minute)")
    for history in sampler.histories:
        table.add_column(history.title, justify="right")
    end = max((history.samples[-1].at for history in sampler.histories if history.samples), default=0.0)
    times = [60.0 * minute for minute in range(int(end) // 60 + 1)]
    for at in [*times, end]:
        cells = []
        for history in sampler.histories:
            near = [sample for sample in history.samples if abs(sample.at - at) < 6]
            sample = min(near, key=lambda each: abs(each.at - at)) if near else None
            cells.append(f"{sample.mebibytes:.1f}  {sample.files:3}" if sample else "")
        table.add_row(minutes(at), *cells)
    table.add_section()
    growths = [history.growth for history in sampler.histories]
    table.add_row(
        "growth", *(f"{growth[0]:+.1f}  {growth[1]:+3}" if growth else "too short a life" for growth in growths)
    )
    return table
