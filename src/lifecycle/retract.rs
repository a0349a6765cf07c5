//! Retract: take back what a create has made that ended without an answer, unless somebody else was told of it.
//!
//! Three annotations of the `StatefulSet` decide that: which call has made it, which other call has adopted it since, and
//! whether its maker has abandoned it. A call that adopts writes so as its last step, before it answers. So whoever finds a
//! service that is abandoned and not adopted deletes exactly the version that says so, and meets nobody's success.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::SignedDuration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::deadline::{Deadline, Step, repeat};
use super::delete::find;
use crate::api::{Api, Fault};
use crate::clock;
use crate::error::{Error, Result};
use crate::names::{ABANDONED_ANNOTATION, ADOPTED_ANNOTATION, CALL_ANNOTATION};
use crate::ownership::{Maker, maker};

/// For how long after it was made a service may be taken back by its maker: longer than a create and what follows may last.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// How long to wait before the second look and at most before a later one, with jitter, since many creates may have ended
/// at the same moment.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How long one look may take, with what it leads to.
const LOOK: Duration = Duration::from_secs(5);

/// One call of create, as it is written on what the call makes.
#[derive(Debug, Clone)]
pub struct CallId {
    id: String,
    leaves: Arc<AtomicBool>,
}

impl CallId {
    /// The id of a new call.
    #[must_use]
    pub fn unique() -> Self {
        Self::named(Uuid::new_v4().simple().to_string())
    }

    /// The call with this id.
    #[must_use]
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            leaves: Arc::default(),
        }
    }

    /// Whether a call that has ended with this error may have left something behind.
    #[must_use]
    pub fn may_leave(&self, error: &Error) -> bool {
        matches!(error, Error::Unavailable { .. }) || self.leaves.load(Ordering::Relaxed)
    }

    /// Notes that the call leaves something behind that it could not take back.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Writes on an object that this call makes it.
    pub(super) fn sign(&self, metadata: &mut ObjectMeta) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(CALL_ANNOTATION.to_owned(), self.id.clone());
    }

    fn has_made(&self, metadata: &ObjectMeta) -> bool {
        mark(metadata, CALL_ANNOTATION) == Some(&self.id)
    }

    fn has_adopted(&self, metadata: &ObjectMeta) -> bool {
        mark(metadata, ADOPTED_ANNOTATION) == Some(&self.id)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.id)
    }
}

/// What [`retract`] has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retraction {
    /// Nothing of the call is there.
    NothingThere,
    /// It is deleted.
    Gone,
    /// Another call has succeeded with it.
    Adopted,
    /// The account may not patch `StatefulSet`s, so that nobody could write that it was adopted. It is left as it is.
    LeftAlone,
}

/// Whether the call that has made a service, which is not this one, might still take it back.
pub(super) fn may_be_retracted(metadata: &ObjectMeta, call: &CallId) -> bool {
    let made = metadata.creation_timestamp.as_ref().map(|time| time.0);
    let is_young = made.is_none_or(|made| clock::now().duration_since(made) < YOUNG);
    mark(metadata, CALL_ANNOTATION).is_some() && !call.has_made(metadata) && is_young
}

/// Writes that a call succeeds with a service that another one has made; `false` if the service is gone or going.
///
/// # Errors
/// As [`super::create()`].
pub(super) async fn adopt<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: &str,
    call: &CallId,
    deadline: Deadline,
) -> Result<bool> {
    let patching = Step::new::<StatefulSet>("patch", namespace, name).optional();
    let annotate = || api.annotate::<StatefulSet>(namespace, name, uid, ADOPTED_ANNOTATION, &call.id);
    match repeat(deadline, &patching, annotate).await? {
        Ok(()) => {}
        Err(Fault::Changed | Fault::Refused { code: 404, .. }) => return Ok(false),
        // Whoever may not write this retracts nothing either.
        Err(fault) if fault.is_missing_right() => return Ok(true),
        Err(fault) => return Err(patching.failed(fault)),
    }
    // A finalizer may hold what was deleted before.
    let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
    Ok(there
        .is_some_and(|there| there.metadata.uid.as_deref() == Some(uid) && there.metadata.deletion_timestamp.is_none()))
}

/// Takes back what a call of create may have made that has ended without an answer.
///
/// The request that makes it may still be on its way, so this looks again and again, for as long as it is given.
pub async fn retract<A: Api>(api: &A, namespace: &str, name: &str, call: &CallId, span: Duration) -> Retraction {
    let end = Instant::now() + span;
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LAST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build();
    loop {
        // What cannot be reached now may be reached at the next look.
        let deadline = Deadline::after(LOOK.min(end.saturating_duration_since(Instant::now())));
        if let Ok(Some(retraction)) = look(api, namespace, name, call, deadline).await {
            return retraction;
        }
        let pause = pauses.next().unwrap_or(LAST_PAUSE);
        if Instant::now() + pause > end {
            return Retraction::NothingThere;
        }
        sleep(pause).await;
    }
}

/// Looks once, and goes as far as that leads; `None` if nothing of the call is there so far.
async fn look<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    call: &CallId,
    deadline: Deadline,
) -> Result<Option<Retraction>> {
    let patching = Step::new::<StatefulSet>("patch", namespace, name).optional();
    let deleting = Step::new::<StatefulSet>("delete", namespace, name);
    loop {
        let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
        let Some(there) = there.filter(|there| maker(&there.metadata) == Maker::Us) else {
            return Ok(None);
        };
        let metadata = &there.metadata;
        let (made, adopted) = (call.has_made(metadata), call.has_adopted(metadata));
        if !made && !adopted {
            return Ok(None);
        }
        if metadata.deletion_timestamp.is_some() {
            return Ok(Some(Retraction::Gone));
        }
        let is_abandoned = mark(metadata, ABANDONED_ANNOTATION).is_some();
        let answer = if is_abandoned && (adopted || mark(metadata, ADOPTED_ANNOTATION).is_none()) {
            let deleted = repeat(deadline, &deleting, || api.delete_version(&there)).await?;
            deleted.map(|_| Some(Retraction::Gone))
        } else if is_abandoned {
            return Ok(Some(Retraction::Adopted));
        } else {
            // Its maker may have succeeded; else it abandons it, and finds that nobody has adopted it.
            let (key, value) = if made {
                (ABANDONED_ANNOTATION, call.id.as_str())
            } else {
                (ADOPTED_ANNOTATION, "")
            };
            let annotate = || api.annotate_version(&there, key, value);
            let written = repeat(deadline, &patching, annotate).await?;
            written.map(|()| adopted.then_some(Retraction::Adopted))
        };
        match answer {
            Ok(Some(retraction)) => return Ok(Some(retraction)),
            // Written, or changed since it was read: look again.
            Ok(None) | Err(Fault::Changed) => {}
            Err(fault) if fault.is_missing_right() => return Ok(Some(Retraction::LeftAlone)),
            Err(fault) => return Err(deleting.failed(fault)),
        }
    }
}

/// Whether a call other than this one has adopted a service.
pub(super) fn is_adopted_by_another(metadata: &ObjectMeta, call: &CallId) -> bool {
    mark(metadata, ADOPTED_ANNOTATION).is_some() && !call.has_adopted(metadata)
}

/// One of the annotations, unless it is empty.
fn mark<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a String> {
    let mark = metadata.annotations.as_ref()?.get(key);
    mark.filter(|mark| !mark.is_empty())
}
