//! One object's part of an update.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use super::delete::delete_exactly;
use super::dependents::ensure;
use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault, Kind, managed_fields};
use crate::compare::{changed_by_admission, is_subset};
use crate::error::Result;
use crate::identity::labels::ANNOTATION_PREFIX;
use crate::identity::owner::{belongs_to, kept_until};

/// The action on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// It is as it should be, and nothing was written.
    Unchanged,
    /// It is now as it should be.
    Written,
    /// It was changed or deleted since it was read, and nothing was written.
    Conflicted,
}

/// The writes of an update so far, by the kind of each object: the manifest, and the API server's answer.
///
/// A webhook may change what is written, differently each time. A field that nobody else has changed since is not
/// written again.
#[derive(Debug, Default)]
pub(super) struct Written {
    objects: BTreeMap<String, (Value, Value)>,
    /// The changes of admission to each kind's object, whether it was written or was equal already.
    by_admission: BTreeMap<String, Vec<String>>,
}

impl Written {
    /// Whether the object of a kind was written.
    pub(super) fn has<K: Kind>(&self) -> bool {
        self.objects.contains_key(&*K::kind(&()))
    }

    /// The API server's answer for the object of a kind.
    pub(super) fn made<K: Kind>(&self) -> Option<K> {
        let (_, made) = self.objects.get(&*K::kind(&()))?;
        serde_json::from_value(made.clone()).ok()
    }

    fn note<K: Kind>(&mut self, wanted: Value, made: &K) {
        self.note_admission(&wanted, made);
        self.objects.insert(K::kind(&()).into_owned(), (wanted, json(made)));
    }

    fn note_admission<K: Kind>(&mut self, wanted: &Value, made: &K) {
        let name = made.meta().name.as_deref().unwrap_or_default();
        let changed = changed_by_admission(wanted, &json(made), name);
        self.by_admission.insert(K::kind(&()).into_owned(), changed);
    }

    /// The fields of the configuration that admission changes, each once.
    pub(super) fn by_admission(&self) -> Vec<String> {
        let mut changes: Vec<_> = self.by_admission.values().flatten().cloned().collect();
        changes.sort();
        changes.dedup();
        changes
    }

    /// Whether the object is as this update has written it, for the same manifest.
    fn is<K: Kind>(&self, wanted: &Value, there: &K) -> bool {
        let written = self.objects.get(&*K::kind(&()));
        written.is_some_and(|(manifest, made)| manifest == wanted && content(made.clone()) == content(json(there)))
    }
}

/// Applies a manifest to exactly this version of an object.
///
/// Where the object differs from its manifest, it may still be what the API server makes of that: a mutating webhook
/// may have rewritten the image. So it is asked, in a dry run, before anything is written.
pub(super) async fn apply<K: Kind, A: Api>(
    api: &A,
    there: &K,
    wanted: K,
    written: &mut Written,
    deadline: Deadline,
) -> Result<Applied> {
    let manifest = json(&wanted);
    if is_said(there, &manifest) || written.is(&manifest, there) {
        return Ok(Applied::Unchanged);
    }
    if has_own_annotations(there, &wanted) {
        match preview(api, there, wanted.clone(), deadline).await? {
            Preview::Made(made) if content(json(&made)) == content(json(there)) => {
                written.note_admission(&manifest, &made);
                return Ok(Applied::Unchanged);
            }
            Preview::Changed => return Ok(Applied::Conflicted),
            Preview::Made(_) | Preview::Unknown => {}
        }
    }
    let Some(there) = noted(api, there, deadline).await? else {
        return Ok(Applied::Conflicted);
    };
    let patching = patching(&there);
    let wanted = at_version(wanted, &there);
    match retry(deadline, &patching, || api.apply(&wanted)).await? {
        Ok(made) => {
            written.note(manifest, &made);
            Ok(Applied::Written)
        }
        Err(Fault::Changed) => Ok(Applied::Conflicted),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// The result of an apply in a dry run.
pub(super) enum Preview<K> {
    /// It would be like this.
    Made(K),
    /// It was changed or deleted since it was read.
    Changed,
    /// A webhook cannot be asked without side effects.
    Unknown,
}

/// Asks what would become of exactly this version of an object if its manifest were applied.
pub(super) async fn preview<K: Kind, A: Api>(api: &A, there: &K, wanted: K, deadline: Deadline) -> Result<Preview<K>> {
    let patching = patching(there);
    let wanted = at_version(wanted, there);
    match retry(deadline, &patching, || api.preview(&wanted)).await? {
        Ok(made) => Ok(Preview::Made(made)),
        Err(Fault::Changed) => Ok(Preview::Changed),
        Err(fault) if fault.is_no_dry_run() => Ok(Preview::Unknown),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Notes what was written by the object's creation as applied, so that an apply can take it back; `None` where the
/// object was changed or deleted since it was read.
pub(super) async fn noted<K: Kind, A: Api>(api: &A, there: &K, deadline: Deadline) -> Result<Option<K>> {
    let managers = managed_fields::applied(there.meta());
    note(api, there, managers, deadline).await
}

/// Rewrites the managed fields of an object, where they differ.
pub(super) async fn note<K: Kind, A: Api>(
    api: &A,
    there: &K,
    managers: Option<Vec<ManagedFieldsEntry>>,
    deadline: Deadline,
) -> Result<Option<K>> {
    let Some(managers) = managers else {
        return Ok(Some(there.clone()));
    };
    let patching = patching(there);
    match retry(deadline, &patching, || api.note_managers(there, &managers)).await? {
        Ok(noted) => Ok(Some(noted)),
        Err(Fault::Changed) => Ok(None),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Applies the manifest of a dependent of a `StatefulSet`: new where there is none of this `StatefulSet`, and gone
/// where none is wanted any more.
pub(super) async fn apply_dependent<K: Kind, A: Api>(
    api: &A,
    there: Option<&K>,
    wanted: Option<K>,
    uid: &str,
    written: &mut Written,
    deadline: Deadline,
) -> Result<Applied> {
    let own = there.filter(|there| belongs_to(there.meta(), uid) && there.meta().deletion_timestamp.is_none());
    match (own, wanted) {
        (Some(there), Some(wanted)) => apply(api, there, wanted, written, deadline).await,
        (None, Some(wanted)) => Ok(if ensure(api, &wanted, uid, deadline).await? {
            Applied::Written
        } else {
            Applied::Conflicted
        }),
        (Some(there), None) => {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let metadata = there.meta();
            let (namespace, name, uid) = (text(&metadata.namespace), text(&metadata.name), text(&metadata.uid));
            delete_exactly::<K, A>(api, &namespace, &name, &uid, deadline).await?;
            Ok(Applied::Written)
        }
        (None, None) => Ok(Applied::Unchanged),
    }
}

fn patching<K: Kind>(there: &K) -> Step {
    let metadata = there.meta();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Step::new::<K>("patch", &text(&metadata.namespace), &text(&metadata.name))
}

/// The manifest for exactly this version of an object.
fn at_version<K: Kind>(mut wanted: K, there: &K) -> K {
    wanted.meta_mut().uid.clone_from(&there.meta().uid);
    wanted
        .meta_mut()
        .resource_version
        .clone_from(&there.meta().resource_version);
    wanted
}

/// Whether an object is equal to its manifest. The hash shows whether an earlier manifest set more fields than this
/// one; it is an annotation of each.
fn is_said<K: Kind>(there: &K, wanted: &Value) -> bool {
    // A service that has failed and is kept for a while does not stay unless that is taken back.
    kept_until(there.meta()).is_none() && is_subset(&json(there), wanted)
}

/// Whether the plugin's own annotations are those of the manifest, so that the object may be what was made of it.
fn has_own_annotations<K: Kind>(there: &K, wanted: &K) -> bool {
    let own = |object: &K| -> Vec<(String, String)> {
        let all = object.meta().annotations.clone().unwrap_or_default().into_iter();
        all.filter(|(key, _)| key.starts_with(ANNOTATION_PREFIX)).collect()
    };
    own(there) == own(wanted)
}

/// An object without the fields that the API server counts and controllers report.
fn content(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| !["managedFields", "resourceVersion", "generation"].contains(&key.as_str()));
        }
    }
    object
}

fn json<K: Kind>(object: &K) -> Value {
    // An object of Kubernetes always serializes.
    serde_json::to_value(object).unwrap_or_default()
}
