//! From a specification to Kubernetes objects. Pure: the same input gives the same objects, without a cluster.

mod changes;
mod differences;
mod fixed;
mod says;
mod service;
mod statefulset;

pub use changes::{changes, replaces_pods};
pub use differences::differences;
pub use fixed::fixed;
pub use says::says;
pub use service::service;
pub use statefulset::stateful_set;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::names::{EXECUTION_ANNOTATION, HASH_ANNOTATION, OWNER_ANNOTATION, labels};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// The metadata that both objects of a service share.
fn metadata(spec: &DataServiceSpec, identity: &Identity) -> ObjectMeta {
    let mut annotations = identity.annotations.clone();
    annotations.insert(OWNER_ANNOTATION.to_owned(), identity.owner.id.clone());
    annotations.insert(EXECUTION_ANNOTATION.to_owned(), identity.owner.description.clone());
    annotations.insert(HASH_ANNOTATION.to_owned(), spec.hash());
    ObjectMeta {
        name: Some(identity.name.clone()),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels(&identity.name, &identity.labels)),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}
