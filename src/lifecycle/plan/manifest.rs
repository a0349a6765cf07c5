//! An object of a plan.

use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

use crate::cluster::Kind;

/// An object that a create would make.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) resource: ApiResource,
    pub(super) object: Value,
}

impl Manifest {
    pub(super) fn of<K: Kind>(object: &K) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            object: to_json(object),
        }
    }
}

/// An object of Kubernetes, which always serializes.
pub(super) fn to_json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
