"""Variables of a service that refer to each other, as they are in its pods."""

from __future__ import annotations

from typing import Any

import pytest
from k8sdataservice._core import Client

from cluster.support.account import allow
from cluster.support.kubernetes import Kubernetes, wait_until

CONFIG: dict[str, Any] = {
    "Name": "foo",
    "Image": "busybox:latest",
    "Command": ["sh", "-c", "env; echo end; sleep 3600"],
    "Requests": {"cpu": "10m", "mem": "8Mi"},
    "Limits": {"cpu": "1", "mem": "64Mi"},
}


@pytest.mark.usefixtures("real_pods", "here")
def test_a_variable_may_refer_to_any_other(kubernetes: Kubernetes) -> None:
    kubernetes.run("create", "secret", "generic", "database", "--from-literal", "password=p-w")
    kubernetes.run("create", "configmap", "common", "--from-literal", "REGION=north", "--from-literal", "SELF=before")
    from_secret = {"secretKeyRef": {"name": "database", "key": "password"}}
    template_env = [
        {"name": "T_MODE", "value": "mode=$(Z_MODE) port=$(SERVER_PORT)"},
        {"name": "T_FIRST", "value": "$(T_SECOND)"},
        {"name": "T_SECOND", "value": "2"},
    ]
    config = CONFIG | {
        "Env": {
            "A_URL": "http://$(Z_HOST):$(GE_BASE_PORT)/x",
            "Z_HOST": "db.example",
            "B_CHAIN": "$(C_CHAIN)!",
            "C_CHAIN": "$(D_CHAIN)+$(A_URL)",
            "D_CHAIN": "d",
            "B_DSN": "postgres://u:$(Z_PASSWORD)@$(Z_HOST)",
            "Z_PASSWORD": from_secret,
            "A_ESCAPED": "$$(Z_HOST) $Z_HOST $(NOBODY)",
            "A_REGION": "$(REGION)-1",
            "SELF": "$(SELF)-after",
            "A_COUNT": "$(GE_COUNT)",
            "Z_MODE": "fast",
            "A_OF_TEMPLATE": "$(T_SECOND)",
        },
        "EnvFrom": [{"configMapRef": {"name": "common"}}],
        "Sidecars": [
            {
                "name": "beside",
                "command": ["sh", "-c", "env; echo end; sleep 3600"],
                "env": [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "b"}],
            }
        ],
        "PodTemplate": {"spec": {"containers": [{"name": "primary", "env": template_env}]}},
    }
    Client(timeout=10).create_sync(config, namespace=kubernetes.namespace, owner="me", execution="a test")

    def variables(container: str) -> dict[str, str]:
        def log() -> str | None:
            text = kubernetes.run("logs", "foo-0", "--container", container, check=False)
            return text if "\nend" in text else None

        lines = wait_until(log, f"the log of {container}").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    seen = variables("foo")
    expected = {
        "A_URL": "http://db.example:40000/x",
        "B_CHAIN": "d+http://db.example:40000/x!",
        "B_DSN": "postgres://u:p-w@db.example",
        "A_ESCAPED": "$(Z_HOST) $Z_HOST $(NOBODY)",
        "A_REGION": "north-1",
        "SELF": "before-after",
        "A_COUNT": "1",
        "T_MODE": "mode=fast port=40000",
        "A_OF_TEMPLATE": "2",
        # A list has an order, which its user chose.
        "T_FIRST": "$(T_SECOND)",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert variables("beside")["A"] == "$(B)", "the order of a list is its user's"


@pytest.mark.long
@pytest.mark.usefixtures("real_pods", "here")
def test_a_reference_that_an_update_adds_is_expanded(kubernetes: Kubernetes) -> None:
    for resource in ("statefulsets", "services"):
        allow(kubernetes, "patch", resource)
    client = Client(timeout=10)
    asked: dict[str, Any] = {"namespace": kubernetes.namespace, "owner": "me", "execution": "a test"}
    client.create_sync(CONFIG | {"Env": {"A_URL": "http://one", "B": "b"}}, **asked)
    env = {"A_URL": "http://$(Z_HOST)", "B": "$(Z_HOST)", "Z_HOST": "two"}
    client.update_sync(CONFIG | {"Env": env}, **asked)

    def log() -> str | None:
        text = kubernetes.run("logs", "foo-0", check=False)
        return text if "Z_HOST=" in text and "\nend" in text else None

    lines = wait_until(log, "the log of the new pod").splitlines()
    assert {"A_URL=http://two", "B=two"} <= set(lines)
