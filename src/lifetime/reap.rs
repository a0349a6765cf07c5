//! Reap: end a service that no run uses any more, or whose time is over, and nothing else.

use std::collections::HashMap;
use std::fmt;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::iter;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Duration, sleep};

use super::decision::{Decision, End, Terms};
use super::idle_check::ask;
use super::receipt::record;
use crate::cluster::{Api, RunOutcome, server_time};
use crate::config::lifetime::Then;
use crate::error::Result;
use crate::identity::holder::Holder;
use crate::identity::labels::UNUSED_SINCE_ANNOTATION;
use crate::lifecycle::{Deadline, RunState, delete_version, find_ours, list_ours, mark, put_to_sleep, run_state};
use crate::metrics::note_reaped;
use crate::platform::Receipts;

/// How often to decide again about a service that changes in the meantime.
const TRIES: u32 = 5;

/// How many services are looked at at the same time.
const AT_ONCE: usize = 8;

/// How long it may take to record the end of a service.
const RECORD: Duration = Duration::from_secs(2);

/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(50);

/// The result of a sweep for a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaped {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The uid of its `StatefulSet`.
    pub uid: String,
    /// The decision.
    pub decision: Decision,
    /// Whether it was deleted; in a dry run it would have been.
    pub is_deleted: bool,
    /// Its `StatefulSet` as it was read last, where it was deleted.
    pub deleted: Option<Box<StatefulSet>>,
    /// Whether it was put to sleep; in a dry run it would have been.
    pub is_put_to_sleep: bool,
}

impl Reaped {
    /// Records the end of the service, if it has ended.
    pub(super) async fn record<A: Api>(&self, api: &A, receipts: &Receipts) {
        if let Some(stateful_set) = &self.deleted {
            let reason = self.decision.to_string();
            record(api, stateful_set, &reason, receipts, Deadline::after(RECORD)).await;
        }
    }
}

/// Decides about a service by its present state on the API server, and ends it where it ends, or puts it to sleep.
/// `None` where it is gone, is not ours, or is being deleted.
///
/// All is read from the API server itself: the service, and the object of each run. It is changed or deleted at exactly
/// the version that was read, so that a run that joins in between, which writes on the service, keeps it. Any number of
/// processes may do this at the same time. With `dry_run` nothing is written.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected), and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn reap<A: Api>(
    (api, runs): (&A, &A),
    (namespace, name, uid): (&str, &str, &str),
    dry_run: bool,
    deadline: Deadline,
) -> Result<Option<Reaped>> {
    let reaped = |decision, is_done: bool, deleted| {
        Ok(Some(Reaped {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            is_deleted: is_done && matches!(decision, Decision::Ends(_)),
            is_put_to_sleep: is_done && matches!(decision, Decision::FallsAsleep(_)),
            decision,
            deleted,
        }))
    };
    for _ in 0..TRIES {
        let Some(there) = find_ours(api, namespace, name, deadline).await? else {
            return Ok(None);
        };
        if there.metadata.uid.as_deref() != Some(uid) {
            return Ok(None);
        }
        let terms = Terms::of_service(&there);
        let states = states((api, runs), &terms).await;
        let decision = terms.decide(&states, server_time::now());
        let decision = match terms.idle_check(&decision) {
            Some(check) => terms.confirm(decision, ask(api, &there, check, deadline).await, server_time::now()),
            None => decision,
        };
        let done = match &decision {
            // Somebody has scaled it to zero, and knows why.
            Decision::FallsAsleep(_) if has_no_replicas(&there) => return reaped(decision, false, None),
            Decision::Ends(_) | Decision::FallsAsleep(_) | Decision::Marks(_) if dry_run => true,
            Decision::Ends(_) => delete_version(api, &there, deadline).await?,
            Decision::FallsAsleep(_) => put_to_sleep(api, &there, deadline).await?.is_some(),
            Decision::Marks(unused) => {
                // A struct of a time and a word always serializes.
                let text = serde_json::to_string(unused).unwrap_or_default();
                let written = [(UNUSED_SINCE_ANNOTATION, Some(text.as_str()))];
                mark(api, &there, &written, deadline).await?
            }
            _ => {
                if terms.holders.is_crowded() && !dry_run {
                    remove_ended(api, &there, &terms, &states, deadline).await?;
                }
                return reaped(decision, false, None);
            }
        };
        if done {
            if let Some(cause) = decision.reaps().filter(|_| !dry_run) {
                note_reaped(cause);
            }
            let deleted = (matches!(decision, Decision::Ends(_)) && !dry_run).then(|| Box::new(there));
            return reaped(decision, true, deleted);
        }
        sleep(PAUSE).await;
    }
    let why = "the service keeps changing".to_owned();
    reaped(Decision::Unknown(why), false, None)
}

/// Removes the holders of a service whose run has ended. Where the service has changed in between, that is left to the
/// next sweep.
async fn remove_ended<A: Api>(
    api: &A,
    there: &StatefulSet,
    terms: &Terms,
    states: &[RunState],
    deadline: Deadline,
) -> Result<()> {
    let ended = terms.in_state(states, |state| matches!(state, RunState::Over(_)));
    let keys: Vec<String> = ended.map(Holder::key).collect();
    // One of them stays, for the outcome of the last run.
    let kept = usize::from(keys.len() == terms.holders.len());
    let removed: Vec<_> = keys.iter().skip(kept).map(|key| (key.as_str(), None)).collect();
    if !removed.is_empty() {
        mark(api, there, &removed, deadline).await?;
    }
    Ok(())
}

fn has_no_replicas(set: &StatefulSet) -> bool {
    set.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0))
}

/// Decides about all services of a namespace that may end by themselves, and ends those that end. What becomes of one
/// is no matter to the others.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden) where the account may not list `StatefulSet`s, and
/// [`Error::Unavailable`](crate::error::Error::Unavailable).
pub async fn sweep<A: Api>(
    (api, runs): (&A, &A),
    namespace: &str,
    dry_run: bool,
    receipts: &Receipts,
    deadline: Deadline,
) -> Result<Vec<Result<Reaped>>> {
    let all = list_ours(api, namespace, deadline).await?;
    let bound = all.into_iter().filter(|set| Terms::of(&set.metadata).may_end());
    let looks = bound.map(async |set| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let metadata = &set.metadata;
        let (namespace, name, uid) = (text(&metadata.namespace), text(&metadata.name), text(&metadata.uid));
        let reaped = Box::pin(reap((api, runs), (&namespace, &name, &uid), dry_run, deadline)).await;
        if let Ok(Some(reaped)) = &reaped {
            reaped.record(api, receipts).await;
        }
        reaped.transpose()
    });
    let reaped: Vec<_> = iter(looks).buffered(AT_ONCE).collect().await;
    Ok(reaped.into_iter().flatten().collect())
}

/// The states of the runs and processes that hold a service, in the order of its holders.
pub(super) async fn states<A: Api>(clusters: (&A, &A), terms: &Terms) -> Vec<RunState> {
    states_of(clusters, &terms.holders.known.iter().collect::<Vec<_>>()).await
}

/// The states of the runs and processes of holders, in their order. Each run is looked at once, however many of its
/// tasks use however many services.
pub(super) async fn states_of<A: Api>(clusters: (&A, &A), holders: &[&Holder]) -> Vec<RunState> {
    let mut distinct = holders.to_vec();
    distinct.sort_by_key(|holder| holder.run());
    distinct.dedup_by_key(|holder| holder.run());
    let mut looked = HashMap::new();
    for chunk in distinct.chunks(AT_ONCE) {
        let states = join_all(chunk.iter().map(|holder| run_state(clusters, holder))).await;
        looked.extend(chunk.iter().map(|holder| holder.run()).zip(states));
    }
    let unknown = || RunState::Unknown("it was not looked at".to_owned());
    holders
        .iter()
        .map(|holder| looked.get(&holder.run()).cloned().unwrap_or_else(unknown))
        .collect()
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unused(RunOutcome::Succeeded) => formatter.write_str("its last run has succeeded"),
            Self::Unused(RunOutcome::Failed) => formatter.write_str("its last run has failed"),
            Self::Unused(RunOutcome::Aborted) => formatter.write_str("its last run was aborted, or is gone"),
            Self::Idle(span) => write!(formatter, "no run has used it for {span}"),
            Self::Expired(ttl) => write!(formatter, "its ttl of {ttl} is over"),
            Self::Kept(until) => write!(formatter, "it has failed and was kept until {}", to_the_second(*until)),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persists => formatter.write_str("it persists"),
            Self::Kept(until) => write!(formatter, "it has failed, and is kept until {}", to_the_second(*until)),
            Self::Used(runs) => write!(formatter, "it is used by {}", runs.join(", ")),
            Self::Unknown(why) => write!(formatter, "whether a run uses it is unknown: {why}"),
            Self::Waits(until, then) => {
                let what = match then {
                    Then::Delete => "ends",
                    Then::Sleep => "is put to sleep",
                };
                write!(formatter, "no run uses it, and it {what} at {}", to_the_second(*until))
            }
            Self::Sleeps(span) => write!(formatter, "it sleeps, since no run has used it for {span}"),
            Self::FallsAsleep(span) => write!(formatter, "no run has used it for {span}"),
            Self::Marks(unused) => {
                write!(formatter, "no run uses it since {}", to_the_second(unused.at))
            }
            Self::Ends(end) => end.fmt(formatter),
        }
    }
}

fn to_the_second(moment: Timestamp) -> impl fmt::Display {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ")
}
