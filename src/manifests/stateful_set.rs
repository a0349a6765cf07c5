//! The `StatefulSet` whose pods are the service.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::count::counts_pods;
use super::metadata::metadata;
use super::pod_template::pod_template;
use super::template_note::template_note;
use crate::config::{ClaimTemplate, DataServiceSpec};
use crate::identity::labels::{LIFETIME_ANNOTATION, REPLICAS_ANNOTATION, TEMPLATE_ANNOTATION, selector};
use crate::identity::owner::Identity;

/// Makes the `StatefulSet` of a service.
pub(super) fn stateful_set(spec: &DataServiceSpec, identity: &Identity) -> StatefulSet {
    let policy = spec.pod_management_policy.as_deref().unwrap_or("Parallel");
    let claims: Vec<_> = spec.claims.iter().map(|template| claim(template, identity)).collect();
    let mut metadata = metadata(spec, identity);
    if !counts_pods(spec) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(REPLICAS_ANNOTATION.to_owned(), spec.replicas.to_string());
    }
    if let Some(note) = template_note(spec, &identity.name) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(TEMPLATE_ANNOTATION.to_owned(), note);
    }
    if let Some(lifetime) = spec.lifetime.annotation() {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(LIFETIME_ANNOTATION.to_owned(), lifetime);
    }
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas(spec)),
            selector: LabelSelector {
                match_labels: Some(selector(&identity.name)),
                ..LabelSelector::default()
            },
            service_name: Some(identity.name.clone()),
            min_ready_seconds: Some(spec.min_ready_seconds),
            pod_management_policy: Some(policy.to_owned()),
            persistent_volume_claim_retention_policy: retention(spec),
            update_strategy: spec.update_strategy.clone(),
            volume_claim_templates: (!claims.is_empty()).then_some(claims),
            template: pod_template(spec, identity),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn replicas(spec: &DataServiceSpec) -> i32 {
    // The parser lets no larger number through.
    i32::try_from(spec.replicas).unwrap_or(i32::MAX)
}

/// Labels of the execution are left out: a claim may outlive it.
fn claim(template: &ClaimTemplate, identity: &Identity) -> PersistentVolumeClaim {
    let modes = template.access_modes.iter().map(|mode| mode.as_str().to_owned());
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(template.name.clone()),
            labels: Some(crate::identity::labels::labels(
                &identity.name,
                &std::collections::BTreeMap::new(),
            )),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(modes.collect()),
            storage_class_name: template.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), template.size.clone())].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}

fn retention(spec: &DataServiceSpec) -> Option<StatefulSetPersistentVolumeClaimRetentionPolicy> {
    if spec.claims.is_empty() && spec.retention.is_none() {
        return None;
    }
    let retention = spec.retention.unwrap_or_default();
    Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(retention.when_deleted.as_str().to_owned()),
        when_scaled: Some(retention.when_scaled.as_str().to_owned()),
    })
}
