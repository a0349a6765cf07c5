//! From a specification to Kubernetes objects. Pure: the same input gives the same objects, without a cluster.

mod changes;
mod container;
mod count;
mod differences;
mod fields;
mod fixed;
mod network_policy;
mod placement;
mod pod;
mod pod_disruption_budget;
mod pod_template;
mod references;
mod root;
mod says;
mod service;
mod statefulset;
mod template_note;

pub use changes::{changes, replaces_pods};
pub use count::{count, counts_pods, with_count};
pub use differences::differences;
pub use fields::{NAMESPACE, Origins, WHOLE};
pub use fixed::fixed;
pub use network_policy::network_policy;
pub use pod::pod;
pub use pod_disruption_budget::pod_disruption_budget;
pub use references::{Reference, references};
pub use root::contradicts_itself;
pub use says::says;
pub use service::service;
pub use statefulset::stateful_set;

use std::collections::BTreeMap;

use k8s_openapi::Resource;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::names::{
    EXECUTION_ANNOTATION, HASH_ANNOTATION, OWN_ANNOTATIONS_ANNOTATION, OWN_LABELS_ANNOTATION, OWNER_ANNOTATION,
    OWNS_ANNOTATION, labels,
};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// The metadata that all objects of a service share. Flyte's labels and annotations count before the user's.
fn metadata(spec: &DataServiceSpec, identity: &Identity) -> ObjectMeta {
    let mut annotations = spec.annotations.clone();
    annotations.extend(identity.annotations.clone());
    annotations.insert(OWNER_ANNOTATION.to_owned(), identity.owner.id.clone());
    annotations.insert(EXECUTION_ANNOTATION.to_owned(), identity.owner.description.clone());
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

/// What an update that comes later has to know of this one.
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

/// The metadata of an object that goes when the `StatefulSet` with this uid goes.
fn owned_metadata(spec: &DataServiceSpec, identity: &Identity, stateful_set_uid: Option<&str>) -> ObjectMeta {
    let owner = |uid: &str| OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: identity.name.clone(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    };
    ObjectMeta {
        owner_references: stateful_set_uid.map(|uid| vec![owner(uid)]),
        ..metadata(spec, identity)
    }
}
