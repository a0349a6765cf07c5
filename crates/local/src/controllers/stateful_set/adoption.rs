//! Which pods and revisions are a `StatefulSet`'s own: it adopts what it selects and nobody controls, and releases pods
//! that it does not select any more.

use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde_json::{Value, json};

use super::identity;
use crate::controllers::error::Failure;
use crate::controllers::owners;
use crate::controllers::selector::selects;
use crate::controllers::world::{Watched, World};

/// What an object is to a `StatefulSet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// It is its own.
    Own,
    /// It is its own and is not to be.
    Released,
    /// Nobody controls it, and it is to.
    Adopted,
    /// It has nothing to do with it.
    None,
}

/// What a pod is to a `StatefulSet`.
pub(super) fn relation(set: &StatefulSet, pod: &Pod) -> Relation {
    let selected = selected(set, &pod.metadata) && identity::ordinal(set, pod).is_some();
    let leaving = set.metadata.deletion_timestamp.is_some();
    match owners::controller(&pod.metadata) {
        Some(owner) if Some(&owner.uid) != set.metadata.uid.as_ref() => Relation::None,
        Some(_) if selected => Relation::Own,
        Some(_) if leaving => Relation::None,
        Some(_) => Relation::Released,
        None if selected && !leaving && pod.metadata.deletion_timestamp.is_none() => Relation::Adopted,
        None => Relation::None,
    }
}

/// The pods that are its own, after it has adopted and released some.
pub(super) async fn pods(world: &mut World, set: &StatefulSet) -> Result<Vec<Arc<Pod>>, Failure> {
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    let pods: Vec<_> = world.pods.of_namespace(namespace).cloned().collect();
    let mut own = Vec::new();
    for pod in pods {
        match relation(set, &pod) {
            Relation::Own => own.push(pod),
            Relation::Adopted => own.extend(adopt(world, set, &*pod).await?.map(Arc::new)),
            Relation::Released => {
                let others = owners::references(&pod.metadata).iter();
                let others: Vec<_> = others
                    .filter(|owner| Some(&owner.uid) != set.metadata.uid.as_ref())
                    .collect();
                let patch = ownership(&pod.metadata, &json!(others));
                match world.patch(&*pod, &patch).await {
                    Err(failure) if !failure.is_not_found() => return Err(failure),
                    _ => {}
                }
            }
            Relation::None => {}
        }
    }
    Ok(own)
}

/// The revisions that are its own, after it has adopted some.
pub(super) async fn revisions(world: &mut World, set: &StatefulSet) -> Result<Vec<Arc<ControllerRevision>>, Failure> {
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    let revisions: Vec<_> = world.revisions.of_namespace(namespace).cloned().collect();
    let mut own = Vec::new();
    for revision in revisions
        .into_iter()
        .filter(|revision| selected(set, &revision.metadata))
    {
        match owners::controller(&revision.metadata) {
            Some(owner) if Some(&owner.uid) == set.metadata.uid.as_ref() => own.push(revision),
            Some(_) => {}
            None => own.extend(adopt(world, set, &*revision).await?.map(Arc::new)),
        }
    }
    Ok(own)
}

/// Makes an object its own; none if the object is gone.
async fn adopt<K>(world: &mut World, set: &StatefulSet, object: &K) -> Result<Option<K>, Failure>
where
    K: Watched + Resource<Scope = NamespaceResourceScope>,
{
    // One that is being deleted with its pods kept must not adopt them again, and the watch may be behind.
    let fresh = world.api(set).get_metadata(identity::name(set)).await?;
    if fresh.metadata.uid != set.metadata.uid || fresh.metadata.deletion_timestamp.is_some() {
        return Err(Failure::Other(format!(
            "StatefulSet {} is being deleted",
            identity::name(set)
        )));
    }
    let others = owners::references(object.meta()).iter().cloned();
    let owners: Vec<_> = others.chain([owners::controller_reference(set)]).collect();
    match world.patch(object, &ownership(object.meta(), &json!(owners))).await {
        Ok(adopted) => Ok(Some(adopted)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A patch of an object's owners. It is refused if the object has changed, since it writes all of them.
fn ownership(of: &ObjectMeta, owners: &Value) -> Value {
    json!({"metadata": {"uid": of.uid, "resourceVersion": of.resource_version, "ownerReferences": owners}})
}

fn selected(set: &StatefulSet, object: &ObjectMeta) -> bool {
    let selector = set.spec.as_ref().map(|spec| &spec.selector);
    selector.is_some_and(|selector| selects(selector, object.labels.as_ref()))
}
