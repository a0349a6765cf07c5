"""The scenarios: one expected value for each, whatever they run on."""

from __future__ import annotations

from typing import Any

from scenarios.play import NAME, Object, Scenario, Seen, Stage

#: The end of a script that runs until it receives SIGTERM.
STAND = "trap 'exit 0' TERM; sleep 1000000 & wait"

_TINY = {"cpu": "10m", "mem": "16Mi", "gpu": None, "ephemeral_storage": None}

#: A cluster of your own has to be able to pull it.
_IMAGE = "busybox:latest"


def _config(**fields: Any) -> Object:
    return {
        "Name": NAME,
        "Image": _IMAGE,
        "Command": ["sh", "-c", STAND],
        "MinReadySeconds": 0,
        "Requests": _TINY,
        "Limits": _TINY | {"cpu": "1"},
    } | fields


def _script(script: str, min_ready_seconds: int = 5) -> Object:
    """Returns the configuration of a process that ends, which is never ready for long enough to count."""
    return _config(Command=["sh", "-c", script], MinReadySeconds=min_ready_seconds)


def _probe(field: str) -> Object:
    """Returns a configuration with a probe that fails as soon as the container runs."""
    probe: Object = {"exec": {"command": ["false"]}, "periodSeconds": 1, "initialDelaySeconds": 2}
    if field != "ReadinessProbe":
        probe |= {"failureThreshold": 1, "terminationGracePeriodSeconds": 1}
    return _config(MinReadySeconds=5, **{field: probe})


def _variable(source: str, name: str) -> Object:
    return _config(Env={"X": {source: {"name": name, "key": "missing"}}})


def _with_init_container(script: str) -> Object:
    first = {"name": "prepare", "image": _IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script]}
    return _config(PodTemplate={"spec": {"initContainers": [first]}})


def _ready(pods: int = 1, *ports: str) -> Seen:
    words = "1 pod" if pods == 1 else f"{pods} pods"
    return Seen("Ready", "Ready", f"StatefulSet foo is ready with {words}.", _endpoints(pods, *ports))


def _endpoints(pods: int = 1, *ports: str) -> tuple[str, ...]:
    return tuple("/".join((f"foo-{ordinal}.foo:40000", *ports)) for ordinal in range(pods))


def _waits(reason: str, words: str) -> Seen:
    return Seen("Initializing", reason, f"StatefulSet foo has 0 of 1 pod ready. {words}", _endpoints())


def _creates_again(stage: Stage) -> None:
    uid = stage.create()
    stage.until_ready()
    # Its own task, by a retry, and a task of somebody else with the same configuration.
    assert [stage.create(), stage.create(owner="you")] == [uid, uid]


def _creates_another(stage: Stage) -> None:
    stage.create()
    stage.create(owner="you", Port=40001)


def _scales(stage: Stage) -> None:
    stage.create()
    stage.until_ready()
    stage.update(Replicas=2)


def _sleeps(stage: Stage) -> None:
    stage.create()
    stage.until_ready()
    stage.client.sleep_sync(NAME, force=True, **stage.where)


def _wakes(stage: Stage) -> None:
    _sleeps(stage)
    stage.client.wake_sync(NAME, **stage.where)


def _deletes(stage: Stage) -> None:
    stage.create()
    stage.until_ready()
    stage.client.delete_sync(NAME, force=True, **stage.where)


def _deletes_and_creates(stage: Stage) -> None:
    _deletes(stage)
    stage.create(Port=40000)


SCENARIOS = (
    Scenario("ready", _config(), _ready()),
    Scenario("ready with two replicas", _config(Replicas=2), _ready(2)),
    Scenario("ready in order", _config(Replicas=2, PodManagementPolicy="OrderedReady"), _ready(2)),
    Scenario("ready for long enough", _config(MinReadySeconds=1), _ready()),
    Scenario(
        "ready with a further port",
        _config(Port=40000, Ports=[{"name": "admin", "port": 8080}]),
        _ready(1, "admin=8080"),
    ),
    Scenario(
        "ready with a sidecar",
        _config(Sidecars=[{"name": "helper", "image": _IMAGE, "command": ["sh", "-c", STAND]}]),
        _ready(),
    ),
    Scenario("ready after an init container", _with_init_container("exit 0"), _ready()),
    Scenario(
        "the command is not found",
        _config(Command=["no-such-program"]),
        Seen(
            "Failed",
            "CommandNotFound",
            'Container foo of pod foo-0 cannot start: "no-such-program" is not in the image IMAGE. Correct Command. '
            "(RunContainerError, CrashLoopBackOff)",
            _endpoints(),
        ),
        cause="CommandNotFound",
        of_processes='Container foo of pod foo-0 cannot start: "no-such-program" is not on the PATH of this machine, '
        "and no image can run in local mode: set Command to a program on this machine, or run on a cluster. "
        "(RunContainerError, CrashLoopBackOff)",
    ),
    Scenario(
        "the command may not be executed",
        _config(Command=["/etc/passwd"]),
        Seen(
            "Failed",
            "CommandNotExecutable",
            "Container foo of pod foo-0 cannot start: its user, 1001 unless SecurityContext.runAsUser says otherwise, "
            'lacks permission to execute "/etc/passwd". Correct Command or the image. (RunContainerError, '
            "CrashLoopBackOff)",
            _endpoints(),
        ),
        cause="CommandNotExecutable",
    ),
    Scenario(
        "the process fails and says why",
        _script("echo loading >&2; echo no space left >&2; exit 3"),
        Seen(
            "Failed",
            "ContainerExits",
            "Container foo of pod foo-0 exited with code 3. (Error, CrashLoopBackOff) Its last log lines:\n"
            "loading\nno space left",
            _endpoints(),
        ),
        cause="ContainerExits",
        log="loading\nno space left\n",
        grace_periods="ContainerExits=1s",
    ),
    Scenario(
        "the process ends",
        _script("exit 0"),
        _waits(
            "ContainerCompleted",
            "Container foo of pod foo-0 exited with code 0. A service must keep running: run Command in the "
            "foreground. (Completed, CrashLoopBackOff)",
        ),
        cause="ContainerCompleted",
    ),
    Scenario(
        "the process fails again and again",
        _script("sleep 1; exit 3"),
        _waits("ContainerExits", "Container foo of pod foo-0 exited with code 3. (Error, CrashLoopBackOff)"),
        cause="ContainerExits",
    ),
    Scenario(
        "the liveness probe fails",
        _probe("LivenessProbe"),
        _waits(
            "LivenessProbeFails",
            "Container foo of pod foo-0 is killed because its liveness probe fails. Correct LivenessProbe or the "
            "service. (Unhealthy, CrashLoopBackOff)",
        ),
        cause="LivenessProbeFails",
    ),
    Scenario(
        "the readiness probe fails",
        _probe("ReadinessProbe"),
        _waits(
            "ReadinessProbeFails",
            "Container foo of pod foo-0 runs, but its readiness probe has not passed. Correct ReadinessProbe or the "
            "service. (Unhealthy)",
        ),
        cause="ReadinessProbeFails",
    ),
    Scenario(
        "the startup probe fails",
        _probe("StartupProbe"),
        _waits(
            "StartupProbeFails",
            "Container foo of pod foo-0 is killed because its startup probe fails. Give it more time, or correct "
            "StartupProbe. (Unhealthy, CrashLoopBackOff)",
        ),
        cause="StartupProbeFails",
    ),
    Scenario(
        "the init container fails",
        _with_init_container("exit 1"),
        _waits(
            "InitContainerFailed",
            "Init container prepare (PodTemplate.spec.initContainers[prepare]) of pod foo-0 exited with code 1, so the "
            "service cannot start. (Error, CrashLoopBackOff)",
        ),
        cause="InitContainerFailed",
    ),
    Scenario(
        "the Secret is missing",
        _variable("secretKeyRef", "missing"),
        _waits(
            "SecretMissing",
            'Container foo of pod foo-0 cannot start: secret "missing" not found. Create it, or correct its name in '
            "Env.X. (CreateContainerConfigError)",
        ),
        cause="SecretMissing",
    ),
    Scenario(
        "the ConfigMap is missing",
        _variable("configMapKeyRef", "missing"),
        _waits(
            "ConfigMapMissing",
            'Container foo of pod foo-0 cannot start: configmap "missing" not found. Create it, or correct its name in '
            "Env.X. (CreateContainerConfigError)",
        ),
        cause="ConfigMapMissing",
    ),
    Scenario(
        "the key is missing",
        _variable("secretKeyRef", "credentials"),
        _waits(
            "KeyMissing",
            "Container foo of pod foo-0 cannot start: couldn't find key missing in Secret NAMESPACE/credentials. "
            "Create it, or correct its name in Env.X. (CreateContainerConfigError)",
        ),
        cause="KeyMissing",
        objects=({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "data": {"k": "dg=="}},),
    ),
    Scenario("created again", _config(), _ready(), _creates_again),
    Scenario(
        "created again with another configuration",
        _config(),
        Seen(
            "ConflictError",
            "Conflict",
            "StatefulSet foo in namespace NAMESPACE exists already and is not this service: it belongs to a test of me "
            "and differs in Port (40000 there, 40001 wanted). Choose another Name, or set ExistingReleaseName to use "
            "the existing service.",
        ),
        _creates_another,
    ),
    Scenario("scaled", _config(), _ready(2), _scales),
    Scenario(
        "asleep",
        _config(Replicas=2),
        Seen(
            "Asleep",
            "Asleep",
            "Data service foo has been asleep since TIME: its 2 replicas are scaled to 0. Run `dataservice wake foo`, "
            "or a task that uses it, to wake it.",
        ),
        _sleeps,
    ),
    Scenario("awake again", _config(Replicas=2), _ready(2), _wakes),
    Scenario(
        "deleted",
        _config(),
        Seen(
            "Failed",
            "StatefulSetNotFound",
            "StatefulSet foo does not exist in namespace NAMESPACE: it was deleted, or never made there. Run the task "
            "again to make it, or correct the name or the namespace.",
        ),
        _deletes,
    ),
    Scenario("created after its deletion", _config(), _ready(), _deletes_and_creates),
)
