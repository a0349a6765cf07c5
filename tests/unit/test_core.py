"""The border to the core: what it converts, and how its calls end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from flytekitplugins_k8sdataservice import (
    DataServiceError,
    InvalidSpecError,
    NotFoundError,
    UnavailableError,
    exceptions,
)
from k8sdataservice._core import (
    Client,
    Execution,
    endpoints,
    generate_name,
    hostnames,
    manifests,
    validate,
)


def test_names_and_endpoints_are_the_documented_ones() -> None:
    assert hostnames("foo", 2) == ["foo-0.foo", "foo-1.foo"]
    assert endpoints("foo", 2, 1234) == ["foo-0.foo:1234", "foo-1.foo:1234"]
    assert endpoints("foo", namespace="flyte") == ["foo-0.foo.flyte:40000"]
    assert generate_name("x") == generate_name("x") != generate_name()


def test_the_objects_can_be_seen_without_a_cluster() -> None:
    config = {"Name": "foo", "Image": "busybox", "Port": 40000.0}
    stateful_set, service = manifests(config, namespace="flyte", owner="me", execution="a test")
    assert (stateful_set["kind"], service["kind"]) == ("StatefulSet", "Service")
    assert stateful_set["metadata"]["name"] == service["metadata"]["name"] == "foo"
    assert manifests({"ExistingReleaseName": "x"}, namespace="flyte", owner="me", execution="a test") == []


def said_of(execution: str | Execution) -> tuple[dict[str, str], object]:
    """Returns what the objects say of a run, and the rest of the StatefulSet."""
    made = manifests({"Name": "foo", "Image": "busybox"}, namespace="flyte", owner="me", execution=execution)
    prefix = "k8sdataservice.flyte.org/execution"
    stateful_set, service = (each["metadata"]["annotations"] for each in made)
    said = {key.removeprefix(prefix): value for key, value in stateful_set.items() if key.startswith(prefix)}
    assert stateful_set == service
    return said, (made[0]["spec"], stateful_set["k8sdataservice.flyte.org/spec-hash"])


def test_the_objects_say_for_which_execution_they_are_in_words_and_in_parts() -> None:
    execution = Execution("flytesnacks", "development", "f1", "n0")
    sentence = "execution f1 of project flytesnacks, domain development, node n0"
    parts = {"-project": "flytesnacks", "-domain": "development", "-name": "f1"}
    said, pods = said_of(execution)
    assert said == {"": sentence, **parts, "-node-id": "n0"}
    # The values that callers have passed so far.
    assert said_of(sentence) == (said, pods)
    assert said_of(Execution("flytesnacks", "development", "f1"))[0] == {"": sentence.rpartition(",")[0], **parts}
    assert said_of("a local run") == ({"": "a local run"}, pods)


def test_an_execution_is_a_value() -> None:
    one, same = Execution("p", "d", "f1", "n0"), Execution("p", "d", name="f1", node_id="n0")
    assert one == same != Execution("p", "d", "f1")
    assert hash(one) == hash(same)
    assert str(one) == "execution f1 of project p, domain d, node n0"
    assert repr(Execution("p", "d", "f1")) == 'Execution(project="p", domain="d", name="f1", node_id=None)'
    with pytest.raises(TypeError):
        manifests({"Image": "i"}, namespace="flyte", owner="me", execution=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("config", [None, 1, "text", [], {"Image": object()}, {1: 2}])
def test_an_argument_that_is_no_configuration_is_refused(config: object) -> None:
    with pytest.raises(InvalidSpecError) as raised:
        validate(config)  # type: ignore[arg-type]
    assert raised.value.reason == "InvalidSpec"
    assert str(raised.value).endswith(".")


def test_every_exception_is_a_data_service_error() -> None:
    classes = [value for value in vars(exceptions).values() if isinstance(value, type)]
    classes = [each for each in classes if issubclass(each, Exception)]
    assert len(classes) == 8
    assert all(issubclass(each, DataServiceError) for each in classes)
    assert issubclass(NotFoundError, LookupError)
    assert issubclass(UnavailableError, ConnectionError)


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout is"):
        Client(timeout=timeout)


@pytest.mark.usefixtures("silent_cluster")
async def test_an_api_server_that_never_answers_is_given_up_at_the_deadline() -> None:
    client = Client(timeout=0.5)
    with pytest.raises(UnavailableError, match=r"Could not delete|Could not get .* within 0.5 s"):
        await client.delete("foo", namespace="flyte")
    status = await client.get("foo", namespace="flyte")
    assert (status.phase, status.reason, status.wanted) == ("Initializing", "Unknown", None)


@pytest.mark.usefixtures("silent_cluster")
async def test_a_call_can_be_cancelled() -> None:
    call = asyncio.ensure_future(Client(timeout=60).get("foo", namespace="flyte"))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_without_a_kubeconfig_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DataServiceError, match="Point KUBECONFIG at a kubeconfig"):
        Client().connect_sync()


LIFETIME = "k8sdataservice.flyte.org/lifetime"


def lifetime_of(platform: Mapping[str, object], **fields: object) -> str | None:
    """Returns the lifetime that is written on a service with a name."""
    config = {"Name": "foo", "Image": "busybox", **fields}
    made = manifests(config, namespace="flyte", owner="me", execution="a test", platform=platform)
    lifetime: str | None = made[0]["metadata"]["annotations"].get(LIFETIME)
    return lifetime


def test_a_platform_sets_the_lifetime_of_services_or_forces_it() -> None:
    run = lifetime_of({}, Lifetime="run")
    assert run and lifetime_of({}) is None, "a service with a name persists"
    assert lifetime_of({"defaults": {"Lifetime": "run"}}) == run
    assert lifetime_of({"defaults": {"Lifetime": "run"}}, Lifetime="persist") is None
    forced = {"forced": {"Lifetime": "run"}}
    for fields in ({}, {"Lifetime": "run"}, {"Lifetime": {"bound": "run"}}):
        assert lifetime_of(forced, **fields) == run
    limited = lifetime_of(forced, Lifetime={"bound": "run", "ttl": "1h"})
    assert limited and '"ttl"' in limited
    for other in ("persist", {"bound": "execution"}):
        with pytest.raises(InvalidSpecError, match="Lifetime"):
            lifetime_of(forced, Lifetime=other)
