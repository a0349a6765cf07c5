"""Metrics as Prometheus reads them: over HTTP, in its text format."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "k8sdataservice_"


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, by name and labels."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float | None:
        """Returns one number; None where there is none."""
        return self.samples.get((PREFIX + name, frozenset(labels.items())))

    def nonzero(self, name: str, label: str, **others: str) -> dict[str, float]:
        """Returns the numbers of one name that are not zero, by one label, where the others are these."""
        found = {}
        for (of, labels), value in self.samples.items():
            known = dict(labels)
            if of == PREFIX + name and value and others.items() <= known.items():
                found[known[label]] = value
        return found

    def total(self, name: str, **labels: str) -> float:
        """Returns the sum of all numbers of a name, whichever metrics it is of, that have these labels."""
        return sum(value for (of, known), value in self.samples.items() if of == name and labels.items() <= set(known))


def scrape(port: int) -> Scrape:
    """Scrapes a port on loopback.

    Raises:
        AssertionError: Two samples have the same name and labels, which Prometheus refuses.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(samples)
