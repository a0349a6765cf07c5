//! The run that owns a service in the sense of Kubernetes, so that the garbage collector deletes the service with it.
//!
//! Only a create writes it, and any other use of the service removes it, so it is there only while one run uses the
//! service (ADR 37).

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault};
use crate::error::Result;
use crate::identity::holder::{Holder, is_run};

/// Whether a run owns a service, other than the one that holds it by `holder`.
pub(super) fn is_owned_by_run(metadata: &ObjectMeta, holder: Option<&Holder>) -> bool {
    let own = holder.map(|holder| holder.uid.as_str());
    let mut owners = metadata.owner_references.iter().flatten();
    owners.any(|owner| is_run(owner) && Some(owner.uid.as_str()) != own)
}

/// Removes the run that owns a service, at exactly the version that was read, unless it was changed since: the caller
/// reads it again. What else owns it stays.
///
/// # Errors
/// As [`super::create()`].
pub(super) async fn disown<A: Api>(api: &A, there: &StatefulSet, patching: &Step, deadline: Deadline) -> Result<()> {
    let owners = there.metadata.owner_references.iter().flatten();
    let others: Vec<OwnerReference> = owners.filter(|owner| !is_run(owner)).cloned().collect();
    match retry(deadline, patching, || api.set_owners(there, &others)).await? {
        Ok(()) | Err(Fault::Changed) => Ok(()),
        Err(fault) => Err(patching.failed(fault)),
    }
}
