//! The status of a `StatefulSet`.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::pods;

/// The revisions that a status names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) current: &'a str,
    pub(super) update: &'a str,
}

/// The status that follows from the pods.
pub(super) fn of<'a>(
    set: &StatefulSet,
    pods: impl Iterator<Item = &'a Pod>,
    names: Names,
    collisions: i32,
    now: Timestamp,
) -> StatefulSetStatus {
    let min_ready_seconds = min_ready_seconds(set);
    let (mut replicas, mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0, 0);
    for pod in pods {
        if pods::phase(pod).is_empty() {
            continue;
        }
        replicas += 1;
        if is_running_and_ready(pod) {
            ready += 1;
            available += i32::from(pods::is_available(pod, min_ready_seconds, now));
        }
        if !pods::is_terminating(pod) {
            current += i32::from(pods::revision(pod) == names.current);
            updated += i32::from(pods::revision(pod) == names.update);
        }
    }
    StatefulSetStatus {
        observed_generation: set.metadata.generation,
        replicas,
        ready_replicas: Some(ready),
        available_replicas: Some(available),
        current_replicas: Some(current),
        updated_replicas: Some(updated),
        current_revision: Some(names.current.to_owned()),
        update_revision: Some(names.update.to_owned()),
        collision_count: Some(collisions),
        conditions: None,
    }
}

/// Makes the newest revision the current one once all pods are of it and ready.
pub(super) fn complete(set: &StatefulSet, status: &mut StatefulSetStatus) {
    let spec = set.spec.as_ref();
    let replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let all = |number: Option<i32>| number == Some(replicas);
    if updates_by_itself(set)
        && all(status.updated_replicas)
        && all(status.ready_replicas)
        && all(Some(status.replicas))
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
}

/// Whether the API server has another status, so that this one is to be written.
pub(super) fn differs(set: &StatefulSet, status: &StatefulSetStatus) -> bool {
    let default = StatefulSetStatus::default();
    let old = set.status.as_ref().unwrap_or(&default);
    let counts = |of: &StatefulSetStatus| {
        let counts = [
            of.current_replicas,
            of.ready_replicas,
            of.updated_replicas,
            of.available_replicas,
        ];
        (of.replicas, counts.map(Option::unwrap_or_default))
    };
    status.observed_generation > old.observed_generation
        || counts(status) != counts(old)
        || status.current_revision != old.current_revision
        || status.update_revision != old.update_revision
}

/// A merge patch that writes a status as Kubernetes does: without the numbers that are zero, but for two.
pub(super) fn patch(set: &StatefulSet, status: &StatefulSetStatus) -> Value {
    let number = |number: Option<i32>| number.filter(|number| *number != 0);
    json!({
        "metadata": {"uid": set.metadata.uid},
        "status": {
            "observedGeneration": status.observed_generation,
            "replicas": status.replicas,
            "readyReplicas": number(status.ready_replicas),
            "currentReplicas": number(status.current_replicas),
            "updatedReplicas": number(status.updated_replicas),
            "currentRevision": status.current_revision,
            "updateRevision": status.update_revision,
            "collisionCount": status.collision_count,
            "availableReplicas": status.available_replicas.unwrap_or_default(),
        },
    })
}

/// Whether a pod runs and is ready.
pub(super) fn is_running_and_ready(pod: &Pod) -> bool {
    pods::phase(pod) == "Running" && pods::is_ready(pod)
}

/// How long a pod is ready until it is available.
pub(super) fn min_ready_seconds(set: &StatefulSet) -> i32 {
    set.spec
        .as_ref()
        .and_then(|spec| spec.min_ready_seconds)
        .unwrap_or_default()
}

/// Whether pods of earlier revisions are replaced, and not only once somebody deletes them.
pub(super) fn updates_by_itself(set: &StatefulSet) -> bool {
    let strategy = set
        .spec
        .as_ref()
        .and_then(|spec| spec.update_strategy.as_ref()?.type_.as_deref());
    strategy != Some("OnDelete")
}
