//! The common metadata of the objects of a service.

use std::collections::BTreeMap;

use k8s_openapi::Resource;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::config::DataServiceSpec;
use crate::identity::labels::{
    HASH_ANNOTATION, OWN_ANNOTATIONS_ANNOTATION, OWN_LABELS_ANNOTATION, OWNER_ANNOTATION, OWNS_ANNOTATION, labels,
};
use crate::identity::owner::Identity;

/// The metadata that all objects of a service share. Flyte's labels and annotations count before the user's.
pub(super) fn metadata(spec: &DataServiceSpec, identity: &Identity) -> ObjectMeta {
    let mut annotations = spec.annotations.clone();
    annotations.extend(identity.annotations.clone());
    annotations.insert(OWNER_ANNOTATION.to_owned(), identity.owner.id.clone());
    annotations.extend(identity.owner.run.annotations());
    annotations.insert(HASH_ANNOTATION.to_owned(), spec.hash());
    annotations.extend(notes(spec));
    let mut said = spec.labels.clone();
    said.extend(identity.labels.clone());
    ObjectMeta {
        name: Some(identity.name.clone()),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels(&identity.name, &said)),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

/// The annotations that a later update needs.
fn notes(spec: &DataServiceSpec) -> impl Iterator<Item = (String, String)> {
    let keys = |of: &BTreeMap<String, String>| of.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    let kinds = [
        spec.pod_disruption_budget.as_ref().map(|_| PodDisruptionBudget::KIND),
        spec.network_policy.as_ref().map(|_| NetworkPolicy::KIND),
    ];
    let kinds: Vec<_> = kinds.into_iter().flatten().collect();
    let notes = [
        (OWN_LABELS_ANNOTATION, keys(&spec.labels)),
        (OWN_ANNOTATIONS_ANNOTATION, keys(&spec.annotations)),
        (OWNS_ANNOTATION, kinds.join(" ")),
    ];
    let notes = notes.into_iter().filter(|(_, value)| !value.is_empty());
    notes.map(|(key, value)| (key.to_owned(), value))
}
