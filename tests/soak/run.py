"""One soak, from a cluster of its own to the summary."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.support.account import kubeconfig_of_account
from cluster.support.connector import environment
from cluster.support.kubernetes import Kubernetes
from localcluster import LocalCluster
from rich.console import Console

from soak import report
from soak.admin import Admin
from soak.audit import Audit
from soak.calls import Calls
from soak.clock import Clock, minutes
from soak.connectors import Connectors
from soak.disturbances import Disturbances
from soak.findings import Findings
from soak.kinds import mix
from soak.place import NAMESPACE, Foreign, foreign_objects, furnish
from soak.propeller import Propeller
from soak.samples import Sampler
from soak.service import Service
from soak.tokens import Tokens

#: How often to say how it goes, in seconds.
INTERVAL = 10.0
#: How long, in seconds, the last services may take to end.
LAST = 150.0


def soak(how_long: float, rate: float, grace: float, seed: int | None) -> list[str]:
    """Runs a soak, and returns what was wrong."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        # A log is read later, by someone with a wider window than none.
        console = Console(highlight=False, soft_wrap=True, width=120)
    seed = random.randrange(1_000_000) if seed is None else seed
    console.print(f"A soak of {how_long:g} minutes, {rate:g} services a minute, seed {seed}.")
    with ExitStack() as stack:
        console.print("Starting a cluster and two connectors.")
        cluster = stack.enter_context(LocalCluster.start(f"soak-{os.getpid()}"))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="soak-")))
        kubernetes = Kubernetes(str(cluster.kubectl_program), cluster.kubeconfig, NAMESPACE)
        furnish(kubernetes)
        admin = stack.enter_context(Admin(kubernetes.kubectl, cluster.kubeconfig, NAMESPACE))
        foreign = foreign_objects(admin)
        token = folder / "token"
        tokens = Tokens(admin, cluster.api_server, cluster.certificate_authority, token)
        account = kubeconfig_of_account(kubernetes, folder, {"tokenFile": str(token)})
        connectors = stack.enter_context(Connectors(environment(account, NAMESPACE), folder))
        clock = Clock()
        findings = Findings(clock, console)
        audit = Audit(admin, findings, grace)
        sampler = Sampler(connectors, clock)
        calls = Calls(connectors)
        disturbances = Disturbances(cluster, connectors, tokens, clock, console, findings)
        crowd = _Crowd(Propeller(calls, admin, findings, audit.over), audit, clock, console, sampler)
        plan = disturbances.plan(how_long * 60)
        with (
            _beside(audit.watch),
            _beside(sampler.watch),
            _beside(lambda stop: disturbances.run(plan, stop), waits=60),
        ):
            crowd.run(how_long * 60, rate, random.Random(seed))
            crowd.wait_for_the_last(grace)
        _check_the_end(crowd, audit, admin, foreign, sampler, findings)
        report.show(console, crowd.services, disturbances, calls, sampler, audit)
        _conclude(console, findings, foreign, plan, disturbances)
        return findings.sentences


class _Crowd:
    """All the services of a soak."""

    def __init__(self, propeller: Propeller, audit: Audit, clock: Clock, console: Console, sampler: Sampler) -> None:
        self._propeller = propeller
        self._audit = audit
        self._clock = clock
        self._console = console
        self._sampler = sampler
        self._said = 0.0
        self.services: list[Service] = []

    def run(self, seconds: float, rate: float, chance: random.Random) -> None:
        """Begins services, at this rate a minute."""
        kinds = mix(chance)
        while (now := self._clock.now()) < seconds:
            if now >= len(self.services) * 60 / rate:
                service = Service(len(self.services) + 1, next(kinds), self._clock)
                self.services.append(service)
                self._audit.expect(service)
                threading.Thread(target=self._propeller.live, args=(service,), daemon=True).start()
            self._say_now_and_then()
            self._clock.wait(0.1)

    def wait_for_the_last(self, grace: float) -> None:
        """Waits until all are gone, or should have been."""
        end = self._clock.now() + LAST
        while (self._audit.awaited() or self._audit.strays.are_there) and self._clock.now() < end:
            self._say_now_and_then()
            self._clock.wait(0.1)
        # Nobody waited for a result that arrives after that.
        self._clock.wait(grace / 3)

    def _say_now_and_then(self) -> None:
        if self._clock.now() < self._said:
            return
        self._said += INTERVAL
        over = sum(service.is_over for service in self.services)
        away = ", [yellow]the API server is away[/]" if self._audit.is_away and self._audit.looks else ""
        under_way = len(self.services) - over
        self._console.print(
            f"[dim]{minutes(self._clock.now()):>6}[/]  {len(self.services):3} services made, {over:3} over, "
            f"{under_way} under way{away}  [dim]{self._sampler.latest()}[/]"
        )


def _check_the_end(
    crowd: _Crowd, audit: Audit, admin: Admin, foreign: list[Foreign], sampler: Sampler, findings: Findings
) -> None:
    """Looks at what is left, once all is over."""
    audit.look()
    for service in crowd.services:
        if not service.is_over:
            findings.add("It did not come to its end.", service)
    collections = {"StatefulSet": admin.stateful_sets, "Service": admin.services, "Pod": admin.pods}
    for kind, collection in collections.items():
        for item in admin.ours(collection):
            # Pods end in their own time.
            if "deletionTimestamp" not in item["metadata"]:
                findings.add(f"At the end {kind} {item['metadata']['name']} is left.")
    for each in foreign:
        if change := each.change(admin):
            findings.add(f"What is somebody else's was not left alone: {change}.")
    for history in sampler.histories:
        if fault := history.fault:
            findings.add(fault)


def _conclude(
    console: Console, findings: Findings, foreign: list[Foreign], plan: Sequence[object], disturbances: Disturbances
) -> None:
    done = sum(map(len, disturbances.done.values()))
    if done < len(plan):
        findings.add(f"Only {done} of {len(plan)} disturbances took place.")
    if findings.sentences:
        console.print(f"[bold red]{len(findings.sentences)} things were wrong:[/]")
        for sentence in findings.sentences:
            console.print(f"  - {sentence}", markup=False)
        return
    console.print(
        "[bold green]Nothing was wrong:[/] no orphan, no wrong phase, memory and open files flat, "
        f"and {len(foreign)} objects of others as they were."
    )


@contextmanager
def _beside(watch: Callable[[threading.Event], None], waits: float = 10.0) -> Iterator[None]:
    """Runs something in a thread of its own meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(waits)
