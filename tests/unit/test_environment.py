"""Variables that refer to each other: in which order Kubernetes gets them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from flytekitplugins_k8sdataservice import InvalidSpecError
from k8sdataservice._core import manifests, validate


def order(env: dict[str, Any], **fields: Any) -> list[str]:
    config = {"Name": "foo", "Image": "busybox", "Env": env} | fields
    stateful_set = manifests(config, namespace="flyte", owner="me", execution="a test")[0]
    return [variable["name"] for variable in stateful_set["spec"]["template"]["spec"]["containers"][0]["env"]]


def refusal(env: dict[str, Any], **fields: Any) -> str:
    with pytest.raises(InvalidSpecError) as raised:
        validate({"Image": "busybox", "Env": env} | fields)
    return str(raised.value)


OWN = ["GE_BASE_PORT", "GE_COUNT", "SERVER_PORT"]


def test_variables_without_references_are_sorted_by_name_as_ever() -> None:
    assert order({"C": "1", "A": "$$(C)", "B": "$(NOBODY)"}) == [*OWN, "A", "B", "C"]


def test_a_variable_comes_after_those_that_it_refers_to() -> None:
    assert order({"A": "http://$(Z):$(GE_BASE_PORT)", "B": "", "Z": "db"}) == [*OWN, "Z", "A", "B"]
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    assert order({"A": "$(B)", "B": "$(C)$(Z)", "C": "", "Z": secret}) == [*OWN, "C", "Z", "B", "A"]


def test_a_variable_of_the_plugin_that_is_overridden_may_refer_to_others() -> None:
    assert order({"GE_COUNT": "$(Z)", "Z": "3"}) == ["GE_BASE_PORT", "SERVER_PORT", "Z", "GE_COUNT"]


def test_a_list_of_a_template_keeps_its_order_and_sees_the_fields() -> None:
    env = [{"name": "T", "value": "$(A) $(U)"}, {"name": "U", "value": "1"}]
    template = {"spec": {"containers": [{"name": "primary", "env": env}]}}
    assert order({"A": "$(U)"}, PodTemplate=template) == ["U", "A", "T", *OWN]


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({"A": "$(B)", "B": "x$(A)"}, "A -> B -> A"),
        ({"A": "$(B)", "B": "$(C)", "C": "$(D)", "D": "$(B)"}, "B -> C -> D -> B"),
        ({"PATH": "/opt/bin:$(PATH)"}, "PATH -> PATH"),
    ],
)
def test_a_circle_is_refused_with_its_path(env: dict[str, Any], path: str) -> None:
    message = refusal(env)
    assert message.startswith(f"Env.{path.split(' ')[0]} refers to itself: {path}.")


def test_a_circle_through_a_template_is_refused() -> None:
    env = [{"name": "T", "value": "$(A)"}]
    template = {"spec": {"containers": [{"name": "primary", "env": env}]}}
    assert "A -> T -> A" in refusal({"A": "$(T)"}, PodTemplate=template)


def test_a_variable_may_extend_one_of_envfrom() -> None:
    validate({"Image": "busybox", "Env": {"A": "$(A)!"}, "EnvFrom": [{"secretRef": {"name": "s"}}]})
