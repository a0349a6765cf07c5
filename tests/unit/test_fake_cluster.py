"""A fake cluster: each cause gives the reason of its name, and time counts as on a real one."""

from __future__ import annotations

import time

import pytest
from k8sdataservice._core import FakeCluster as Core
from k8sdataservice.testing.fake import FakeCluster

CONFIG = {"Name": "foo", "Image": "redis:7", "Port": 6379, "Command": ["serve"]}


@pytest.mark.parametrize("cause", Core.causes())
def test_each_cause_gives_the_reason_of_its_name(fake_cluster: FakeCluster, cause: str) -> None:
    fake_cluster.will(cause)
    foo = fake_cluster.create({**CONFIG, "PodTemplate": {"spec": {"initContainers": [{"name": "init", "image": "i"}]}}})
    fake_cluster.advance("58s")
    status = foo.status()
    print(f"{cause:24} {status.phase:20} {status.reason:24} {status.message}")
    assert status.reason == cause
    fake_cluster.will("Ready")
    fake_cluster.advance("1h")
    assert foo.status().phase == "Ready"
    foo.delete()
    assert fake_cluster.left() == []


def test_the_log_of_a_process_that_ends_is_in_the_message(fake_cluster: FakeCluster) -> None:
    fake_cluster.will("ContainerExits", "foo", log="loading\nno space left\n")
    fake_cluster.will("ContainerExits")
    foo, bar = (fake_cluster.create({**CONFIG, "Name": name}) for name in ("foo", "bar"))
    fake_cluster.advance("5m 30s")
    assert foo.status().message.endswith(" Its last log lines:\nloading\nno space left")
    assert bar.status().message.endswith(" It has written nothing.")


def test_a_day_passes_in_less_than_100_ms(fake_cluster: FakeCluster) -> None:
    foo = fake_cluster.create({**CONFIG, "Lifetime": {"ttl": "1d"}})
    fake_cluster.advance("1m")
    # By the processor's time, which other programs do not stretch. `make bench` measures it by the clock.
    begun = time.process_time()
    fake_cluster.advance("1d")
    assert time.process_time() - begun < 0.1
    assert foo.status().reason == "StatefulSetNotFound"
