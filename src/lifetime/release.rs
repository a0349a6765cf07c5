//! Deletes a service that runs use: each run leaves when it is done, and the last one deletes the service.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Duration, sleep};

use super::decision::Terms;
use super::reap::states;
use crate::cluster::{Api, server_time};
use crate::config::lifetime::{Bound, Lifetime};
use crate::error::{Error, ObjectReference, Result};
use crate::identity::holder::{Holder, key_of};
use crate::identity::labels::RELEASED_ANNOTATION;
use crate::identity::owner::is_owned_by;
use crate::lifecycle::{self, Deadline, Deletion, RunState, Scope, delete_version, find_ours, mark};

/// How often to look at a service that changes in the meantime.
const TRIES: u32 = 20;

/// How long to wait before a service is looked at again that has changed.
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes a service, unless runs other than the one that asks use it.
///
/// A task that is aborted leaves: its own holder is removed, and the service is deleted with the last one. A sensor, or
/// a person, releases: the service is deleted where at most one run still uses it, which is the one that asks; else it
/// is marked, so that it ends with the last of its runs. Whether another run goes on is read from `runs`; one of which
/// that is not known counts as going on. A process that holds the service by a Lease is the one that asks only if it is
/// this one: `own` are the owner ids of the Leases of this process. `deleted` gets the `StatefulSet`s that this call
/// has deleted, also where it fails afterwards.
///
/// # Errors
/// As [`lifecycle::delete`].
pub async fn delete<A: Api>(
    (api, runs): (&A, &A),
    namespace: &str,
    name: &str,
    (scope, own): (&Scope, &[String]),
    deleted: &mut Vec<StatefulSet>,
    deadline: Deadline,
) -> Result<Deletion> {
    for _ in 0..TRIES {
        match lifecycle::delete(api, namespace, name, scope, deleted, deadline).await? {
            Deletion::InUse(_) => {}
            Deletion::NothingThere if !deleted.is_empty() => return Ok(Deletion::Gone),
            deletion => return Ok(deletion),
        }
        // It went in between, with what belongs to it.
        let Some(there) = find_ours(api, namespace, name, deadline).await? else {
            continue;
        };
        let step = match scope {
            Scope::OwnedBy(owner) => leave((api, runs), &there, owner, deadline).await?,
            Scope::AnyOfOurs | Scope::InUseToo => release((api, runs), &there, own, deadline).await?,
        };
        match step {
            // A finalizer may hold it.
            Step::Deleted => deleted.push(there),
            Step::Left(deletion) => return Ok(deletion),
            Step::Changed => sleep(PAUSE).await,
        }
    }
    Err(Error::Unavailable {
        verb: "delete",
        object: ObjectReference::new("StatefulSet", namespace, name),
        seconds: (PAUSE * TRIES).as_secs_f64(),
        cause: "the object keeps changing".to_owned(),
    })
}

/// The result of one try to delete a service that is in use.
enum Step {
    /// The service was deleted.
    Deleted,
    /// It stays.
    Left(Deletion),
    /// It was changed since it was read.
    Changed,
}

/// Removes the holder of a task, and the service where nobody else uses it.
async fn leave<A: Api>((api, runs): (&A, &A), there: &StatefulSet, owner: &str, deadline: Deadline) -> Result<Step> {
    let metadata = &there.metadata;
    let mut others = Terms::of(metadata);
    others.holders.known.retain(|holder| holder.owner != owner);
    let states = states((api, runs), &others).await;
    let users = users(&others, &states, |_| true);
    let is_bound = |lifetime: &Lifetime| lifetime.bound != Bound::Persist && lifetime.idle.is_none();
    let is_bound = others.lifetime.as_ref().is_some_and(is_bound) || others.is_released;
    if users.is_empty() && (is_owned_by(metadata, owner) || is_bound) {
        return deleted(api, there, deadline).await;
    }
    // How long it is idle counts from the end of this run.
    let is_last = users.is_empty() && others.lifetime.as_ref().is_some_and(|lifetime| lifetime.idle.is_some());
    let key = key_of(owner);
    let holds = !is_last && metadata.annotations.as_ref().is_some_and(|all| all.contains_key(&key));
    let now = now();
    let mut written = Vec::new();
    if holds {
        written.push((key.as_str(), None));
    }
    let has_left = holds || is_owned_by(metadata, owner);
    if has_left && is_bound && !others.is_released && others.holders.known.iter().all(Holder::is_lease) {
        // Only processes use it now, so that the last of them has to end it.
        written.push((RELEASED_ANNOTATION, Some(now.as_str())));
    }
    let left = written.is_empty() || mark(api, there, &written, deadline).await?;
    let deletion = if users.is_empty() {
        Deletion::LeftAlone
    } else {
        Deletion::InUse(users)
    };
    Ok(if left { Step::Left(deletion) } else { Step::Changed })
}

/// Deletes a service that only the one that asks uses, and marks another one. A process that asks is known by its
/// Lease. Without one, an unknown run asks.
async fn release<A: Api>(
    (api, runs): (&A, &A),
    there: &StatefulSet,
    own: &[String],
    deadline: Deadline,
) -> Result<Step> {
    let metadata = &there.metadata;
    let terms = Terms::of(metadata);
    let states = states((api, runs), &terms).await;
    let is_own = |holder: &Holder| own.contains(&holder.owner);
    let asks = terms.holders.known.iter().any(is_own);
    let users = users(&terms, &states, |holder| !is_own(holder));
    let is_held = |holder: &Holder| holder.is_lease() && !is_own(holder);
    let is_held = terms.in_state(&states, may_use).any(is_held);
    if users.is_empty() || (!asks && !is_held && users.len() == 1) {
        return deleted(api, there, deadline).await;
    }
    if !terms.is_released {
        let now = now();
        let released = [(RELEASED_ANNOTATION, Some(now.as_str()))];
        if !mark(api, there, &released, deadline).await? {
            return Ok(Step::Changed);
        }
    }
    Ok(Step::Left(Deletion::InUse(users)))
}

fn now() -> String {
    server_time::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether a holder in this state uses a service, or may do so.
fn may_use(state: &RunState) -> bool {
    !matches!(state, RunState::Over(_))
}

/// Those of some holders that use a service, or may do so.
fn users(terms: &Terms, states: &[RunState], counts: impl Fn(&Holder) -> bool) -> Vec<String> {
    let known = terms
        .in_state(states, may_use)
        .filter(|holder| counts(holder))
        .map(ToString::to_string);
    let unreadable = terms.holders.unreadable.iter().cloned();
    known.chain(unreadable).collect::<BTreeSet<_>>().into_iter().collect()
}

async fn deleted<A: Api>(api: &A, there: &StatefulSet, deadline: Deadline) -> Result<Step> {
    let is_deleted = delete_version(api, there, deadline).await?;
    Ok(if is_deleted { Step::Deleted } else { Step::Changed })
}
