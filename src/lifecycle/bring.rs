//! One object's part of update.

use super::deadline::{Deadline, Step, repeat};
use super::delete::delete_exactly;
use super::owned::{belongs_to, ensure};
use crate::api::{Api, Fault, Kind, managed_fields};
use crate::error::Result;
use crate::manifests::says;
use crate::ownership::{Identity, kept_until};

/// What was done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// It is as it should be, and nothing was sent.
    Same,
    /// It is now as it should be.
    Written,
    /// It was changed or deleted since it was read, and nothing was written.
    Changed,
}

/// Makes exactly this version of an object as its manifest says.
pub(super) async fn bring<K: Kind, A: Api>(api: &A, there: &K, mut wanted: K, deadline: Deadline) -> Result<Brought> {
    let metadata = there.meta();
    if is_said(there, &wanted) {
        return Ok(Brought::Same);
    }
    let (namespace, name) = (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    );
    let patching = Step::new::<K>("patch", namespace, name);
    let mut version = metadata.resource_version.clone();
    if let Some(managers) = managed_fields::applied(metadata) {
        match repeat(deadline, &patching, || api.note_managers(there, &managers)).await? {
            Ok(noted) => version.clone_from(&noted.meta().resource_version),
            Err(Fault::Changed) => return Ok(Brought::Changed),
            Err(fault) => return Err(patching.failed(fault)),
        }
    }
    wanted.meta_mut().uid.clone_from(&metadata.uid);
    wanted.meta_mut().resource_version = version;
    match repeat(deadline, &patching, || api.apply(&wanted)).await? {
        Ok(_) => Ok(Brought::Written),
        Err(Fault::Changed) => Ok(Brought::Changed),
        Err(fault) => Err(patching.failed(fault)),
    }
}

/// Makes what a `StatefulSet` owns as its manifest says: anew where there is none of this `StatefulSet`, and gone where none
/// is wanted any more.
pub(super) async fn bring_owned<K: Kind, A: Api>(
    api: &A,
    there: Option<&K>,
    wanted: Option<K>,
    identity: &Identity,
    uid: &str,
    deadline: Deadline,
) -> Result<Brought> {
    let own = there.filter(|there| belongs_to(*there, uid) && there.meta().deletion_timestamp.is_none());
    match (own, wanted) {
        (Some(there), Some(wanted)) => bring(api, there, wanted, deadline).await,
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

/// Whether an object is as its manifest says. What an earlier manifest said and this one does not is told by the hash, which
/// is an annotation of each.
fn is_said<K: Kind>(there: &K, wanted: &K) -> bool {
    // A service that has failed and is kept for a while does not stay unless that is taken back.
    if kept_until(there.meta()).is_some() {
        return false;
    }
    match (serde_json::to_value(there), serde_json::to_value(wanted)) {
        (Ok(there), Ok(wanted)) => says(&there, &wanted),
        _ => false,
    }
}
