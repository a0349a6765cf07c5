//! A service whose pods are ready, but whose names do not all resolve.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

use crate::status::assessment::with_names;
use crate::status::readiness::judge;
use crate::status::{Host, Phase, SliceFacts};

/// A `StatefulSet` of two ready pods.
fn ready_stateful_set() -> StatefulSet {
    let object = json!({
        "metadata": {"name": "foo", "generation": 2},
        "spec": {"replicas": 2, "selector": {}, "template": {}},
        "status": {
            "replicas": 2, "observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2,
            "currentRevision": "foo-1", "updateRevision": "foo-1",
        },
    });
    serde_json::from_value(object).expect("a StatefulSet")
}

#[test]
fn a_service_is_ready_only_when_every_pods_name_resolves() {
    let host = |name: &&str| Host {
        name: (*name).to_owned(),
        ..Host::default()
    };
    let slice = |names: &[&str]| SliceFacts {
        hosts: names.iter().map(host).collect(),
        ..SliceFacts::default()
    };
    let judged = |slices: Option<&Vec<SliceFacts>>| with_names(judge(&ready_stateful_set()), "foo", slices);
    assert_eq!(
        judged(Some(&vec![slice(&["foo-0"]), slice(&["foo-1"])])).phase,
        Phase::Ready
    );
    assert_eq!(judged(None).phase, Phase::Ready);
    let status = judged(Some(&vec![slice(&["foo-0", "foo-10"])]));
    assert_eq!(
        (status.phase, status.reason),
        (Phase::Initializing, "NamesNotPublished")
    );
    assert!(
        status.message.contains("the name foo-1.foo does not resolve yet"),
        "{}",
        status.message
    );
}
