//! Retract: delete the objects of a create that ended without an answer, unless another call has succeeded with them.
//!
//! Annotations of the `StatefulSet` decide that: which call has made it, which other calls have adopted it since, and
//! whether its maker has abandoned it. A call that adopts a service writes that as its last step, before it
//! answers. So a process that finds a service abandoned and not adopted deletes exactly that version, and no call has
//! succeeded with it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::jiff::SignedDuration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::delete::{find, find_live};
use super::owning_run::{disown, is_owned_by_run};
use super::retry::{Backoff, Deadline, Step, retry};
use crate::cluster::{Api, Fault, server_time};
use crate::error::{Error, Result};
use crate::identity::asleep::Asleep;
use crate::identity::holder::{Holder, Holders};
use crate::identity::labels::{ABANDONED_ANNOTATION, ADOPTED_PREFIX, CALL_ANNOTATION, UNUSED_SINCE_ANNOTATION};
use crate::identity::owner::{ManagedBy, managed_by};

/// For how long after it was made a service may be taken back by its maker: longer than a create and what follows may
/// last.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// How long to wait before the second look and at most before a later one, with jitter, since many creates may have
/// ended at the same moment.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How long one look may take, with what it leads to.
const LOOK: Duration = Duration::from_secs(5);

/// The consequence if the objects of a create without an answer cannot be deleted.
const UNANSWERED: &str = "a create has ended without an answer, and what it may have made is not deleted yet";

/// One call of create, as it is written on what the call makes.
#[derive(Debug, Clone)]
pub struct CallId {
    id: String,
    /// The run that uses the service, as far as it could be seen.
    holder: Option<Holder>,
    /// The run as the owner of what the call makes, if it is to be.
    owner: Option<OwnerReference>,
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
            holder: None,
            owner: None,
            leaves: Arc::default(),
        }
    }

    /// The call, for a run that holds the service.
    #[must_use]
    pub fn held_by(self, holder: Option<Holder>) -> Self {
        Self { holder, ..self }
    }

    /// The call, for a run that owns what the call makes: Kubernetes deletes it with the run.
    #[must_use]
    pub fn owned(self) -> Self {
        let owner = self.holder.as_ref().and_then(Holder::owner_reference);
        Self { owner, ..self }
    }

    /// Whether a service has to be changed for the run of the call: it lacks this run as a holder, or another run owns
    /// it and would take it along. The process that has written the run may have died before it has removed that one.
    pub(super) fn must_join(&self, metadata: &ObjectMeta) -> bool {
        is_owned_by_run(metadata, self.holder.as_ref()) || self.lacks_holder(metadata)
    }

    fn lacks_holder(&self, metadata: &ObjectMeta) -> bool {
        let Some(holder) = &self.holder else { return false };
        let holders = Holders::of(metadata);
        let written = holders.of_owner(&holder.owner).or_else(|| holders.standing_for(holder));
        // A service that nobody was seen to use is marked so, and that no longer holds.
        let is_unused = mark(metadata, UNUSED_SINCE_ANNOTATION).is_some();
        is_unused || written.is_none_or(|written| written.run() != holder.run())
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
        if let Some(holder) = &self.holder {
            annotations.insert(holder.key(), holder.value());
        }
        if let Some(owner) = &self.owner {
            metadata.owner_references.get_or_insert_default().push(owner.clone());
        }
    }

    fn has_made(&self, metadata: &ObjectMeta) -> bool {
        mark(metadata, CALL_ANNOTATION) == Some(&self.id)
    }

    /// The key of the annotation that says that this call has adopted a service. Each call has its own: one that is
    /// cancelled must not take away what another has succeeded with.
    fn adopter_key(&self) -> String {
        format!("{ADOPTED_PREFIX}{}", self.id)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.id)
    }
}

/// The result of [`retract`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retraction {
    /// Nothing of the call exists.
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
    let is_young = made.is_none_or(|made| server_time::now().duration_since(made) < YOUNG);
    mark(metadata, CALL_ANNOTATION).is_some() && !call.has_made(metadata) && is_young
}

/// The result of the last step of a create that uses a service of another call.
pub(super) enum Adoption {
    /// It is written on the service, so that nobody takes the service away.
    Written {
        /// Whether the service sleeps, so that it is to be woken.
        is_asleep: bool,
    },
    /// The account lacks the permission to patch `StatefulSet`s.
    Forbidden,
    /// The service is gone, or going.
    Gone,
}

/// Writes on a service that another call has made that this call succeeds with it, and which run holds it.
///
/// The patch names the uid alone. It excludes a deletion all the same: one that was decided before the patch names the
/// version before it.
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
) -> Result<Adoption> {
    let patching = Step::new::<StatefulSet>("patch", namespace, name).optional();
    let holder = call.holder.as_ref().map(|holder| (holder.key(), holder.value()));
    let key = call.adopter_key();
    let mut annotations = vec![(key.as_str(), Some(call.id.as_str()))];
    if let Some((key, value)) = &holder {
        annotations.extend([(key.as_str(), Some(value.as_str())), (UNUSED_SINCE_ANNOTATION, None)]);
    }
    let annotate = || api.annotate::<StatefulSet>(namespace, name, uid, &annotations);
    match retry(deadline, &patching, annotate).await? {
        Ok(()) => {}
        Err(Fault::Changed | Fault::Refused { code: 404, .. }) => return Ok(Adoption::Gone),
        // An account that may not write this retracts nothing either.
        Err(fault) if fault.is_missing_permission() => return Ok(Adoption::Forbidden),
        Err(fault) => return Err(patching.failed(fault)),
    }
    let mut backoff = Backoff::new();
    loop {
        let Some(there) = find_live(api, namespace, name, uid, deadline).await? else {
            return Ok(Adoption::Gone);
        };
        if !is_owned_by_run(&there.metadata, call.holder.as_ref()) {
            return Ok(Adoption::Written {
                is_asleep: Asleep::of(&there).is_some(),
            });
        }
        // Otherwise it would go with the run that has made it.
        disown(api, &there, &patching, deadline).await?;
        if !backoff.wait(deadline, None).await {
            return Err(patching.unavailable(deadline, "the object keeps changing"));
        }
    }
}

/// Takes back what a call of create may have made that has ended without an answer.
///
/// The request that makes it may still be on its way, and another one after the first was taken back, so this looks
/// again and again, for as long as it is given.
pub async fn retract<A: Api>(api: &A, namespace: &str, name: &str, call: &CallId, span: Duration) -> Retraction {
    let end = Instant::now() + span;
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LAST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build();
    let mut so_far = Retraction::NothingThere;
    loop {
        // An API server that cannot be reached now may answer the next request.
        let deadline = Deadline::after(LOOK.min(end.saturating_duration_since(Instant::now())));
        match look(api, namespace, name, call, deadline).await {
            Ok(Some(Retraction::Gone)) => so_far = Retraction::Gone,
            Ok(Some(retraction)) => {
                if retraction == Retraction::LeftAlone {
                    let patching = Step::new::<StatefulSet>("patch", namespace, name);
                    patching.swallow(
                        UNANSWERED,
                        &"The account in use lacks the permission to patch StatefulSets",
                    );
                }
                return retraction;
            }
            Ok(None) => {}
            Err(error) => Step::new::<StatefulSet>("delete", namespace, name).swallow(UNANSWERED, &error),
        }
        let pause = pauses.next().unwrap_or(LAST_PAUSE);
        if Instant::now() + pause > end {
            return so_far;
        }
        sleep(pause).await;
    }
}

/// Looks once, and acts on the result; `None` if nothing of the call exists so far.
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
        let Some(there) = there.filter(|there| managed_by(&there.metadata) == ManagedBy::Us) else {
            return Ok(None);
        };
        let metadata = &there.metadata;
        let mut others = adopters(metadata);
        let (made, adopted) = (call.has_made(metadata), others.remove(call.id.as_str()));
        if !made && !adopted {
            return Ok(None);
        }
        if metadata.deletion_timestamp.is_some() {
            return Ok(Some(Retraction::Gone));
        }
        let is_abandoned = mark(metadata, ABANDONED_ANNOTATION).is_some();
        let answer = if is_abandoned && others.is_empty() {
            let deleted = retry(deadline, &deleting, || api.delete_version(&there)).await?;
            deleted.map(|_| Some(Retraction::Gone))
        } else if adopted {
            // Another call may have succeeded with it: its maker, who else abandons it, or one that has adopted it.
            let key = call.adopter_key();
            let annotations = [(key.as_str(), None)];
            let annotate = || api.set_annotations(&there, &annotations);
            let written = retry(deadline, &patching, annotate).await?;
            written.map(|()| Some(Retraction::Adopted))
        } else if is_abandoned {
            return Ok(Some(Retraction::Adopted));
        } else {
            let annotate = || api.annotate_version(&there, ABANDONED_ANNOTATION, &call.id);
            let written = retry(deadline, &patching, annotate).await?;
            written.map(|()| None)
        };
        match answer {
            Ok(Some(retraction)) => return Ok(Some(retraction)),
            // Written, or changed since it was read: look again.
            Ok(None) | Err(Fault::Changed) => {}
            Err(fault) if fault.is_missing_permission() => return Ok(Some(Retraction::LeftAlone)),
            Err(fault) => return Err(deleting.failed(fault)),
        }
    }
}

/// Whether a call other than this one has adopted a service.
pub(super) fn is_adopted_by_another(metadata: &ObjectMeta, call: &CallId) -> bool {
    adopters(metadata).iter().any(|adopter| *adopter != call.id)
}

/// The ids of the calls that have adopted a service.
fn adopters(metadata: &ObjectMeta) -> BTreeSet<&str> {
    let keys = metadata.annotations.iter().flat_map(|annotations| annotations.keys());
    keys.filter_map(|key| key.strip_prefix(ADOPTED_PREFIX)).collect()
}

/// One of the annotations, unless it is empty.
fn mark<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a String> {
    let mark = metadata.annotations.as_ref()?.get(key);
    mark.filter(|mark| !mark.is_empty())
}
