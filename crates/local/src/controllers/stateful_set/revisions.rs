//! Revisions: the templates that the pods were, are and will be made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};

use super::identity;
use crate::controllers::owners;

const HASH_LABEL: &str = "controller.kubernetes.io/hash";
/// So many revisions are kept if nothing else is said, as the API server fills in.
const KEPT: i32 = 10;
/// A name without the digits and vowels of which words could be made (Kubernetes, `SafeEncodeString`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// A name of an object has at most 253 characters, of which the hash takes up to 30.
const LONGEST_PREFIX: usize = 223;

/// A template, and the name of the object that has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Revision {
    /// The name of the `ControllerRevision`.
    pub(super) name: String,
    /// The pods' template.
    pub(super) template: PodTemplateSpec,
}

impl Revision {
    /// The revision of an object; the template is empty if nobody can read it.
    pub(super) fn of(object: &ControllerRevision) -> Self {
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            template: template(object).unwrap_or_default(),
        }
    }
}

/// Which object is to have the template that the pods are to be made of.
#[derive(Debug, PartialEq)]
pub(super) enum Wanted {
    /// This one, as it is.
    Newest(Arc<ControllerRevision>),
    /// This earlier one, with a new number: the template is one that there was before.
    Again(Arc<ControllerRevision>, i64),
    /// A new one.
    New(Box<ControllerRevision>),
}

/// Sorts revisions from the first to the newest.
pub(super) fn sort(revisions: &mut [Arc<ControllerRevision>]) {
    revisions.sort_by(|one, other| {
        let rank = |of: &ControllerRevision| (of.revision, of.metadata.creation_timestamp.as_ref().map(|time| time.0));
        (rank(one), &one.metadata.name).cmp(&(rank(other), &other.metadata.name))
    });
}

/// Which of the sorted revisions has the template of a `StatefulSet`.
pub(super) fn wanted(set: &StatefulSet, revisions: &[Arc<ControllerRevision>], collisions: i32) -> Wanted {
    let of_set = set.spec.as_ref().map(|spec| &spec.template);
    let equal = revisions.iter().rfind(|revision| template(revision).as_ref() == of_set);
    let newest = revisions.last();
    let next = newest.map_or(1, |newest| newest.revision + 1);
    match (equal, newest) {
        (Some(equal), Some(newest)) if equal.metadata.name == newest.metadata.name => {
            Wanted::Newest(Arc::clone(newest))
        }
        (Some(equal), _) => Wanted::Again(Arc::clone(equal), next),
        (None, _) => Wanted::New(Box::new(new(set, next, collisions))),
    }
}

/// The revision of the pods that are not yet to be replaced: the one that the status names.
pub(super) fn current(set: &StatefulSet, revisions: &[Arc<ControllerRevision>]) -> Option<Revision> {
    let name = set.status.as_ref()?.current_revision.as_ref();
    let current = revisions
        .iter()
        .find(|revision| revision.metadata.name.as_ref() == name);
    current.map(|revision| Revision::of(revision))
}

/// A new revision of a `StatefulSet`. The number of collisions so far is part of its name.
pub(super) fn new(set: &StatefulSet, number: i64, collisions: i32) -> ControllerRevision {
    let template = set.spec.as_ref().map(|spec| &spec.template);
    let mut patch = serde_json::to_value(template).unwrap_or_default();
    // The object is a strategic merge patch that makes the template this one.
    patch["$patch"] = "replace".into();
    let data = json!({"spec": {"template": patch}});
    let hash = hash(&data, collisions);
    let mut labels = template
        .and_then(|template| template.metadata.as_ref()?.labels.clone())
        .unwrap_or_default();
    labels.insert(HASH_LABEL.to_owned(), hash.clone());
    let name = identity::name(set);
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", name.get(..LONGEST_PREFIX).unwrap_or(name))),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: set.metadata.annotations.clone(),
            owner_references: Some(vec![owners::controller_reference(set)]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(data)),
        revision: number,
    }
}

/// The revisions that nobody uses and that are more than are to be kept, the first ones of the sorted ones.
pub(super) fn outdated(
    set: &StatefulSet,
    revisions: &[Arc<ControllerRevision>],
    used: &BTreeSet<&str>,
) -> Vec<Arc<ControllerRevision>> {
    let limit = set.spec.as_ref().and_then(|spec| spec.revision_history_limit);
    // A negative one is none.
    let Ok(limit) = usize::try_from(limit.unwrap_or(KEPT)) else {
        return Vec::new();
    };
    let is_used = |revision: &ControllerRevision| used.contains(revision.metadata.name.as_deref().unwrap_or_default());
    let mut unused: Vec<_> = revisions
        .iter()
        .filter(|revision| !is_used(revision))
        .cloned()
        .collect();
    unused.truncate(unused.len().saturating_sub(limit));
    unused
}

/// The template that a revision has.
fn template(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let template = revision.data.as_ref()?.0.pointer("/spec/template")?;
    serde_json::from_value(template.clone()).ok()
}

/// The hash of a revision's data: FNV-1 with 32 bits, in letters.
fn hash(data: &Value, collisions: i32) -> String {
    let bytes = data
        .to_string()
        .into_bytes()
        .into_iter()
        .chain(collisions.to_string().into_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    });
    let digits = hash.to_string().into_bytes().into_iter();
    digits
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}
