//! Sleep: scale a service to zero and note how many replicas it had, in one write.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::retry::{Deadline, Step, reference, retry};
use super::scaling::ConfiguredReplicas;
use crate::cluster::{Api, Fault, server_time};
use crate::error::{Error, Result};
use crate::identity::asleep::Asleep;
use crate::identity::labels::ASLEEP_ANNOTATION;

/// Puts a service to sleep at exactly the version that was read, and returns it as it is then; `None` if it was changed
/// since.
///
/// The template of its pods stays as it is, so that there is no new revision, and its claims are kept.
///
/// # Errors
/// [`Error::Unchanged`] where Kubernetes would delete its claims, and for a service without replicas; otherwise as
/// [`delete`](super::delete()).
pub async fn put_to_sleep<A: Api>(
    api: &A,
    there: &StatefulSet,
    deadline: Deadline,
) -> Result<Option<(Asleep, StatefulSet)>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&there.metadata.namespace), text(&there.metadata.name));
    let unchanged = |reason, problem: &str, advice: &str| {
        Err(Error::Unchanged {
            object: reference::<StatefulSet>(&namespace, &name),
            reason,
            problem: problem.to_owned(),
            advice: advice.to_owned(),
        })
    };
    if loses_claims(there) {
        return unchanged(
            "ClaimsWouldBeDeleted",
            "PersistentVolumeClaimRetentionPolicy.whenScaled is Delete, so that Kubernetes would delete the claims of the \
             pods that go.",
            "Set it to Retain with an update, or delete the service.",
        );
    }
    let replicas = there.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if replicas == 0 {
        return unchanged(
            "NoReplicas",
            "it has no replicas already.",
            "Update it with another number of Replicas to start it.",
        );
    }
    let asleep = Asleep::at(server_time::now(), replicas);
    let note = asleep.value();
    let patching = Step::new::<StatefulSet>("patch", &namespace, &name);
    let annotations = [(ASLEEP_ANNOTATION, Some(note.as_str()))];
    let scale = || api.scale(there, 0, &annotations);
    match retry(deadline, &patching, scale).await? {
        Ok(scaled) => Ok(Some((asleep, scaled))),
        Err(Fault::Changed) => Ok(None),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Whether Kubernetes deletes the claims of pods that are scaled away.
fn loses_claims(set: &StatefulSet) -> bool {
    let Some(spec) = &set.spec else { return false };
    let policy = spec.persistent_volume_claim_retention_policy.as_ref();
    let deletes = policy.is_some_and(|policy| policy.when_scaled.as_deref() == Some("Delete"));
    deletes
        && spec
            .volume_claim_templates
            .as_ref()
            .is_some_and(|claims| !claims.is_empty())
}

/// The manifest of a service that stays asleep, where the configuration asks for as many replicas as before. Another
/// number wakes it.
pub(super) fn keeping_asleep(mut wanted: StatefulSet, there: &StatefulSet, asked: &ConfiguredReplicas) -> StatefulSet {
    let Some(asleep) = Asleep::of(there).filter(|_| asked.is_as_before(there)) else {
        return wanted;
    };
    if let Some(spec) = &mut wanted.spec {
        spec.replicas = Some(0);
    }
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    annotations.insert(ASLEEP_ANNOTATION.to_owned(), asleep.value());
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
    use serde_json::{Value, json};

    /// A service whose pods find this number, with so many replicas.
    fn service(in_pods: &str, replicas: i32, annotations: &Value) -> StatefulSet {
        let container = json!({"name": "foo", "env": [{"name": "GE_COUNT", "value": in_pods}]});
        let metadata = json!({"name": "foo", "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations});
        let spec = json!({"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [container]}}});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a StatefulSet")
    }

    #[test]
    fn a_service_stays_asleep_unless_another_number_is_asked_for() {
        // Somebody had scaled it to five before it slept.
        let note = json!({ASLEEP_ANNOTATION: r#"{"replicas":5,"since":"2026-01-01T00:00:00Z"}"#});
        for (replicas, configured, kept) in [
            (0, 2, 0),
            (0, 3, 3),
            // Somebody has scaled it up.
            (1, 2, 2),
        ] {
            let wanted = service(&configured.to_string(), configured, &json!({}));
            let asked = ConfiguredReplicas::of(&wanted);
            let made = keeping_asleep(wanted, &service("2", replicas, &note), &asked);
            assert_eq!(made.spec.as_ref().and_then(|spec| spec.replicas), Some(kept));
            assert_eq!(
                Asleep::of(&made).map(|asleep| asleep.replicas),
                (kept == 0).then_some(5)
            );
        }
    }
}
