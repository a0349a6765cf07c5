//! One object's part of an update.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use super::deadline::{Deadline, Step, repeat};
use super::delete::delete_exactly;
use super::owned::{belongs_to, ensure};
use crate::api::{Api, Fault, Kind, managed_fields};
use crate::error::Result;
use crate::manifests::says;
use crate::names::ANNOTATION_PREFIX;
use crate::ownership::{Identity, kept_until};

/// What was done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// It is as it should be, and nothing was written.
    Same,
    /// It is now as it should be.
    Written,
    /// It was changed or deleted since it was read, and nothing was written.
    Changed,
}

/// What an update has written so far, by the kind of each object: the manifest, and what the API server made of it.
///
/// A webhook may change what is written, differently each time. What nobody else has changed since is not written again.
#[derive(Debug, Default)]
pub(super) struct Written(BTreeMap<String, (Value, Value)>);

impl Written {
    /// Whether the object of a kind was written.
    pub(super) fn has<K: Kind>(&self) -> bool {
        self.0.contains_key(&*K::kind(&()))
    }

    /// What the API server made of the object of a kind.
    pub(super) fn made<K: Kind>(&self) -> Option<K> {
        let (_, made) = self.0.get(&*K::kind(&()))?;
        serde_json::from_value(made.clone()).ok()
    }

    fn note<K: Kind>(&mut self, wanted: Value, made: &K) {
        self.0.insert(K::kind(&()).into_owned(), (wanted, json(made)));
    }

    /// Whether the object is as this update has written it, for the same manifest.
    fn is<K: Kind>(&self, wanted: &Value, there: &K) -> bool {
        let written = self.0.get(&*K::kind(&()));
        written.is_some_and(|(manifest, made)| manifest == wanted && content(made.clone()) == content(json(there)))
    }
}

/// Makes exactly this version of an object as its manifest says.
///
/// Where the object differs from its manifest, it may still be what the API server makes of that: a mutating webhook may
/// have rewritten the image. So it is asked, in a dry run, before anything is written.
pub(super) async fn bring<K: Kind, A: Api>(
    api: &A,
    there: &K,
    wanted: K,
    written: &mut Written,
    deadline: Deadline,
) -> Result<Brought> {
    let manifest = json(&wanted);
    if is_said(there, &manifest) || written.is(&manifest, there) {
        return Ok(Brought::Same);
    }
    if has_own_annotations(there, &wanted) {
        match preview(api, there, wanted.clone(), deadline).await? {
            Preview::Made(made) if content(json(&made)) == content(json(there)) => return Ok(Brought::Same),
            Preview::Changed => return Ok(Brought::Changed),
            Preview::Made(_) | Preview::Unknown => {}
        }
    }
    let Some(there) = noted(api, there, deadline).await? else {
        return Ok(Brought::Changed);
    };
    let patching = patching(&there);
    let wanted = at_version(wanted, &there);
    match repeat(deadline, &patching, || api.apply(&wanted)).await? {
        Ok(made) => {
            written.note(manifest, &made);
            Ok(Brought::Written)
        }
        Err(Fault::Changed) => Ok(Brought::Changed),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// What would become of an object.
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
    match repeat(deadline, &patching, || api.preview(&wanted)).await? {
        Ok(made) => Ok(Preview::Made(made)),
        Err(Fault::Changed) => Ok(Preview::Changed),
        Err(fault) if fault.is_no_dry_run() => Ok(Preview::Unknown),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Notes what was written by the object's creation as applied, so that an apply can take it back; `None` where the object was
/// changed or deleted since it was read.
pub(super) async fn noted<K: Kind, A: Api>(api: &A, there: &K, deadline: Deadline) -> Result<Option<K>> {
    let managers = managed_fields::applied(there.meta());
    note(api, there, managers, deadline).await
}

/// Notes who has written what, where that is to be noted differently.
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
    match repeat(deadline, &patching, || api.note_managers(there, &managers)).await? {
        Ok(noted) => Ok(Some(noted)),
        Err(Fault::Changed) => Ok(None),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Makes what a `StatefulSet` owns as its manifest says: new where there is none of this `StatefulSet`, and gone where none is
/// wanted any more.
pub(super) async fn bring_owned<K: Kind, A: Api>(
    api: &A,
    there: Option<&K>,
    wanted: Option<K>,
    (identity, uid): (&Identity, &str),
    written: &mut Written,
    deadline: Deadline,
) -> Result<Brought> {
    let own = there.filter(|there| belongs_to(*there, uid) && there.meta().deletion_timestamp.is_none());
    match (own, wanted) {
        (Some(there), Some(wanted)) => bring(api, there, wanted, written, deadline).await,
        (None, Some(wanted)) => Ok(if ensure(api, &wanted, identity, uid, deadline).await? {
            Brought::Written
        } else {
            Brought::Changed
        }),
        (Some(there), None) => {
            let uid = there.meta().uid.as_deref().unwrap_or_default();
            delete_exactly::<K, A>(api, &identity.namespace, &identity.name, uid, deadline).await?;
            Ok(Brought::Written)
        }
        (None, None) => Ok(Brought::Same),
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

/// Whether an object is as its manifest says. That an earlier manifest said more than this one is known by the hash, which is
/// an annotation of each.
fn is_said<K: Kind>(there: &K, wanted: &Value) -> bool {
    // A service that has failed and is kept for a while does not stay unless that is taken back.
    kept_until(there.meta()).is_none() && says(&json(there), wanted)
}

/// Whether the plugin's own annotations are those of the manifest, so that the object may be what was made of it.
fn has_own_annotations<K: Kind>(there: &K, wanted: &K) -> bool {
    let own = |object: &K| -> Vec<(String, String)> {
        let all = object.meta().annotations.clone().unwrap_or_default().into_iter();
        all.filter(|(key, _)| key.starts_with(ANNOTATION_PREFIX)).collect()
    };
    own(there) == own(wanted)
}

/// What an object says, without what the API server counts and what controllers report.
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
