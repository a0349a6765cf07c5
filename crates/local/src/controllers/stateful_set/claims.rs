//! The claims of a pod's volumes: which there are to be, and who is to own them, so that they go when the retention
//! policy says so.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::identity::{self, claim_name, claim_templates};
use crate::controllers::owners;

/// When claims are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    with_the_set: bool,
    with_the_pod: bool,
}

impl Policy {
    fn of(set: &StatefulSet) -> Self {
        let policy = set
            .spec
            .as_ref()
            .and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref());
        let deletes = |when: Option<&String>| when.is_some_and(|when| when == "Delete");
        Self {
            with_the_set: policy.is_some_and(|policy| deletes(policy.when_deleted.as_ref())),
            with_the_pod: policy.is_some_and(|policy| deletes(policy.when_scaled.as_ref())),
        }
    }

    fn retains(self) -> bool {
        !self.with_the_set && !self.with_the_pod
    }
}

/// The claims that the pod of an ordinal needs.
pub(super) fn of(set: &StatefulSet, ordinal: i32) -> Vec<PersistentVolumeClaim> {
    let selected = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone());
    let claim = |template: &PersistentVolumeClaim| {
        let mut claim = template.clone();
        claim.metadata.name = Some(claim_name(set, template, ordinal));
        claim.metadata.namespace.clone_from(&set.metadata.namespace);
        claim
            .metadata
            .labels
            .get_or_insert_default()
            .extend(selected.clone().unwrap_or_default());
        claim.status = None;
        claim
    };
    claim_templates(set).iter().map(claim).collect()
}

/// Whether a claim is of an earlier pod of this name, with which it is about to go: the next pod waits for its own.
pub(super) fn is_stale(set: &StatefulSet, claim: &PersistentVolumeClaim, pod: &Pod) -> bool {
    Policy::of(set).with_the_pod && has_stale_owner(claim, pod)
}

/// The owners that a claim is to have; none if it is to stay as it is.
pub(super) fn new_owners(set: &StatefulSet, claim: &PersistentVolumeClaim, pod: &Pod) -> Option<Vec<OwnerReference>> {
    if has_stale_owner(claim, set) || has_stale_owner(claim, pod) {
        // It is about to go with an earlier owner.
        return None;
    }
    let foreign = has_foreign_controller(set, claim, pod);
    let policy = Policy::of(set);
    let scaled_down = !identity::is_wanted(set, pod);
    let owned_by_pod = !foreign && policy.with_the_pod && scaled_down;
    let owned_by_set = !foreign && policy.with_the_set && !(policy.with_the_pod && scaled_down);
    let is = |of: &ObjectMeta| owners::is_owned_by(&claim.metadata, of);
    let controls =
        |of: &ObjectMeta| owners::controller(&claim.metadata).is_some_and(|by| Some(&by.uid) == of.uid.as_ref());
    let right = |of: &ObjectMeta, wanted: bool| is(of) == wanted && (!wanted || controls(of));
    if right(&set.metadata, owned_by_set) && right(&pod.metadata, owned_by_pod) {
        return None;
    }
    let ours = |owner: &&OwnerReference| owners::names(owner, set) || owners::names(owner, pod);
    let others = owners::references(&claim.metadata)
        .iter()
        .filter(|owner| !ours(owner))
        .cloned();
    let of_pod = owned_by_pod.then(|| owners::controller_reference(pod));
    let of_set = owned_by_set.then(|| owners::controller_reference(set));
    Some(others.chain(of_pod).chain(of_set).collect())
}

/// Whether something else controls a claim that the `StatefulSet` or the pod is to own.
pub(super) fn has_foreign_controller(set: &StatefulSet, claim: &PersistentVolumeClaim, pod: &Pod) -> bool {
    let foreign = |owner: &OwnerReference| {
        if owners::names(owner, set) {
            Some(&owner.uid) != set.metadata.uid.as_ref()
        } else if owners::names(owner, pod) {
            Some(&owner.uid) != pod.metadata.uid.as_ref()
        } else {
            owner.controller == Some(true)
        }
    };
    !Policy::of(set).retains() && owners::references(&claim.metadata).iter().any(foreign)
}

fn has_stale_owner<K>(claim: &PersistentVolumeClaim, of: &K) -> bool
where
    K: kube::Resource<DynamicType = ()>,
{
    let owner = owners::references(&claim.metadata)
        .iter()
        .find(|owner| owners::names(owner, of));
    owner.is_some_and(|owner| Some(&owner.uid) != of.meta().uid.as_ref())
}
