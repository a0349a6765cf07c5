//! Owner references: who owns an object, and who controls it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;

/// The reference by which an object controls another.
pub(super) fn controller_reference<K: Resource<DynamicType = ()>>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        name: owner.meta().name.clone().unwrap_or_default(),
        uid: owner.meta().uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The references of an object.
pub(super) fn references(object: &ObjectMeta) -> &[OwnerReference] {
    object.owner_references.as_deref().unwrap_or_default()
}

/// What controls an object.
pub(super) fn controller(object: &ObjectMeta) -> Option<&OwnerReference> {
    references(object).iter().find(|owner| owner.controller == Some(true))
}

/// Whether an object has an owner.
pub(super) fn is_owned_by(object: &ObjectMeta, owner: &ObjectMeta) -> bool {
    references(object).iter().any(|of| Some(&of.uid) == owner.uid.as_ref())
}

/// Whether a reference is to an object of this kind and name, which may be another one of the same name.
pub(super) fn names<K: Resource<DynamicType = ()>>(reference: &OwnerReference, object: &K) -> bool {
    reference.api_version == K::api_version(&())
        && reference.kind == K::kind(&())
        && Some(&reference.name) == object.meta().name.as_ref()
}
