//! Whether a `StatefulSet` is ready, and what it waits for if not.
//!
//! The rules are those of `kubectl rollout status`: the controller's status counts only once it has observed the newest
//! specification, and pods count only at the newest revision.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetStatus};

use super::{Phase, Status};
use crate::identity::asleep::Asleep;

/// Judges a service by its `StatefulSet`.
pub(super) fn judge(stateful_set: &StatefulSet) -> Status {
    let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
    let spec = stateful_set.spec.clone().unwrap_or_default();
    let status = stateful_set.status.clone().unwrap_or_default();
    let wanted = spec.replicas.unwrap_or(1);
    let ready = status.ready_replicas.unwrap_or(0);
    let state = |phase, reason, message| Status {
        phase,
        reason,
        message,
        ready,
        wanted: Some(wanted),
        pods: Arc::default(),
        endpoints: Arc::default(),
    };

    if stateful_set.metadata.deletion_timestamp.is_some() {
        return state(
            Phase::Failed,
            "Terminating",
            format!("StatefulSet {name} is being deleted. Run the task again once it is gone."),
        );
    }
    if let Some(asleep) = Asleep::of(stateful_set) {
        let has_claims = spec.volume_claim_templates.is_some_and(|claims| !claims.is_empty());
        return state(Phase::Asleep, "Asleep", sleeps(name, &asleep, has_claims));
    }
    if !is_observed(stateful_set) {
        return state(
            Phase::Pending,
            "NotObserved",
            format!(
                "StatefulSet {name} is waiting for Kubernetes to create its {}.",
                pods(wanted)
            ),
        );
    }
    if ready < wanted {
        return state(Phase::Initializing, "ReplicasNotReady", not_ready(name, ready, wanted));
    }
    if !is_updated(&spec, &status, wanted) {
        let updated = status.updated_replicas.unwrap_or(0);
        return state(
            Phase::Initializing,
            "ReplicasNotUpdated",
            format!(
                "StatefulSet {name} has {updated} of {} at its newest revision.",
                pods(wanted)
            ),
        );
    }
    let there = status.replicas;
    if there > wanted {
        return state(
            Phase::Initializing,
            "ReplicasNotRemoved",
            format!("StatefulSet {name} still has {}, and is to have {wanted}.", pods(there)),
        );
    }
    if spec.min_ready_seconds.unwrap_or(0) > 0 && status.available_replicas.unwrap_or(0) < wanted {
        let available = status.available_replicas.unwrap_or(0);
        return state(
            Phase::Initializing,
            "ReplicasNotAvailable",
            not_available(name, available, wanted),
        );
    }
    state(
        Phase::Ready,
        "Ready",
        format!("StatefulSet {name} is ready with {}.", pods(wanted)),
    )
}

/// The message of a service that sleeps.
fn sleeps(name: &str, Asleep { replicas, since }: &Asleep, has_claims: bool) -> String {
    let scaled = match replicas {
        1 => "its replica is scaled to 0".to_owned(),
        _ => format!("its {replicas} replicas are scaled to 0"),
    };
    let kept = if has_claims { ", and its claims are kept" } else { "" };
    format!(
        "Data service {name} has been asleep since {since}: {scaled}{kept}. Run `dataservice wake {name}`, or a task that uses \
         it, to wake it."
    )
}

/// The message of a service that has too few ready pods.
pub(super) fn not_ready(name: &str, ready: i32, wanted: i32) -> String {
    format!("StatefulSet {name} has {ready} of {} ready.", pods(wanted))
}

/// The message of a service with pods that have not been ready for long enough.
pub(super) fn not_available(name: &str, available: i32, wanted: i32) -> String {
    format!(
        "StatefulSet {name} has {available} of {} that have been ready for long enough.",
        pods(wanted)
    )
}

/// Whether the controller has observed the current specification.
pub(crate) fn is_observed(stateful_set: &StatefulSet) -> bool {
    let observed = stateful_set
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    match (stateful_set.metadata.generation, observed) {
        (Some(generation), Some(observed)) => observed >= generation,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// Whether every pod that is to be at the newest revision is.
fn is_updated(spec: &StatefulSetSpec, status: &StatefulSetStatus, wanted: i32) -> bool {
    let strategy = spec.update_strategy.as_ref();
    if strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete")) {
        return true;
    }
    let partition = strategy
        .and_then(|strategy| strategy.rolling_update.as_ref())
        .and_then(|rolling| rolling.partition)
        .unwrap_or(0);
    status.current_revision == status.update_revision
        || status.updated_replicas.unwrap_or(0) >= (wanted - partition).max(0)
}

pub(super) fn pods(count: i32) -> String {
    if count == 1 {
        "1 pod".to_owned()
    } else {
        format!("{count} pods")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::{ASLEEP_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL};
    use serde_json::{Value, json};

    /// A `StatefulSet` of two ready pods, with some fields changed.
    fn stateful_set(changes: &Value) -> StatefulSet {
        let mut object = json!({
            "metadata": {"name": "foo", "generation": 2},
            "spec": {"replicas": 2, "selector": {}, "template": {}},
            "status": {
                "replicas": 2, "observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2,
                "currentRevision": "foo-1", "updateRevision": "foo-1",
            },
        });
        merge(&mut object, changes);
        serde_json::from_value(object).expect("a StatefulSet")
    }

    fn merge(into: &mut Value, changes: &Value) {
        match (into, changes) {
            (Value::Object(into), Value::Object(changes)) => {
                for (key, change) in changes {
                    merge(into.entry(key.clone()).or_insert(Value::Null), change);
                }
            }
            (into, change) => *into = change.clone(),
        }
    }

    /// The changes of a service that was put to sleep, whose pods may end yet, and that somebody has scaled since.
    fn asleep(replicas: i32) -> Value {
        json!({
            "metadata": {
                "generation": 3,
                "labels": {MANAGED_BY_LABEL: MANAGED_BY},
                "annotations": {ASLEEP_ANNOTATION: r#"{"replicas":3,"since":"2026-01-01T00:00:00Z"}"#},
            },
            "spec": {"replicas": replicas, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
            "status": {"observedGeneration": if replicas == 0 { 2 } else { 3 }},
        })
    }

    #[test]
    fn each_state_has_its_phase_and_its_sentence() {
        for (changes, phase, reason, words) in [
            (json!({}), Phase::Ready, "Ready", "is ready with 2 pods"),
            (
                json!({"spec": {"replicas": 0}, "status": {"replicas": 0, "readyReplicas": 0}}),
                Phase::Ready,
                "Ready",
                "0 pods",
            ),
            (
                asleep(0),
                Phase::Asleep,
                "Asleep",
                "Data service foo has been asleep since 2026-01-01T00:00:00Z: its 3 replicas are scaled to 0, and its claims are \
                 kept. Run `dataservice wake foo`, or a task that uses it, to wake it.",
            ),
            (asleep(2), Phase::Ready, "Ready", "is ready with 2 pods"),
            (
                json!({"status": {"readyReplicas": 1}}),
                Phase::Initializing,
                "ReplicasNotReady",
                "1 of 2 pods ready",
            ),
            (
                json!({"status": {"readyReplicas": null}}),
                Phase::Initializing,
                "ReplicasNotReady",
                "0 of 2 pods",
            ),
            (
                json!({"status": {"observedGeneration": 1}}),
                Phase::Pending,
                "NotObserved",
                "is waiting for Kubernetes",
            ),
            (
                json!({"status": null}),
                Phase::Pending,
                "NotObserved",
                "is waiting for Kubernetes",
            ),
            (
                json!({"status": {"updateRevision": "foo-2", "updatedReplicas": 1}}),
                Phase::Initializing,
                "ReplicasNotUpdated",
                "1 of 2 pods at its newest revision",
            ),
            (
                json!({"status": {"updateRevision": "foo-2", "updatedReplicas": 1},
                       "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}}),
                Phase::Ready,
                "Ready",
                "is ready",
            ),
            (
                json!({"status": {"updateRevision": "foo-2", "updatedReplicas": 0},
                       "spec": {"updateStrategy": {"type": "OnDelete"}}}),
                Phase::Ready,
                "Ready",
                "is ready",
            ),
            (
                // Those that end may be ready for as long as they do.
                json!({"status": {"replicas": 3}}),
                Phase::Initializing,
                "ReplicasNotRemoved",
                "still has 3 pods, and is to have 2",
            ),
            (
                json!({"spec": {"minReadySeconds": 3}, "status": {"availableReplicas": 1}}),
                Phase::Initializing,
                "ReplicasNotAvailable",
                "1 of 2 pods that have been ready",
            ),
            (
                json!({"spec": {"minReadySeconds": 3}, "status": {"availableReplicas": 2}}),
                Phase::Ready,
                "Ready",
                "is ready",
            ),
            (
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                Phase::Failed,
                "Terminating",
                "is being deleted",
            ),
        ] {
            let status = judge(&stateful_set(&changes));
            assert_eq!((status.phase, status.reason), (phase, reason), "{changes}");
            assert!(status.message.contains(words), "{changes}: {}", status.message);
        }
    }

    #[test]
    fn a_deleted_service_has_failed_with_a_sentence() {
        let status = Status::gone("flyte", "foo");
        assert_eq!(status.phase, Phase::Failed);
        assert!(
            status
                .message
                .starts_with("StatefulSet foo does not exist in namespace flyte")
        );
    }
}
