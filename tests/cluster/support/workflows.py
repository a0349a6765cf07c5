"""Workflows that the tests run with ``pyflyte run``."""

from __future__ import annotations

import time
from pathlib import Path

from flytekit import Resources, kwtypes, task, workflow
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask

TINY = Resources(cpu="10m", mem="16Mi")

never_ready = DataServiceTask(
    name="never-ready",
    task_config=DataServiceConfig(
        Name="never-ready", Image="busybox:latest", Replicas=1, Requests=Resources(cpu="1000000")
    ),
)
ready = DataServiceTask(
    name="ready",
    inputs=kwtypes(ds=str),
    task_config=DataServiceConfig(Name="ready", Image="busybox:latest", Replicas=0, Requests=TINY, Limits=TINY),
)
bound = DataServiceTask(
    name="bound",
    task_config=DataServiceConfig(
        Name="bound", Image="busybox:latest", Replicas=0, Requests=TINY, Limits=TINY, Lifetime="run"
    ),
)
unnamed = DataServiceTask(
    name="unnamed", task_config=DataServiceConfig(Image="busybox:latest", Replicas=0, Requests=TINY, Limits=TINY)
)
standing = DataServiceTask(
    name="standing",
    task_config=DataServiceConfig(
        Name="standing", Image="busybox:latest", Command=["sleep", "1000"], Requests=TINY, Limits=TINY
    ),
)
attached = DataServiceTask(name="attached", task_config=DataServiceConfig(ExistingReleaseName="existing"))
bad = DataServiceTask(name="bad", task_config=DataServiceConfig(Image="busybox:latest", Port=70000))
cleanup = CleanupSensor(name="cleanup")


@task
def consume(name: str, marker: str) -> str:
    """Says that it has begun, and takes a while."""
    Path(marker).write_text(name)
    time.sleep(30)
    return name


@task
def greet(name: str) -> str:
    """Uses the service's name."""
    return f"hello {name}"


@workflow
def waits_for_ever() -> str:
    """Never gets further than the service."""
    return never_ready()


@workflow
def comes_up() -> str:
    """Ends with a service that stands."""
    return standing()


@workflow
def consumes(marker: str) -> str:
    """Is busy with the service for a while."""
    return consume(name=ready(ds="x"), marker=marker)


@workflow
def consumes_bound(marker: str) -> str:
    """Is busy for a while with a service that ends with the run."""
    return consume(name=bound(), marker=marker)


@workflow
def consumes_existing(marker: str) -> str:
    """Is busy with a service that it did not make."""
    return consume(name=attached(), marker=marker)


@workflow
def passes_the_name() -> str:
    """Hands the name to a consumer and to the sensor."""
    name = unnamed()
    greeting = greet(name=name)
    greeting >> cleanup(release_name=name, cleanup_data_service=True)
    return greeting


@workflow
def is_refused() -> str:
    """Has a port that does not exist."""
    return bad()
