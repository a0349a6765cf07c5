"""The parts of an answer beside the phase: links to logs, and the addresses of the pods."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flyteidl.core.execution_pb2 import TaskExecution
from google.protobuf import json_format
from k8sdataservice._core import Client

from cluster.support.configs import config
from cluster.support.connector import Connector
from cluster.support.kubernetes import Kubernetes, wait_until
from cluster.support.verdicts import Fault, bring_up, probe, shell, until_reported

LINK = (
    "Logs=https://logs.example/{{ .namespace }}/{{.podName}}/{{ .containerName }}"
    "?from={{ .podUnixStartTime }}&x={{ .y }}"
)


def test_each_pod_has_a_link_to_its_log(with_connector: Callable[..., Connector], kubernetes: Kubernetes) -> None:
    connector = with_connector(K8SDATASERVICE_LOG_LINKS=LINK)
    resource_meta = connector.create(config("foo", Replicas=2))
    ready = connector.until_done(resource_meta)
    assert ready.phase == TaskExecution.SUCCEEDED
    ready = wait_until(lambda: (answer := connector.get(resource_meta)).log_links and answer, "the links")
    assert [link.name for link in ready.log_links] == ["Logs foo-0", "Logs foo-1"]
    assert ready.log_links[0].uri.startswith(f"https://logs.example/{kubernetes.namespace}/foo-0/foo?from=1")
    assert ready.log_links[0].uri.endswith("&x={{ .y }}"), "what Flyte has no value for is left as it stands"


def test_without_a_template_there_are_no_links(connector: Connector) -> None:
    ready = connector.until_done(connector.create(config("foo", Replicas=0)))
    assert not ready.log_links


@pytest.mark.usefixtures("real_pods", "here")
def test_an_answer_says_where_the_pods_can_be_reached(connector: Connector, kubernetes: Kubernetes) -> None:
    connector.until_done(connector.create(config("foo", Replicas=2, Port=4321)))
    client = Client()
    status = client.wait_sync("foo", namespace=kubernetes.namespace)
    addresses = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in kubernetes.objects("pods")}
    reported = {endpoint.hostname: (endpoint.addresses, endpoint.ports) for endpoint in status.endpoints}
    assert reported == {f"{pod}.foo": ([address], [4321]) for pod, address in addresses.items()}


@pytest.mark.usefixtures("real_pods")
def test_a_grace_period_of_the_platform_is_followed(
    with_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = with_connector(K8SDATASERVICE_GRACE_PERIODS="ReadinessProbeFails=6s, ClaimPending=1h")
    says = shell("echo the reason; exec sleep 1000")
    fault = Fault(
        "ReadinessProbeFails", TaskExecution.FAILED, "has not passed", says, container=probe("readinessProbe")
    )
    reported = until_reported(connector, bring_up(connector, fault), fault)
    assert reported.message.endswith("the reason"), reported.message


def test_the_time_that_a_pod_has_to_stand_is_a_setting(
    with_connector: Callable[..., Connector], kubernetes: Kubernetes
) -> None:
    connector = with_connector(K8SDATASERVICE_MIN_READY_SECONDS="7")
    connector.create(config("foo", Replicas=0))
    stateful_set = kubernetes.get("statefulset", "foo")
    assert stateful_set and stateful_set["spec"]["minReadySeconds"] == 7


def test_waiting_services_are_counted_by_their_reason(connector: Connector) -> None:
    resource_meta = connector.create(config("foo", Requests={"cpu": "1000000"}, Limits=None, Replicas=2))
    reported = wait_until(
        lambda: (answer := connector.get(resource_meta)).phase == TaskExecution.WAITING_FOR_RESOURCES and answer,
        "the wait",
    )
    assert json_format.MessageToDict(reported.custom_info) == {"reason": "InsufficientCpu", "ready": 0.0, "wanted": 2.0}
