"""Whatever is handed to the core, the answer is an object or an error of this package that names the field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flytekitplugins_k8sdataservice import DataServiceMetadata, InvalidSpecError
from hypothesis import given
from hypothesis import strategies as st
from k8sdataservice._core import manifests, validate

FIELDS = ["Name", "Image", "Command", "Port", "Replicas", "Requests", "Limits", "ExistingReleaseName", "Cluster"]

#: Also halves of characters, which Python's strings can hold and nothing else.
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(max_size=9)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.sets(st.integers(), max_size=2)
        | st.dictionaries(st.sampled_from(["cpu", "mem", "gpu"]) | any_text | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)
configs = st.dictionaries(st.sampled_from(FIELDS) | any_text, values, max_size=5) | values

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
images = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=40).filter(
    lambda image: not any(character.isspace() for character in image)
)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?", fullmatch=True)
#: Of an execution. Others are made valid, or left out.
labels = st.dictionaries(names, names, max_size=3)


def objects(config: Any, labels: dict[str, str] | None = None) -> Any:
    return manifests(config, namespace="flyte", owner="me", execution="a test", labels=labels)


def refusal(config: Any) -> InvalidSpecError | None:
    try:
        validate(config)
    except InvalidSpecError as error:
        return error
    return None


@given(configs)
def test_any_configuration_is_valid_or_refused_with_a_field(config: Any) -> None:
    error = refusal(config)
    if error:
        assert error.field
        assert str(error).startswith(error.field)
        assert error.faults and error.faults[0].field == error.field
        assert all(fault.message.startswith(fault.field) and len(fault.message) < 1000 for fault in error.faults)
        with pytest.raises(InvalidSpecError):
            objects(config)
    else:
        json.dumps(objects(config), allow_nan=False)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**400])
@pytest.mark.parametrize("field", ["Port", "Replicas", "Requests.cpu", "Limits.gpu", "Name", "Command[1]"])
def test_a_number_that_is_none_is_refused_and_not_taken_for_nothing(field: str, number: float) -> None:
    config: dict[str, Any] = {"Image": "busybox"}
    top, _, below = field.partition(".")
    config[top] = {below: number} if below else number
    if field == "Command[1]":
        config = {"Image": "busybox", "Command": ["sh", number]}
    error = refusal(config)
    assert error
    assert error.field == field


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> dict[str, Any]:
    config: dict[str, Any] = {"Image": "busybox"}
    config["Requests"] = config
    return config


def test_a_configuration_without_a_bottom_is_refused() -> None:
    for config in ({"Command": nested(100_000)}, {"Requests": {"cpu": nested(100_000)}}, nested(100_000), endless()):
        error = refusal(config)
        assert error
        assert "is nested more than 16 levels deep." in str(error)


def test_a_field_with_an_endless_name_is_named_in_short() -> None:
    for config in ({"x" * 10**6: 1}, {"Image": "i", "Requests": {"x" * 10**6: 1}}):
        error = refusal(config)
        assert error
        assert error.faults and error.faults[0].field == error.field
        assert all(fault.message.startswith(fault.field) and len(fault.message) < 1000 for fault in error.faults)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def changed(one: Any, other: Any) -> set[str]:
    """Returns where two objects differ, apart from the hash of what was asked for."""
    difference = set(leaves(one)) ^ set(leaves(other))
    return {path for path, _ in difference if not path.endswith("/spec-hash")}


@given(names, images, st.lists(words, max_size=3), labels)
def test_text_of_a_user_appears_in_its_field_alone(
    name: str, image: str, command: list[str], execution: dict[str, str]
) -> None:
    plain = objects({"Name": name, "Image": "busybox"})
    full = objects({"Name": name, "Image": image, "Command": command}, labels=execution)
    container = full[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == image
    assert container.get("command", []) == command
    own = plain[0]["metadata"]["labels"]
    for holder in (full[0], full[1], full[0]["spec"]["template"]):
        assert holder["metadata"]["labels"] == execution | own, "the plugin's own labels stay"
        holder["metadata"]["labels"] = own
    container["image"] = "busybox"
    container.pop("command", None)
    assert changed(plain, full) == set()


@given(names, names)
def test_a_name_stands_where_names_stand(name: str, other: str) -> None:
    places = changed(*(objects({"Name": each, "Image": "busybox"}) for each in (name, other)))
    assert all(place.endswith((".name", "instance", ".serviceName")) for place in places), places


@given(st.binary(max_size=200) | values.filter(bool).map(repr).map(str.encode))
def test_bytes_that_no_version_has_written_are_no_state(data: bytes) -> None:
    with pytest.raises(InvalidSpecError, match="resource_meta is not what a data service task has written"):
        DataServiceMetadata.decode(data)


@given(st.dictionaries(st.sampled_from(["name", "namespace", "owner", "uid", "dataservice_config"]), values))
def test_a_state_has_texts_where_texts_belong(written: dict[str, Any]) -> None:
    try:
        state = DataServiceMetadata.decode(json.dumps(written, default=str, skipkeys=True).encode())
    except InvalidSpecError:
        return
    assert state.name
    for text in (
        state.name,
        state.namespace,
        state.owner or "",
        state.uid or "",
        state.dataservice_config.Cluster or "",
    ):
        text.encode()


def test_a_state_without_a_bottom_is_no_state() -> None:
    for data in (b"[" * 10**6, b'{"name":' * 10**6):
        with pytest.raises(InvalidSpecError):
            DataServiceMetadata.decode(data)
