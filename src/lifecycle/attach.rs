//! Attach: hold a service that exists, for a run that uses it as it is.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::ours::find_ours;
use super::retract::{Adoption, CallId, adopt};
use super::retry::Deadline;
use crate::cluster::Api;
use crate::config::lifetime::Lifetime;
use crate::error::Result;
use crate::identity::asleep::Asleep;
use crate::identity::labels::LIFETIME_ANNOTATION;

/// The result of [`attach`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The uid of the service's `StatefulSet`.
    pub uid: String,
    /// Whether it sleeps, so that it is to be woken.
    pub is_asleep: bool,
    /// Whether it ends with the runs that hold it.
    pub ends_with_runs: bool,
}

/// Writes on a service of ours that the run of a call uses it, so that it does not end before the run. A service that
/// is not ours, is not there or is going is left alone.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected), and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn attach<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    call: &CallId,
    deadline: Deadline,
) -> Result<Option<Attached>> {
    let there: Option<StatefulSet> = find_ours(api, namespace, name, deadline).await?;
    let Some(there) = there else {
        return Ok(None);
    };
    let is_asleep = Asleep::of(&there).is_some();
    let uid = there.metadata.uid.clone().unwrap_or_default();
    let annotations = there.metadata.annotations.as_ref();
    let lifetime = annotations.and_then(|all| Lifetime::from_annotation(all.get(LIFETIME_ANNOTATION)?));
    let ends_with_runs = lifetime.is_some_and(|lifetime| lifetime.ends_with_runs());
    let attached = |is_asleep| {
        Some(Attached {
            uid: uid.clone(),
            is_asleep,
            ends_with_runs,
        })
    };
    if !call.must_join(&there.metadata) {
        return Ok(attached(is_asleep));
    }
    Ok(match adopt(api, namespace, name, &uid, call, deadline).await? {
        Adoption::Written { is_asleep } => attached(is_asleep),
        Adoption::Forbidden => attached(is_asleep),
        Adoption::Gone => None,
    })
}
