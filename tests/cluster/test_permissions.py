"""Each permission of the documented Role is needed, and the Role has every permission that is needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from flytekitplugins_k8sdataservice import ForbiddenError

from cluster.support.account import ACCOUNT, ROLE
from cluster.support.kubernetes import Kubernetes, Object, wait_until
from cluster.support.permissions import USES, Permission, Service, create, make
from cluster.support.shared import Cluster

#: How long a call with the permission may take, and for how long one without it is watched, in seconds.
PATIENCE, IMPATIENCE = 60.0, 3.0


def rules() -> list[dict[str, Any]]:
    role = next(yaml.safe_load_all(ROLE.read_text()))
    return list(role["rules"])


def permissions() -> list[Permission]:
    return [(resource, verb) for rule in rules() for resource in rule["resources"] for verb in rule["verbs"]]


def without(permission: Permission) -> Object:
    """Returns the Role without one permission."""
    resource, verb = permission
    kept = [
        rule | {"verbs": [each for each in rule["verbs"] if resource not in rule["resources"] or each != verb]}
        for rule in rules()
    ]
    role: Object = next(yaml.safe_load_all(ROLE.read_text()))
    return role | {"rules": [rule for rule in kept if rule["verbs"]]}


def take(kubernetes: Kubernetes, permission: Permission) -> None:
    """Removes one permission, and waits until the API server knows."""
    kubernetes.run("apply", "--filename", "-", input=json.dumps(without(permission)))
    resource, _, subresource = permission[0].partition("/")
    account = f"system:serviceaccount:{kubernetes.namespace}:{ACCOUNT}"
    question = ["auth", "can-i", permission[1], resource, f"--subresource={subresource}", "--as", account]
    wait_until(lambda: kubernetes.run(*question, check=False).startswith("no"), "the permission to be removed")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("permission", permissions(), ids="-".join)
def test_each_permission_of_the_role_is_needed(
    cluster: Cluster, kubernetes: Kubernetes, permission: Permission
) -> None:
    use = USES[permission]
    if use.needs_real_pods and cluster.why_no_real_pods:
        pytest.skip(f"This test needs pods that run. {cluster.why_no_real_pods}")
    if use.beside:
        kubernetes.apply(*use.beside)
    services = [
        Service("with-it", kubernetes.namespace, PATIENCE),
        Service("without-it", kubernetes.namespace, IMPATIENCE),
    ]
    for service in services:
        if use.config:
            make(service, use.config)
    assert use.works(services[0])
    take(kubernetes, permission)
    try:
        assert not use.works(services[1])
    except ForbiddenError as error:
        resource, verb = permission
        assert f"Not allowed to {verb} " in str(error)
        assert f" in namespace {kubernetes.namespace} (Forbidden): " in str(error)
        assert f'resources: ["{resource}"], verbs: ["{verb}"]}}' in str(error), error


def test_each_permission_of_the_role_has_a_use() -> None:
    assert set(USES) == set(permissions())


def test_the_line_that_reports_a_missing_permission_grants_it(kubernetes: Kubernetes, here: None) -> None:
    role: Object = next(yaml.safe_load_all(ROLE.read_text()))
    left = [rule for rule in role["rules"] if "services" not in rule["resources"]]
    kubernetes.run("apply", "--filename", "-", input=json.dumps(role | {"rules": left}))
    service = Service("foo", kubernetes.namespace, PATIENCE)

    def refused() -> str:
        try:
            create(service)
        except ForbiddenError as error:
            return str(error)
        return ""

    message = wait_until(refused, "the missing permission to be reported")
    line = yaml.safe_load(message.split("`")[1])
    kubernetes.run("apply", "--filename", "-", input=json.dumps(role | {"rules": left + line}))
    wait_until(lambda: not refused(), "the permission to be granted")
