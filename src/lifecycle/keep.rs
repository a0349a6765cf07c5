//! Keep: leave a service that has failed where it is, for people to look at, until a moment that is written on it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;

use super::deadline::{Deadline, Step, repeat};
use crate::api::{Api, Fault};
use crate::clock;
use crate::error::Result;
use crate::names::DELETE_AFTER_ANNOTATION;
use crate::ownership::{Maker, is_owned_by, kept_until, maker};

/// Lets an owner's service stay for a while, and tells until when; `None` if the owner has no such service any more.
///
/// The call can be repeated: the moment is written once. Whoever watches the namespace then deletes the service, and a new
/// service of its name makes it go before.
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
    let there: Option<StatefulSet> = repeat(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))?;
    let Some(metadata) = there.map(|there| there.metadata) else {
        return Ok(None);
    };
    if maker(&metadata) != Maker::Us || !is_owned_by(&metadata, owner) || metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    if let Some(until) = kept_until(&metadata) {
        return Ok(Some(until));
    }
    let until = clock::now().checked_add(span).unwrap_or(Timestamp::MAX);
    let text = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let uid = metadata.uid.unwrap_or_default();
    let annotate = || api.annotate::<StatefulSet>(namespace, name, &uid, DELETE_AFTER_ANNOTATION, &text);
    match repeat(deadline, &patching, annotate).await? {
        Ok(()) => Ok(Some(until)),
        // Gone, or re-made by somebody else, since it was read.
        Err(Fault::Changed | Fault::Refused { code: 404, .. }) => Ok(None),
        Err(fault) => Err(patching.failed(fault)),
    }
}
