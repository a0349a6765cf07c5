"""The metrics: their names and labels as Prometheus reads them, and which processes serve them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
from flytekitplugins_k8sdataservice import prometheus
from k8sdataservice._core import Client
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

#: A sample: its name, its labels and its value.
Sample = tuple[str, dict[str, str], float]

#: The labels that do not name a service.
LABELS = {"result", "reason", "source", "cause", "phase", "kind", "cluster", "namespace", "le"}


def watch(kind: str, age: float | None, connected: bool, namespace: str = "flyte") -> SimpleNamespace:
    return SimpleNamespace(cluster="prod", namespace=namespace, kind=kind, age=age, connected=connected)


def namespace(name: str, services: dict[str, int] | None, leader: bool | None) -> SimpleNamespace:
    return SimpleNamespace(cluster="prod", namespace=name, services=services, held=2, holders=3, leader=leader)


KNOWN = SimpleNamespace(
    creates={"created": 3, "shared": 0},
    failures={"ImageNotFound": 1},
    polls={"memory": 1000, "read": 4},
    reaped={"run_failed": 2},
    ready_buckets=[(1.0, 0), (7.5, 2), (float("inf"), 3)],
    ready_count=3,
    ready_sum=71.5,
    namespaces=[namespace("flyte", {"ready": 4, "asleep": 1}, True), namespace("new", None, None)],
    watches=[watch("Pod", 12.5, True), watch("FlyteWorkflow", None, False, namespace="")],
)


def scraped() -> list[Sample]:
    registry = CollectorRegistry()
    registry.register(prometheus.MetricsCollector())
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def test_prometheus_reads_every_number_under_its_name_and_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_metrics", lambda: KNOWN)
    flyte = {"cluster": "prod", "namespace": "flyte"}
    everywhere = {"cluster": "prod", "namespace": ""}
    assert scraped() == [
        ("k8sdataservice_creates_total", {"result": "created"}, 3),
        ("k8sdataservice_creates_total", {"result": "shared"}, 0),
        ("k8sdataservice_failures_total", {"reason": "ImageNotFound"}, 1),
        ("k8sdataservice_polls_total", {"source": "memory"}, 1000),
        ("k8sdataservice_polls_total", {"source": "read"}, 4),
        ("k8sdataservice_reaped_total", {"cause": "run_failed"}, 2),
        ("k8sdataservice_ready_seconds_bucket", {"le": "1.0"}, 0),
        ("k8sdataservice_ready_seconds_bucket", {"le": "7.5"}, 2),
        ("k8sdataservice_ready_seconds_bucket", {"le": "+Inf"}, 3),
        ("k8sdataservice_ready_seconds_count", {}, 3),
        ("k8sdataservice_ready_seconds_sum", {}, 71.5),
        ("k8sdataservice_services", flyte | {"phase": "ready"}, 4),
        ("k8sdataservice_services", flyte | {"phase": "asleep"}, 1),
        ("k8sdataservice_services_held", flyte, 2),
        ("k8sdataservice_holders", flyte, 3),
        ("k8sdataservice_leader", flyte, 1),
        ("k8sdataservice_watch_connected", flyte | {"kind": "Pod"}, 1),
        ("k8sdataservice_watch_connected", everywhere | {"kind": "FlyteWorkflow"}, 0),
        ("k8sdataservice_watch_age_seconds", flyte | {"kind": "Pod"}, 12.5),
    ]


def test_before_the_first_call_every_counter_is_there_with_zero_and_no_gauge() -> None:
    output = python(
        """
        from flytekitplugins_k8sdataservice import prometheus
        from k8sdataservice.default_client import default_client
        from unit.test_metrics import scraped
        print(json.dumps([scraped(), default_client.cache_info().currsize]))
        """
    )
    samples, clients = json.loads(output)
    assert {value for _, _, value in samples} == {0}
    assert {label for _, labels, _ in samples for label in labels} <= LABELS
    names = {name for name, _, _ in samples}
    counters = {f"k8sdataservice_{name}_total" for name in ("creates", "failures", "polls", "reaped")}
    assert counters < names and "k8sdataservice_ready_seconds_sum" in names
    assert not any("services" in name or "watch" in name for name in names)
    assert clients == 0, "a scrape makes no client"


def test_a_create_that_is_refused_before_it_is_sent_is_counted() -> None:
    def invalid() -> int:
        metrics = Client().metrics()
        assert metrics
        return metrics.creates["invalid"]

    before = invalid()
    with pytest.raises(ValueError, match="Image"):
        Client().create_sync({"Name": "foo", "Image": 7}, namespace="flyte", owner="me", execution="a test")
    assert invalid() == before + 1


@pytest.mark.usefixtures("silent_cluster")
def test_a_fork_has_no_metrics() -> None:
    python(
        """
        import os, sys
        from k8sdataservice._core import Client
        client = Client(timeout=0.1)
        client.get_sync("foo", namespace="flyte")
        assert client.metrics() is not None
        child = os.fork()
        if child == 0:
            os._exit(0 if client.metrics() is None and Client().metrics() is None else 1)
        sys.exit(os.waitpid(child, 0)[1])
        """
    )


REGISTERED = """
import sys
before = "prometheus_client" in sys.modules
import flytekit
collectors = getattr(sys.modules.get("prometheus_client"), "REGISTRY", None)
names = sorted(collectors._names_to_collectors) if collectors else []
print(json.dumps([name for name in names if name.startswith("k8sdataservice_")]))
assert "k8sdataservice._core" not in sys.modules
"""


def test_only_a_connector_serves_them() -> None:
    assert json.loads(python(REGISTERED)) == []
    served = json.loads(python(REGISTERED, "serve", "connector"))
    assert {"k8sdataservice_creates_total", "k8sdataservice_services", "k8sdataservice_ready_seconds"} <= set(served)
    assert json.loads(python(REGISTERED, "serve", "agent")) == served


def test_a_connector_starts_without_the_client_of_prometheus() -> None:
    hidden = "import sys; sys.modules['prometheus_client'] = None\n"
    assert json.loads(python(hidden + textwrap.dedent(REGISTERED), "serve", "connector")) == []


def python(script: str, *words: str) -> str:
    """Runs a script in a fresh interpreter, with these words on its command line, and returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", "import json\n" + textwrap.dedent(script), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
