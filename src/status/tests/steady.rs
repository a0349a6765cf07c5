//! The reason changes only with what is wrong: it does not go back to `ReplicasNotReady` and return.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::status::diagnosis::GracePeriods;
use crate::status::times::Runs;
use crate::status::{Assessment, ContainerFacts, Ended, Evidence, PodFacts, StatefulSetFacts};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// A `StatefulSet` of one pod that Kubernetes does not call ready.
fn stateful_set() -> StatefulSetFacts {
    let object: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo", "uid": "set", "generation": 1},
        "spec": {"replicas": 1, "selector": {}, "template": {}, "minReadySeconds": 3},
        "status": {"replicas": 1, "observedGeneration": 1},
    }))
    .expect("a StatefulSet");
    StatefulSetFacts::from(&object)
}

/// A pod whose container has started at second 10.
fn pod(container: ContainerFacts) -> PodFacts {
    PodFacts {
        name: "foo-0".to_owned(),
        owner: "set".into(),
        ready: container.ready,
        ready_since: container.ready.then(|| second(10)),
        has_unready_containers: !container.ready,
        containers: vec![ContainerFacts {
            name: "foo".to_owned(),
            started: true,
            running_since: Some(second(10)),
            ..container
        }],
        ..PodFacts::default()
    }
}

/// The reason at a second.
fn reason(container: ContainerFacts, at: i64) -> &'static str {
    reported(container, at).0
}

/// The reason and the message at a second.
fn reported(container: ContainerFacts, at: i64) -> (&'static str, String) {
    let pods = [pod(container)];
    let evidence = Evidence {
        pods: &pods,
        ..Evidence::default()
    };
    let status = Assessment::new(&stateful_set(), evidence).at(second(at), &GracePeriods::new());
    (status.reason, status.message)
}

#[test]
fn a_probe_that_has_had_no_time_to_pass_is_no_cause() {
    for (at, wanted) in [(11, "ReplicasNotReady"), (15, "ReadinessProbeFails")] {
        assert_eq!(reason(ContainerFacts::default(), at), wanted, "second {at}");
    }
}

#[test]
fn a_probe_may_be_asked_a_period_after_the_container_has_started() {
    let probed = || ContainerFacts {
        probed_within: 11,
        ..ContainerFacts::default()
    };
    for (at, wanted) in [(25, "ReplicasNotReady"), (26, "ReadinessProbeFails")] {
        assert_eq!(reason(probed(), at), wanted, "second {at}");
    }
}

#[test]
fn the_first_result_of_a_probe_follows_its_delay_its_period_and_its_timeout() {
    let within = |probe: &Value| {
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "foo-0"},
            "spec": {"containers": [{"name": "foo", "readinessProbe": probe}]},
            "status": {"containerStatuses": [
                {"name": "foo", "image": "i", "imageID": "", "ready": false, "restartCount": 0},
            ]},
        }));
        PodFacts::from(&pod.expect("a pod")).containers[0].probed_within
    };
    assert_eq!(within(&json!(null)), 0);
    assert_eq!(within(&json!({})), 11);
    let slow = json!({"initialDelaySeconds": 60, "periodSeconds": 30, "timeoutSeconds": 5});
    assert_eq!(within(&slow), 95);
}

#[test]
fn pods_that_are_ready_are_reported_before_the_controller_counts_them() {
    let ready = ContainerFacts {
        ready: true,
        ..ContainerFacts::default()
    };
    assert_eq!(reason(ready, 11), "ReplicasNotAvailable");
}

#[test]
fn a_container_that_is_up_again_keeps_its_last_cause_until_the_pod_is_ready() {
    let crashed = || ContainerFacts {
        ended: Some(Ended {
            reason: "Error".to_owned(),
            exit_code: 3,
            ..Ended::default()
        }),
        runs: Runs {
            started: Some(second(1)),
            finished: Some(second(9)),
            ..Runs::default()
        },
        ..ContainerFacts::default()
    };
    let starting = |at| {
        let mut pod = pod(crashed());
        pod.containers[0].started = false;
        let pods = [pod];
        let evidence = Evidence {
            pods: &pods,
            ..Evidence::default()
        };
        let assessment = Assessment::new(&stateful_set(), evidence);
        assessment.at(second(at), &GracePeriods::new()).reason
    };
    // Its startup probe takes long.
    for at in [11, 60, 80, 300] {
        assert_eq!(starting(at), "ContainerExits", "second {at}");
    }
    // Another cause replaces it, once its end is long ago.
    for (at, wanted) in [(11, "ContainerExits"), (80, "ReadinessProbeFails")] {
        let (reason, message) = reported(crashed(), at);
        assert_eq!(reason, wanted, "second {at}");
        // The last cause stays in the message.
        assert!(message.contains("exited with code 3"), "second {at}: {message}");
    }
}

#[test]
fn a_pod_of_something_else_with_the_same_labels_is_no_pod_of_the_service() {
    let stranger = PodFacts {
        name: "stranger".to_owned(),
        owner: "".into(),
        ..pod(ContainerFacts::default())
    };
    let pods = [
        pod(ContainerFacts {
            ready: true,
            ..ContainerFacts::default()
        }),
        stranger,
    ];
    let evidence = Evidence {
        pods: &pods,
        ..Evidence::default()
    };
    let status = Assessment::new(&stateful_set(), evidence).at(second(300), &GracePeriods::new());
    let names: Vec<&str> = status.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(
        (names, status.reason),
        (vec!["foo-0"], "ReplicasNotAvailable"),
        "{}",
        status.message
    );
}
