//! Keep: leave a service that has failed where it is, for people to look at, until a moment that is written on it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;

use super::owning_run::{disown, is_owned_by_run};
use super::retry::{Backoff, Deadline, Step, retry};
use crate::cluster::{Api, Fault, server_time};
use crate::error::Result;
use crate::identity::labels::DELETE_AFTER_ANNOTATION;
use crate::identity::owner::{ManagedBy, is_owned_by, kept_until, managed_by};

/// Keeps an owner's service for a while, and returns until when; `None` if the owner has no such service any more.
///
/// The call can be retried: the moment is written once. A connector that watches the namespace then deletes the
/// service, and a create of a new service of that name deletes it earlier.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected), and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn keep<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    owner: &str,
    span: Duration,
    deadline: Deadline,
) -> Result<Option<Timestamp>> {
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    // The role of most installations does not allow it, and the service is taken down instead.
    let patching = Step::new::<StatefulSet>("patch", namespace, name).optional();
    let mut backoff = Backoff::new();
    let uid = loop {
        let there: Option<StatefulSet> = retry(deadline, &reading, || api.read(namespace, name))
            .await?
            .map_err(|fault| reading.failed(fault))?;
        let Some(there) = there else {
            return Ok(None);
        };
        let metadata = &there.metadata;
        let is_going = metadata.deletion_timestamp.is_some();
        if managed_by(metadata) != ManagedBy::Us || !is_owned_by(metadata, owner) || is_going {
            return Ok(None);
        }
        if let Some(until) = kept_until(metadata) {
            return Ok(Some(until));
        }
        if !is_owned_by_run(metadata, None) {
            break there.metadata.uid.unwrap_or_default();
        }
        // It outlives its run.
        disown(api, &there, &patching, deadline).await?;
        if !backoff.wait(deadline, None).await {
            return Err(patching.unavailable(deadline, "the object keeps changing"));
        }
    };
    let until = server_time::now().checked_add(span).unwrap_or(Timestamp::MAX);
    let text = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotations = [(DELETE_AFTER_ANNOTATION, Some(text.as_str()))];
    let annotate = || api.annotate::<StatefulSet>(namespace, name, &uid, &annotations);
    match retry(deadline, &patching, annotate).await? {
        Ok(()) => Ok(Some(until)),
        // Gone, or re-made by somebody else, since it was read.
        Err(Fault::Changed | Fault::Refused { code: 404, .. }) => Ok(None),
        Err(fault) => Err(patching.failed(fault)),
    }
}
