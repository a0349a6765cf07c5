//! One object's part of update.

use k8s_openapi::api::core::v1::Service;

use super::deadline::{Deadline, Step, repeat};
use super::service::{belongs_to, ensure_service};
use crate::api::{Api, Fault, Kind, managed_fields};
use crate::error::Result;
use crate::manifests::{says, service};
use crate::ownership::{Identity, kept_until};
use crate::spec::DataServiceSpec;

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

/// Makes the Service of a `StatefulSet` as its manifest says, or anew where it is none of this `StatefulSet`.
pub(super) async fn bring_service<A: Api>(
    api: &A,
    there: Option<&Service>,
    spec: &DataServiceSpec,
    identity: &Identity,
    uid: &str,
    deadline: Deadline,
) -> Result<Brought> {
    match there {
        Some(there) if belongs_to(there, uid) && there.metadata.deletion_timestamp.is_none() => {
            bring(api, there, service(spec, identity, Some(uid)), deadline).await
        }
        _ if ensure_service(api, spec, identity, uid, deadline).await? => Ok(Brought::Written),
        _ => Ok(Brought::Changed),
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
