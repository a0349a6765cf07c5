use serde_json::{Value, json};

use super::*;

fn pod(spec: &Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "foo-0", "namespace": "flyte"}, "spec": spec})).expect("a pod")
}

fn state(pod: &Pod) -> PodState {
    let place = Place {
        node: "local".to_owned(),
        host: "127.0.0.1".to_owned(),
        address: "127.77.1.1".to_owned(),
        ports: std::collections::BTreeMap::new(),
    };
    PodState::new(pod, place, Timestamp::UNIX_EPOCH)
}

fn running() -> State {
    State::Running {
        started: Timestamp::UNIX_EPOCH,
        id: "process://1".to_owned(),
    }
}

fn ended(code: i32) -> Ended {
    Ended {
        reason: if code == 0 { "Completed" } else { "Error" },
        code,
        message: None,
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        id: None,
    }
}

fn shown(state: &PodState, pod: &Pod) -> Value {
    serde_json::to_value(state.status(pod, Timestamp::UNIX_EPOCH)).expect("JSON")
}

fn conditions(status: &Value) -> Vec<String> {
    let conditions = status["conditions"].as_array().expect("conditions");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words = |condition: &Value| {
        let parts = ["type", "status", "reason", "message"].map(|field| text(&condition[field]));
        parts.join(" ").trim_end().to_owned()
    };
    conditions.iter().map(words).collect()
}

#[test]
fn a_pod_that_has_just_come_is_shown_as_the_kubelet_shows_it() {
    let pod = pod(&json!({"containers": [{"name": "foo", "image": "busybox"}]}));
    let status = shown(&state(&pod), &pod);
    assert_eq!(status["phase"], "Pending");
    let wanted = json!([{
        "image": "busybox", "imageID": "", "lastState": {}, "name": "foo", "ready": false, "restartCount": 0,
        "started": false, "state": {"waiting": {"reason": "ContainerCreating"}},
    }]);
    assert_eq!(status["containerStatuses"], wanted);
    let wanted = [
        "PodReadyToStartContainers False",
        "Initialized True",
        "Ready False ContainersNotReady containers with unready status: [foo]",
        "ContainersReady False ContainersNotReady containers with unready status: [foo]",
        "PodScheduled True",
    ];
    assert_eq!(conditions(&status), wanted);
}

#[test]
fn a_running_pod_is_ready_when_its_containers_are_and_its_gates_are_open() {
    let mut pod = pod(&json!({
        "containers": [{"name": "a"}, {"name": "b"}], "readinessGates": [{"conditionType": "example.com/g"}]
    }));
    let mut state = state(&pod);
    state.is_set_up = true;
    for container in &mut state.containers {
        (container.state, container.has_started, container.is_ready) = (running(), true, true);
    }
    let words = "Ready False ReadinessGatesNotReady corresponding condition of pod readiness gate \"example.com/g\" does \
                 not exist.";
    assert_eq!(conditions(&shown(&state, &pod))[2..4], [words, "ContainersReady True"]);
    let gate = json!({"conditions": [{"type": "example.com/g", "status": "True"}]});
    pod.status = Some(serde_json::from_value(gate).expect("a status"));
    let status = shown(&state, &pod);
    assert_eq!(conditions(&status)[2..4], ["Ready True", "ContainersReady True"]);
    assert_eq!(conditions(&status)[5], "example.com/g True");
    assert_eq!(
        (&status["phase"], &status["podIP"]),
        (&json!("Running"), &json!("127.77.1.1"))
    );
    state.containers[1].is_ready = false;
    let words = "Ready False ContainersNotReady containers with unready status: [b]";
    assert_eq!(conditions(&shown(&state, &pod))[2], words);
}

#[test]
fn init_containers_come_before_the_others() {
    let pod = pod(&json!({
        "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}], "containers": [{"name": "foo"}],
    }));
    let mut state = state(&pod);
    let initialized = |state: &PodState| conditions(&shown(state, &pod))[1].clone();
    let words = "Initialized False ContainersNotInitialized containers with incomplete status: [i s]";
    assert_eq!(initialized(&state), words);
    state.containers[0].state = State::Ended(ended(1));
    assert_eq!(shown(&state, &pod)["phase"], "Pending");
    state.containers[0].state = State::Ended(ended(0));
    (state.containers[1].state, state.containers[1].has_started) = (running(), true);
    assert_eq!(initialized(&state), "Initialized True");
    assert_eq!(shown(&state, &pod)["phase"], "Pending");
    let status = shown(&state, &pod);
    assert_eq!(status["initContainerStatuses"][0]["ready"], true);
    assert_eq!(
        status["containerStatuses"][0]["state"]["waiting"]["reason"],
        "PodInitializing"
    );
    state.containers[2].state = running();
    assert_eq!(shown(&state, &pod)["phase"], "Running");
}

#[test]
fn the_phase_follows_the_containers_and_the_restart_policy() {
    for (policy, code, wanted) in [
        ("Always", 0, "Running"),
        ("Always", 1, "Running"),
        ("OnFailure", 0, "Succeeded"),
        ("OnFailure", 1, "Running"),
        ("Never", 0, "Succeeded"),
        ("Never", 1, "Failed"),
    ] {
        let pod = pod(&json!({"containers": [{"name": "foo"}], "restartPolicy": policy}));
        let mut state = state(&pod);
        state.containers[0].state = State::Ended(ended(code));
        assert_eq!(shown(&state, &pod)["phase"], wanted, "{policy} {code}");
    }
    let pod = pod(&json!({"containers": [{"name": "foo"}]}));
    let mut state = state(&pod);
    state.containers[0].last = Some(ended(128));
    assert_eq!(shown(&state, &pod)["phase"], "Running", "waiting for its restart");
}

#[test]
fn a_condition_keeps_its_time_while_the_api_server_shows_an_older_status() {
    let pod = pod(&json!({"containers": [{"name": "foo", "image": "busybox"}]}));
    let mut state = state(&pod);
    let mut behind = pod.clone();
    behind.status = Some(state.status(&pod, Timestamp::UNIX_EPOCH));
    state.is_set_up = true;
    state.containers[0].enter(running());
    (state.containers[0].has_started, state.containers[0].is_ready) = (true, true);
    let time = |seconds| Timestamp::from_second(seconds).expect("a time");
    let first = state.status(&behind, time(1));
    state.reported = first.conditions.clone().expect("conditions");
    let ready = |status: &PodStatus| {
        let mut conditions = status.conditions.iter().flatten();
        let ready = conditions.find(|condition| condition.type_ == "Ready");
        ready.and_then(|ready| ready.last_transition_time.clone())
    };
    assert_eq!(ready(&first), Some(Time(time(1))));
    assert_eq!(state.status(&behind, time(2)), first);
}
