"""The connector's metrics for Prometheus, beside flytekit's own on the port of ``pyflyte serve connector``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from k8sdataservice.default_client import default_client
from prometheus_client import REGISTRY, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from k8sdataservice._core import Metrics

_PREFIX = "k8sdataservice_"
_NAMESPACE = ("cluster", "namespace")
_WATCH = (*_NAMESPACE, "kind")

#: Each counter: its name, its label and what it counts. The core calls it by its name.
_COUNTERS = {
    "creates": ("result", "Creates of data services, by result."),
    "failures": ("reason", "Failed data services, by the reason of the verdict: once each, not once per poll."),
    "polls": ("source", "Polls that were answered, from memory or by a read."),
    "reaped": ("cause", "Data services that were ended, or put to sleep, by cause."),
}

_SERVICES = ("services", "Data services that the watches hold in memory, by phase.", (*_NAMESPACE, "phase"))
_HELD = ("services_held", "Data services that a run or a process holds.", _NAMESPACE)
_HOLDERS = ("holders", "Runs and processes that hold data services.", _NAMESPACE)
_LEADER = (
    "leader",
    "Whether this process ends the services of the namespace, where connectors take turns.",
    _NAMESPACE,
)
_CONNECTED = ("watch_connected", "Whether the watch reports every change.", _WATCH)
_AGE = ("watch_age_seconds", "Seconds since the API server last sent something to the watch.", _WATCH)

_READY = "ready_seconds"
_READY_HELP = "Seconds from the creation of a StatefulSet until the first answer that it is ready."


class MetricsCollector:
    """Reads the core's metrics at each scrape. It asks no API server, and counts nothing itself."""

    def describe(self) -> Iterable[Metric]:
        """Returns the families without samples: registering the collector loads nothing."""
        yield from (_counter(name) for name in _COUNTERS)
        yield from (_gauge(*gauge) for gauge in (_SERVICES, _HELD, _HOLDERS, _LEADER, _CONNECTED, _AGE))
        yield HistogramMetricFamily(_PREFIX + _READY, _READY_HELP)

    def collect(self) -> Iterator[Metric]:
        """Returns the metrics: nothing in a fork, and counters of zero before the first call of the connector."""
        metrics = _metrics()
        if metrics is None:
            return
        for name in _COUNTERS:
            counter = _counter(name)
            for label, count in getattr(metrics, name).items():
                counter.add_metric([label], count)
            yield counter
        ready = HistogramMetricFamily(_PREFIX + _READY, _READY_HELP)
        buckets = [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in metrics.ready_buckets]
        ready.add_metric([], buckets, metrics.ready_sum)
        yield ready
        yield from _gauges_of_namespaces(metrics)
        yield from _gauges_of_watches(metrics)


def _gauges_of_namespaces(metrics: Metrics) -> Iterator[Metric]:
    services, held, holders, leader = (_gauge(*gauge) for gauge in (_SERVICES, _HELD, _HOLDERS, _LEADER))
    for namespace in metrics.namespaces:
        place = [namespace.cluster, namespace.namespace]
        if namespace.leader is not None:
            leader.add_metric(place, float(namespace.leader))
        if namespace.services is None:
            continue
        for phase, count in namespace.services.items():
            services.add_metric([*place, phase], count)
        held.add_metric(place, namespace.held)
        holders.add_metric(place, namespace.holders)
    yield from (services, held, holders, leader)


def _gauges_of_watches(metrics: Metrics) -> Iterator[Metric]:
    connected, age = _gauge(*_CONNECTED), _gauge(*_AGE)
    for watch in metrics.watches:
        place = [watch.cluster, watch.namespace, watch.kind]
        connected.add_metric(place, float(watch.connected))
        if watch.age is not None:
            age.add_metric(place, watch.age)
    yield from (connected, age)


def _counter(name: str) -> Any:
    label, documentation = _COUNTERS[name]
    return CounterMetricFamily(_PREFIX + name, documentation, labels=[label])


def _gauge(name: str, documentation: str, labels: tuple[str, ...]) -> Any:
    return GaugeMetricFamily(_PREFIX + name, documentation, labels=list(labels))


def _metrics() -> Metrics | None:
    if default_client.cache_info().currsize:
        return default_client().metrics()
    # A scrape makes no client: two that are made at the same time would be two.
    from k8sdataservice._core import Client

    return Client().metrics()


@cache
def register() -> None:
    """Registers the collector with Prometheus's default registry, once.

    ``pyflyte serve connector`` does so by itself. A program that serves the connector in another way calls this.
    """
    REGISTRY.register(MetricsCollector())
