//! For how long a service has to stand before it is ready.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, ContainerFacts, Evidence, Phase, PodFacts, PodTimes, StatefulSetFacts};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// A `StatefulSet` that Kubernetes calls available.
fn available(min_ready_seconds: &Value, labels: &Value) -> StatefulSetFacts {
    let object: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo", "uid": "set", "generation": 1, "labels": labels},
        "spec": {"replicas": 1, "selector": {}, "template": {}, "minReadySeconds": min_ready_seconds},
        "status": {"replicas": 1, "observedGeneration": 1, "readyReplicas": 1, "availableReplicas": 1},
    }))
    .expect("a StatefulSet");
    StatefulSetFacts::from(&object)
}

/// A ready pod whose container runs since second 10.
fn pod() -> PodFacts {
    PodFacts {
        name: "foo-0".to_owned(),
        owner: "set".into(),
        ready: true,
        ready_since: Some(second(10)),
        containers: vec![ContainerFacts {
            name: "foo".to_owned(),
            ready: true,
            running_since: Some(second(10)),
            ..ContainerFacts::default()
        }],
        ..PodFacts::default()
    }
}

/// The second from which on a service is ready; `None` if it is not within a minute.
fn ready_at(stateful_set: &StatefulSetFacts, pods: &[PodFacts]) -> Option<i64> {
    let evidence = Evidence {
        pods,
        ..Evidence::default()
    };
    let assessment = Assessment::new(stateful_set, evidence);
    (10..70).find(|now| assessment.at(second(*now), &GracePeriods::new()).phase == Phase::Ready)
}

#[test]
fn n_seconds_are_n_at_least_and_the_kubelet_has_time_to_report_an_end() {
    let ours = json!({MANAGED_BY_LABEL: MANAGED_BY});
    for (min_ready_seconds, labels, wanted) in [
        (json!(3), &ours, 16),
        (json!(5), &ours, 18),
        (json!(0), &ours, 10),
        (Value::Null, &ours, 10),
        // A StatefulSet of somebody else has to be up for as long as one of ours unless it sets another time.
        (Value::Null, &json!({}), 16),
        (json!(1), &json!({}), 16),
        (json!(10), &json!({}), 23),
    ] {
        let stateful_set = available(&min_ready_seconds, labels);
        assert_eq!(
            ready_at(&stateful_set, &[pod()]),
            Some(wanted),
            "{min_ready_seconds} {labels}"
        );
    }
}

#[test]
fn a_node_that_was_slow_to_start_a_pod_has_longer_to_report_its_end() {
    for (scheduled, wanted) in [(9, 16), (8, 16), (6, 18), (-600, 21)] {
        let times = PodTimes {
            scheduling: Some(second(scheduled)),
            ..PodTimes::default()
        };
        let pod = PodFacts { times, ..pod() };
        assert_eq!(
            ready_at(&available(&json!(3), &json!({})), &[pod]),
            Some(wanted),
            "{scheduled}"
        );
    }
}

#[test]
fn a_readiness_that_began_after_the_start_counts_from_its_own_beginning() {
    let late = PodFacts {
        ready_since: Some(second(30)),
        ..pod()
    };
    assert_eq!(ready_at(&available(&json!(3), &json!({})), &[late]), Some(34));
}

#[test]
fn a_pod_that_is_known_to_be_down_is_not_ready_whatever_the_stateful_set_says() {
    let down = PodFacts { ready: false, ..pod() };
    let stateful_set = available(&json!(0), &json!({MANAGED_BY_LABEL: MANAGED_BY}));
    assert_eq!(ready_at(&stateful_set, &[pod(), down.clone()]), None);
    // A pod that is being deleted, and somebody else's with the same labels, do not count.
    for other in [
        PodFacts {
            gone_by: Some(second(20)),
            ..down.clone()
        },
        PodFacts {
            owner: "other".into(),
            ..down
        },
    ] {
        assert_eq!(ready_at(&stateful_set, &[pod(), other]), Some(10));
    }
    // The only one goes: Kubernetes counts it until it ends.
    let ends = PodFacts {
        gone_by: Some(second(20)),
        ..pod()
    };
    assert_eq!(ready_at(&stateful_set, &[ends]), None);
    // Where pods may not be read, Kubernetes's word has to do.
    assert_eq!(ready_at(&stateful_set, &[]), Some(10));
}
