"""The state that Flyte keeps of a task, and the execution that a service is created for."""

from __future__ import annotations

import json

import pytest
from cluster.support.connector import Execution
from flytekit.models.task import TaskExecutionMetadata
from flytekitplugins_k8sdataservice import DataServiceConfig, DataServiceMetadata
from flytekitplugins_k8sdataservice.owner import owner_of
from k8sdataservice import update
from k8sdataservice._core import Execution as FlyteExecution
from k8sdataservice.owner import Owner


def test_the_state_comes_back_as_it_went() -> None:
    config = DataServiceConfig(Name="foo", Port=40000, Replicas=2, Cluster="west")
    state = DataServiceMetadata(dataservice_config=config, name="foo", namespace="flyte", owner="abc", uid="1")
    assert DataServiceMetadata.decode(state.encode()) == state


def test_the_state_of_an_existing_service_comes_back_as_it_went() -> None:
    config = DataServiceConfig(ExistingReleaseName="theirs", Cluster="west")
    state = DataServiceMetadata(config, "theirs", "flyte", "abc")
    assert DataServiceMetadata.decode(state.encode()) == state


def test_a_state_needs_only_a_configuration_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "ml")
    state = DataServiceMetadata(DataServiceConfig(Name="foo"), "foo")
    assert (state.namespace, state.owner, state.uid) == ("ml", None, None)
    assert DataServiceMetadata(DataServiceConfig(Namespace="own"), "foo").namespace == "own"
    assert DataServiceMetadata.decode(state.encode()) == state


def test_a_number_of_pods_that_is_text_is_a_number_in_the_state() -> None:
    state = DataServiceMetadata(DataServiceConfig(Name="foo", Replicas="2"), "foo")  # type: ignore[arg-type]
    assert DataServiceMetadata.decode(state.encode()).dataservice_config.Replicas == 2


def test_the_largest_state_is_under_a_kibibyte() -> None:
    config = DataServiceConfig(
        Name="n" * 52, Port=65535, Replicas=2**31 - 1, Cluster="c" * 253, Command=["x" * 9999], Image="i" * 9999
    )
    state = DataServiceMetadata(
        dataservice_config=config, name="n" * 52, namespace="s" * 63, owner="o" * 38, uid="u" * 36
    )
    assert len(state.encode()) < 1024


def test_a_state_of_another_version_is_read_with_missing_and_unknown_keys() -> None:
    for text, name, config in [
        ({"dataservice_config": {"Name": "a", "Image": "i", "New": 1}, "name": "a", "more": {}}, "a", "a"),
        ({"dataservice_config": {"ExistingReleaseName": "b"}}, "b", None),
        ({"dataservice_config": None, "name": "c"}, "c", None),
        ({"name": "d"}, "d", None),
    ]:
        state = DataServiceMetadata.decode(json.dumps(text).encode())
        assert (state.name, state.dataservice_config.Name, state.namespace) == (name, config, "flyte")


def owner(execution: Execution) -> Owner:
    return owner_of(execution.output_prefix, TaskExecutionMetadata.from_flyte_idl(execution.metadata))


def test_every_attempt_of_a_node_has_the_same_owner_and_no_other_node_has() -> None:
    execution = Execution()
    assert owner(execution) == owner(execution.retried())
    assert owner(execution).id != owner(Execution(execution.name, node="n1")).id
    assert owner(execution).id != owner(Execution()).id


def test_an_owner_is_said_in_words_and_carries_flytes_labels() -> None:
    described = owner(Execution("f1", "n3"))
    shown = FlyteExecution("flytesnacks", "development", "f1", "n3", namespace="flytesnacks-development")
    assert described.execution == shown
    assert str(described.execution) == "execution f1 of project flytesnacks, domain development, node n3"
    assert described.labels["execution-id"] == "f1"


def test_an_execution_that_flyte_does_not_name_is_said_in_words() -> None:
    assert owner(Execution("")).execution == "an execution of Flyte that did not say its name"
    assert owner_of("/tmp/x/0", None).execution == "a local run"


def test_a_task_of_flyte_asks_for_its_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert update._asking().execution == "whoever has taken it over by hand"
    for part, value in {"ID": "f1", "PROJECT": "flytesnacks", "DOMAIN": "development"}.items():
        monkeypatch.setenv(f"FLYTE_INTERNAL_EXECUTION_{part}", value)
    asking = update._asking()
    assert asking.execution == FlyteExecution("flytesnacks", "development", "f1")
    assert asking == update._asking()


def test_each_local_run_is_an_owner_of_its_own() -> None:
    assert owner_of("/tmp/x/0", None).id != owner_of("/tmp/x/0", None).id


def test_an_owner_says_where_its_run_is_shown() -> None:
    execution = Execution("f1", namespace="team-a")
    shown = owner(execution).execution
    assert isinstance(shown, FlyteExecution)
    assert (shown.namespace, shown.name, shown.root) == ("team-a", "f1", None)


def test_a_child_execution_names_the_one_that_launched_it() -> None:
    shown = owner(Execution("f2", root="f1")).execution
    assert isinstance(shown, FlyteExecution)
    assert (shown.name, shown.root) == ("f2", "f1")
