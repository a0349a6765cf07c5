"""The settings of the platform: what a file and the variables may say, and what is said of their mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from k8sdataservice import InvalidSpecError, settings
from k8sdataservice._core import Client, Execution, manifests

FULL = """\
namespace: ml-west
minReadySeconds: 7
keepFailed: 30m
gracePeriods:
  ImageNotFound: 30s
  ClaimPending: 2h
logLinks:
  - name: Logs
    template: "https://logs.example/{{ .podName }}"
clusters:
  west: {namespace: services}
forced:
  ServiceAccount: data-services
"""

VARIABLES = (
    "SETTINGS",
    "NAMESPACE",
    "KEEP_FAILED",
    "CREATE_TIMEOUT",
    "MIN_READY_SECONDS",
    "GRACE_PERIODS",
    "LOG_LINKS",
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(f"K8SDATASERVICE_{variable}", raising=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the path of a file with settings, which is to be written."""
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("K8SDATASERVICE_SETTINGS", str(path))
    return path


def test_without_settings_all_is_as_documented() -> None:
    settings.check()
    assert settings.namespace() == settings.namespace("any") == "flyte"
    assert settings.keep_failed() is None
    assert settings.log_links() == ()
    assert settings.platform() == {}
    assert {source for _, _, source in settings.shown()} == {"default"}


def test_the_defaults_that_are_shown_are_those_of_the_core() -> None:
    shown = {setting: value for setting, value, _ in settings.shown()}
    config = {"Image": "busybox", "Requests": {"gpu": 1}}
    stateful_set, _ = manifests(config, namespace=settings.namespace(), owner="me", execution="a test")
    assert shown["minReadySeconds"] == f"{stateful_set['spec']['minReadySeconds']} s"
    assert shown["gpu.resourceName"] in stateful_set["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert shown["namespace"] == stateful_set["metadata"]["namespace"]


def test_a_file_is_read(file: Path) -> None:
    file.write_text(FULL)
    settings.check()
    assert (settings.namespace(), settings.namespace("west")) == ("ml-west", "services")
    assert settings.keep_failed() == 1800
    assert settings.log_links() == (("Logs", "https://logs.example/{{ .podName }}"),)
    assert settings.platform()["gracePeriods"] == {"ImageNotFound": 30, "ClaimPending": 7200}
    assert settings.sources()["forced.ServiceAccount"] == f"{file}, line 13"


def test_variables_override_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(FULL)
    monkeypatch.setenv("K8SDATASERVICE_NAMESPACE", "other")
    monkeypatch.setenv("K8SDATASERVICE_KEEP_FAILED", "90s")
    monkeypatch.setenv("K8SDATASERVICE_CREATE_TIMEOUT", "2.5s")
    monkeypatch.setenv("K8SDATASERVICE_MIN_READY_SECONDS", "1")
    monkeypatch.setenv("K8SDATASERVICE_GRACE_PERIODS", "ClaimPending=1h, Evicted=5s")
    monkeypatch.setenv("K8SDATASERVICE_LOG_LINKS", "A=https://a/x=1\nB=https://b")
    settings.check()
    assert settings.namespace() == "other"
    assert settings.keep_failed() == 90
    assert settings.platform()["createTimeout"] == 2.5
    assert settings.platform()["minReadySeconds"] == 1
    assert settings.platform()["gracePeriods"] == {"ImageNotFound": 30, "ClaimPending": 3600, "Evicted": 5}
    assert settings.log_links() == (("A", "https://a/x=1"), ("B", "https://b"))
    sources = {setting: source for setting, _, source in settings.shown()}
    assert sources["namespace"] == "K8SDATASERVICE_NAMESPACE"
    assert sources["gracePeriods.ImageNotFound"] == f"{file}, line 5"
    assert sources["gracePeriods.ClaimPending"] == "K8SDATASERVICE_GRACE_PERIODS"
    assert sources["logLinks"] == "K8SDATASERVICE_LOG_LINKS"
    assert sources["allowedNamespaces"] == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1: this is no YAML: expected"),
        ("- a", "line 1: settings are a dictionary"),
        ("namespace: a\n---\nnamespace: b", "line 2: this is no YAML:"),
        ("namespace: a\x07", ": this is no YAML:"),
        ("namespace: a\nnamespace: b", "line 2: namespace stands here again, after line 1."),
        (
            "forced:\n  Labels:\n    a: x\n    b: x\n    a: y",
            "line 5: forced.Labels.a stands here again, after line 3.",
        ),
        ("gpu: &a\n  resourceName: *a", "is nested more than 16 levels deep."),
        ("minReadySecond: 3", "line 1: minReadySecond is an unknown setting; did you mean `minReadySeconds`?"),
        ("keepfailed: 3", "line 1: keepfailed is an unknown setting; did you mean `keepFailed`?"),
        ("keepFailed: soon", 'line 1: keepFailed is "soon", but must be a duration, such as 90s'),
        ("keepFailed: yes", "line 1: keepFailed is True, but must be a duration"),
        (
            "# why\ngracePeriods:\n  ImageNotfound: 3s",
            "line 3: gracePeriods.ImageNotfound is an unknown reason; did you mean `ImageNotFound`?",
        ),
        ("gracePeriods:\n  Evicted: 3d", 'line 2: gracePeriods.Evicted is "3d", but must be a duration'),
        ("gracePeriods:\n  Evicted: 90h", "line 2: gracePeriods.Evicted is 324000, but must be a number of seconds"),
        ("gracePeriods: 3", "line 1: gracePeriods must be a dictionary"),
        ("logLinks: Logs", "line 1: logLinks must be a list"),
        ("logLinks:\n- name: x", "line 2: logLinks[0] must have a name and a template"),
        ("logLinks:\n- name: x\n  template: y", "line 3: logLinks[0].template must be an address"),
        ("namespace: [a]", "line 1: namespace must be text"),
        ("clusters:\n  west: 3", "line 2: clusters.west must be a dictionary"),
        (
            "namespace: x\nallowedNamespaces:\n- y",
            "line 1: namespace is x, which allowedNamespaces does not have: y.",
        ),
        ("defaults:\n  Labels:\n    on: x", "line 2: defaults.Labels has a key that is of type bool"),
        ("defaults:\n  Labels:\n    since: 2024-01-01", "line 3: defaults.Labels.since is of type date"),
        (
            "defaults:\n  Labels:\n    app.example/cost: 1",
            "line 3: defaults.Labels.app.example/cost must be text, not a number",
        ),
        ("limits:\n  imageRegistries:\n  - x.y\n  - org", 'line 4: limits.imageRegistries[1] is "org"'),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_its_line_and_path(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidSpecError) as raised:
        settings.check()
    message = str(raised.value)
    assert message.startswith(str(file)), message
    assert words in message
    assert message.endswith((".", "?")), message
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_named_with_the_variable(file: Path) -> None:
    with pytest.raises(InvalidSpecError, match=f"^K8SDATASERVICE_SETTINGS: .* read from {file}: No such file"):
        settings.check()
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidSpecError, match="it is no text"):
        settings.namespace()


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("CREATE_TIMEOUT", "0", "createTimeout is 0 s, but must be more than 0 s and at most 60 s"),
        ("CREATE_TIMEOUT", "2m", "createTimeout is 120 s, but must be more than 0 s and at most 60 s"),
        ("CREATE_TIMEOUT", "soon", 'createTimeout is "soon", but must be a duration'),
        ("KEEP_FAILED", "soon", 'keepFailed is "soon", but must be a duration'),
        ("MIN_READY_SECONDS", "few", 'minReadySeconds is "few", but must be a number of seconds'),
        ("GRACE_PERIODS", "ImageNotfound=1m", "gracePeriods.ImageNotfound is an unknown reason;"),
        ("GRACE_PERIODS", "Evicted", 'gracePeriods.Evicted is "", but must be a duration'),
        ("LOG_LINKS", "Logs", "logLinks[0] must have a name and a template"),
        ("NAMESPACE", "Flyte", 'namespace is "Flyte", which cannot be the name of a namespace.'),
    ],
)
def test_a_mistake_in_a_variable_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, words: str
) -> None:
    monkeypatch.setenv(f"K8SDATASERVICE_{variable}", text)
    with pytest.raises(InvalidSpecError) as raised:
        settings.check()
    assert str(raised.value).startswith(f"K8SDATASERVICE_{variable}: {words}"), raised.value


def test_an_empty_file_says_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")
    settings.check()
    assert settings.platform() == {}


def test_a_part_that_stands_once_may_be_used_twice(file: Path) -> None:
    file.write_text("defaults: &d\n  Requests: {cpu: 1}\nclusters:\n  a: &c {namespace: x}\n  b: {<<: *c}\n")
    settings.check()
    assert settings.namespace("b") == "x"


def test_a_refused_service_is_reported_where_the_setting_stands(file: Path) -> None:
    file.write_text("# limits\nlimits:\n  replicas: 2\nallowedNamespaces: [flyte]\nclusters:\n  west: {}\n")
    client = Client(platform=settings.platform(), sources=settings.sources())
    with pytest.raises(InvalidSpecError) as raised:
        client.create_sync({"Image": "i", "Replicas": 3}, namespace="flyte", owner="me", execution="a test")
    assert str(raised.value) == (
        f"Replicas is 3, more than the 2 that the platform's settings allow as limits.replicas: {file}, line 3."
    )
    for config, namespace, words in [
        ({}, "other", f"settings allow services in flyte only: {file}, line 4."),
        ({"ExistingReleaseName": "foo"}, "other", f"settings allow services in flyte only: {file}, line 4."),
        ({"Cluster": "east"}, "flyte", f"settings know west only: {file}, line 5."),
    ]:
        with pytest.raises(InvalidSpecError) as raised:
            client.create_sync({"Image": "i"} | config, namespace=namespace, owner="me", execution="a test")
        assert str(raised.value).endswith(words)


def test_objects_are_made_as_the_platform_sets() -> None:
    platform = {
        "defaults": {"Requests": {"cpu": "1", "mem": "2Gi"}, "PodTemplate": {"spec": {"nodeSelector": {"a": "b"}}}},
        "gpu": {"resourceName": "amd.com/gpu"},
        "minReadySeconds": 9,
    }
    config = {"Image": "i", "Name": "foo", "Limits": {"gpu": 1}}
    plain, _ = manifests(config, namespace="flyte", owner="me", execution="a test")
    made, _ = manifests(config, namespace="flyte", owner="me", execution="a test", platform=platform)
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"amd.com/gpu": "1"},
    }
    assert pod["nodeSelector"] == {"a": "b"}
    assert made["spec"]["minReadySeconds"] == 9
    assert made["metadata"] == plain["metadata"], "the hash is that of what the user said"


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the package as a program."""
    return subprocess.run(
        [sys.executable, "-m", "flytekitplugins_k8sdataservice", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"} | variables,
    )


def test_the_settings_are_shown_with_where_they_come_from(file: Path) -> None:
    file.write_text(f"{FULL}defaults:\n  Env: {{PASSWORD: canary}}\n  Labels: {{team: ml}}\n")
    shown = command("settings", K8SDATASERVICE_SETTINGS=str(file), K8SDATASERVICE_NAMESPACE="other")
    assert shown.returncode == 0, shown.stderr
    rows = [line.split("  ") for line in shown.stdout.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert cells["namespace"] == ["other", "K8SDATASERVICE_NAMESPACE"]
    assert cells["minReadySeconds"] == ["7 s", f"{file}, line 2"]
    assert cells["gracePeriods.ClaimPending"] == ["7200 s", f"{file}, line 6"]
    assert cells["defaults.Labels.team"] == ["ml", f"{file}, line 16"]
    assert cells["limits.hostPaths"] == ["none", "default"]
    assert "canary" not in shown.stdout
    assert len({line.rindex(f"{file}") for line in shown.stdout.splitlines() if str(file) in line}) == 1, "aligned"


def test_a_bad_file_is_one_sentence_and_a_failure(file: Path) -> None:
    file.write_text("namespace: flyte\nlimit:\n")
    shown = command("settings", K8SDATASERVICE_SETTINGS=str(file))
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == f"{file}, line 2: limit is an unknown setting; did you mean `limits`?\n"


def test_a_bad_file_keeps_a_connector_from_starting(file: Path) -> None:
    file.write_text("namespace: flyte\nlimit:\n")
    pyflyte = str(Path(sys.executable).with_name("pyflyte"))
    ended = subprocess.run(
        [pyflyte, "serve", "connector", "--port", "0", "--prometheus_port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "K8SDATASERVICE_SETTINGS": str(file)},
    )
    assert ended.returncode != 0
    last = (ended.stdout + ended.stderr).strip().splitlines()[-1]
    assert last.endswith(f"{file}, line 2: limit is an unknown setting; did you mean `limits`?"), last


@pytest.mark.parametrize("content", [None, "namespace: [", "namespaces: x", "keepFailed: 1e12"])
def test_settings_at_fault_do_not_keep_a_tasks_pod_from_importing(file: Path, content: str | None) -> None:
    if content is not None:
        file.write_text(content)
    code = (
        "import flytekit, flytekitplugins.k8sdataservice as p; "
        "t = p.DataServiceTask(name='t', task_config=p.DataServiceConfig(Image='i', Namespace='n')); "
        "print(t.endpoints('foo').hostnames)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['foo-0.foo.n']\n"


@pytest.mark.parametrize("service", ["connector", "agent"])
def test_settings_at_fault_keep_a_connector_from_starting(file: Path, service: str) -> None:
    file.write_text("namespace: a\nkeepFailed: 1000000000000\n")
    command = [str(Path(sys.executable).with_name("pyflyte")), "serve", service, "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode
    words = f"{file}, line 2: keepFailed is 1000000000000, but must be a number of seconds from 0 to 2592000"
    assert words in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("keepFailed", "1e12"),
        ("keepFailed", "1000000000000"),
        ("keepFailed", "1.0e+12"),
        ("keepFailed", ".inf"),
        ("keepFailed", "721h"),
        ("minReadySeconds", "86401"),
        ("gracePeriods", "{ClaimPending: 25h}"),
        ("gracePeriods", "{ClaimPending: 1e300}"),
    ],
)
def test_a_duration_out_of_range_is_refused_with_its_line(file: Path, setting: str, value: str) -> None:
    file.write_text(f"namespace: a\n{setting}: {value}\n")
    with pytest.raises(InvalidSpecError) as raised:
        settings.check()
    assert str(raised.value).startswith(f"{file}, line 2: {setting}"), raised.value
    assert (raised.value.field or "").startswith(setting)


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("K8SDATASERVICE_NAMESPCE", "K8SDATASERVICE_NAMESPACE"),
        ("K8SDATASERVICE_KEEPFAILED", "K8SDATASERVICE_KEEP_FAILED"),
        ("k8sdataservice_settings", "K8SDATASERVICE_SETTINGS"),
        ("K8S_DATASERVICE_LOG_LINKS", "K8SDATASERVICE_LOG_LINKS"),
        ("K8SDATASERVICE_X", "K8SDATASERVICE_"),
    ],
)
def test_a_misspelled_variable_is_a_warning_that_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, variable: str, nearest: str
) -> None:
    monkeypatch.setenv(variable, "x")
    [warning] = settings.warnings()
    assert warning.startswith(
        f"The environment variable {variable} is unknown and has no effect. Did you mean {nearest}"
    )


def test_variables_that_kubernetes_sets_are_not_misspelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for suffix in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"):
        monkeypatch.setenv(f"K8SDATASERVICE_{suffix}", "x")
        monkeypatch.setenv(f"K8SDATASERVICE_CONNECTOR_{suffix}", "x")
    monkeypatch.setenv("K8S_NAMESPACE", "x")
    assert settings.warnings() == []


def test_a_misspelled_variable_is_reported_where_settings_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SDATASERVICE_NAMESPCE", "x")
    words = "Did you mean K8SDATASERVICE_NAMESPACE?"
    # flytekit's own logger writes to the standard output; a command's is for its result.
    for code, stream in (
        (("-m", "flytekitplugins_k8sdataservice", "settings"), "stderr"),
        (("-m", "k8sdataservice", "settings"), "stderr"),
        (("-c", f"import flytekit; {_ASKS}"), "stdout"),
        (("-c", _ASKS), "stderr"),
    ):
        done = subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert words in " ".join(getattr(done, stream).split()), done


_ASKS = "from k8sdataservice.default_client import default_client; default_client()"


def test_a_namespace_per_project_is_for_executions_only(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('namespace: "{{ project }}-{{domain}}"\nclusters: {west: {namespace: tools}}\n')
    settings.check()
    assert settings.namespace_template() == "{{ project }}-{{domain}}"
    assert settings.namespace("west") == "tools"
    assert ("namespace", "{{ project }}-{{domain}}", f"{file}, line 1") in settings.shown()
    with pytest.raises(InvalidSpecError) as raised:
        settings.namespace()
    assert raised.value.field == "namespace"
    assert f"{file}, line 1" in str(raised.value)
    assert "`--namespace`" in str(raised.value)
    # In the pod of a task.
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_PROJECT", "shop")
    with pytest.raises(InvalidSpecError):
        settings.namespace()
    monkeypatch.setenv("FLYTE_INTERNAL_EXECUTION_DOMAIN", "development")
    assert settings.namespace() == "shop-development"


def test_a_template_with_a_mistake_is_refused_at_start(file: Path) -> None:
    file.write_text('namespace: "{{ projct }}-x"\n')
    with pytest.raises(InvalidSpecError) as raised:
        settings.check()
    assert str(raised.value) == (
        f'{file}, line 1: namespace has the unknown variable "projct"; did you mean `project`?'
    )


def test_a_call_fills_the_template_from_its_execution_and_from_nothing_else(file: Path) -> None:
    file.write_text('namespace: "{{ project }}-{{ domain }}"\n')
    client = Client(platform=settings.platform(), sources=settings.sources())
    config = {"Name": "foo", "Image": "i"}
    labels = {"project": "other", "domain": "other"}
    arguments: dict[str, Any] = {"namespace": settings.namespace_template(), "owner": "o", "labels": labels}
    made = client.render(config, execution=Execution("shop", "development", "f1"), **arguments)
    assert {each["metadata"]["namespace"] for each in made.objects} == {"shop-development"}
    for fields, namespace in ((config | {"Namespace": "tools"}, "tools"), (config, None)):
        made = client.render(fields, execution="a notebook", **arguments)
        assert {each["metadata"]["namespace"] for each in made.objects} == ({namespace} if namespace else set())
        assert ["only an execution of Flyte fills" in each.message for each in made.problems] == [True] * (
            not namespace
        )
