//! From a specification to Kubernetes objects. Pure: the same input gives the same objects, without a cluster.

mod container;
mod differences;
mod fields;
mod network_policy;
mod placement;
mod pod;
mod pod_disruption_budget;
mod pod_template;
mod references;
mod service;
mod statefulset;

pub use differences::differences;
pub use fields::{NAMESPACE, Origins, WHOLE};
pub use network_policy::network_policy;
pub use pod::pod;
pub use pod_disruption_budget::pod_disruption_budget;
pub use references::{Reference, references};
pub use service::service;
pub use statefulset::stateful_set;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::names::{EXECUTION_ANNOTATION, HASH_ANNOTATION, OWNER_ANNOTATION, labels};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// The metadata that all objects of a service share. Flyte's labels and annotations count before the user's.
fn metadata(spec: &DataServiceSpec, identity: &Identity) -> ObjectMeta {
    let mut annotations = spec.annotations.clone();
    annotations.extend(identity.annotations.clone());
    annotations.insert(OWNER_ANNOTATION.to_owned(), identity.owner.id.clone());
    annotations.insert(EXECUTION_ANNOTATION.to_owned(), identity.owner.description.clone());
    annotations.insert(HASH_ANNOTATION.to_owned(), spec.hash());
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
