//! Finds the services of a namespace that end with their runs in memory, and confirms each before it is deleted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::iter;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Duration, Instant};

use super::decision::{Decision, Terms};
use super::reap::{Reaped, reap, states_of};
use crate::cluster::Api;
use crate::error::Result;
use crate::lifecycle::{Deadline, RunState};
use crate::platform::Receipts;
use crate::swallowed::LastCause;
use crate::watch::{Bound, RunPlace, Runs};

/// How often to look at a service whose runs are not in memory. With the time that a sweep over thousands of them
/// takes, and until it begins, the end of a run is seen within a minute.
const LOOK: Duration = Duration::from_secs(50);

/// After which time to try again what could not be ended, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));

/// How long it may take to end one service.
const ONE: Duration = Duration::from_secs(15);

/// How many services are looked at at the same time.
const AT_ONCE: usize = 8;

/// The services of a namespace that may end by themselves.
#[derive(Default)]
pub(super) struct Reaper {
    /// Which receipts of services that have ended are kept.
    receipts: Arc<Receipts>,
    known: HashMap<Box<str>, Known>,
}

/// A service to look at: its uid, its name, and how its runs are, as far as memory knows.
type Due = (Box<str>, Box<str>, Vec<Option<bool>>);

/// A service.
struct Known {
    bound: Arc<Bound>,
    terms: Terms,
    /// How its runs were, as far as memory knew, when it was looked at last.
    seen: Option<Vec<Option<bool>>>,
    /// When to look at it again, though nothing has changed in memory.
    next: Option<Instant>,
    /// How long that was to wait after a failure.
    pause: Duration,
    /// Why it could not be ended, or why that is not known, which is logged.
    trouble: LastCause,
}

impl Reaper {
    pub(super) fn new(receipts: Arc<Receipts>) -> Self {
        Self {
            receipts,
            ..Self::default()
        }
    }

    /// Ends the noted services whose time has come, and returns the uids of those that are gone. One that cannot be
    /// ended holds up no other.
    pub(super) async fn sweep<A: Api>(
        &mut self,
        (api, runs_api): (&A, &A),
        namespace: &str,
        runs: &[&Runs],
        now: Timestamp,
    ) -> Vec<Box<str>> {
        let receipts = Arc::clone(&self.receipts);
        let mut due: Vec<Due> = self
            .known
            .iter()
            .filter_map(|(uid, known)| Some((uid.clone(), known.bound.name.clone(), known.due(runs, now)?)))
            .collect();
        let used = self.used((api, runs_api), &due, now).await;
        due.retain(|(uid, _, seen)| {
            let is_used = used.contains(uid);
            if let Some(known) = self.known.get_mut(uid).filter(|_| is_used) {
                known.trouble.clear();
                known.stays(seen.clone(), None, now);
            }
            !is_used
        });
        let looks = due.into_iter().map(async |(uid, name, seen)| {
            let look = reap((api, runs_api), (namespace, &name, &uid), false, Deadline::after(ONE));
            let reaped = Box::pin(look).await;
            if let Ok(Some(reaped)) = &reaped {
                reaped.record(api, &receipts).await;
            }
            (uid, seen, reaped)
        });
        let looked: Vec<_> = iter(looks).buffer_unordered(AT_ONCE).collect().await;
        let mut gone = Vec::new();
        for (uid, seen, reaped) in looked {
            if !matches!(&reaped, Ok(Some(reaped)) if !reaped.is_deleted) && reaped.is_ok() {
                gone.push(uid.clone());
            }
            if let Some(known) = self.known.get_mut(&uid) {
                known.take(namespace, seen, reaped, now);
            }
        }
        gone
    }

    /// Where the runs are that services are bound to, so that these have to be watched.
    pub(super) fn needed_runs(&self) -> HashSet<RunPlace> {
        self.known.values().flat_map(Known::needed_runs).collect()
    }

    /// Those of the due services that a run uses for certain. Only their runs are looked at, each once, however many
    /// services it uses.
    async fn used<A: Api>(&self, clusters: (&A, &A), due: &[Due], now: Timestamp) -> HashSet<Box<str>> {
        let unknown = due.iter().filter_map(|(uid, _, seen)| {
            let terms = &self.known.get(uid)?.terms;
            let is_over = terms.due().is_some_and(|due| due <= now);
            let only_unknown = !seen.is_empty() && seen.iter().all(Option::is_none);
            (only_unknown && !is_over && !terms.holders.is_crowded()).then_some((uid, terms))
        });
        let (uids, holders): (Vec<_>, Vec<_>) = unknown
            .flat_map(|(uid, terms)| terms.holders.known.iter().map(move |holder| (uid, holder)))
            .unzip();
        let states = states_of(clusters, &holders).await;
        let live = uids
            .into_iter()
            .zip(states)
            .filter(|(_, state)| *state == RunState::Live);
        live.map(|(uid, _)| uid.clone()).collect()
    }

    /// Takes over the services of the namespace that may end, as the watch reports them.
    pub(super) fn note(&mut self, bound: Vec<Arc<Bound>>) {
        let mut before = std::mem::take(&mut self.known);
        for bound in bound {
            let known = match before.remove(&bound.uid) {
                Some(known) if Arc::ptr_eq(&known.bound, &bound) => known,
                known => Known {
                    terms: Terms::of(&bound.metadata),
                    seen: None,
                    next: None,
                    pause: Duration::ZERO,
                    trouble: known.map(|known| known.trouble).unwrap_or_default(),
                    bound: Arc::clone(&bound),
                },
            };
            self.known.insert(bound.uid.clone(), known);
        }
    }
}

impl Known {
    fn is_bound(&self) -> bool {
        self.terms.ends_with_runs() && !self.terms.rests() && !self.terms.holders.known.is_empty()
    }

    /// Where the runs are that hold it, if they have to be watched. A process that holds it is looked at now and then.
    fn needed_runs(&self) -> impl Iterator<Item = RunPlace> {
        let holders = &self.terms.holders;
        let needs = self.is_bound() || holders.is_crowded();
        holders.known.iter().filter(move |_| needs).filter_map(RunPlace::of)
    }

    /// How its runs are, as far as memory knows, if it has to be looked at.
    fn due(&self, runs: &[&Runs], now: Timestamp) -> Option<Vec<Option<bool>>> {
        let waits = self.next.is_some_and(|next| Instant::now() < next);
        let holders = &self.terms.holders.known;
        let watched = |holder| {
            let place = RunPlace::of(holder)?;
            runs.iter().find(|runs| *runs.place() == place)
        };
        let live: Vec<Option<bool>> = holders
            .iter()
            .map(|holder| watched(holder)?.is_live(&holder.namespace, &holder.name, &holder.uid))
            .collect();
        if self.terms.due().is_some_and(|due| due <= now) {
            return (!waits).then_some(live);
        }
        // One list of all runs is under way. Without it, each service would be looked at by itself.
        if holders.iter().filter_map(watched).any(|runs| runs.is_starting()) {
            return None;
        }
        if self.terms.holders.is_crowded() && !waits && live.iter().any(|live| *live != Some(true)) {
            return Some(live);
        }
        if !self.is_bound() || live.contains(&Some(true)) {
            return None;
        }
        let has_changed = self.seen.as_ref() != Some(&live);
        // Unknown runs are looked at now and then; the end of a run, at once.
        let has_news = has_changed && live.contains(&Some(false));
        (has_news || !waits).then_some(live)
    }

    fn take(&mut self, namespace: &str, seen: Vec<Option<bool>>, reaped: Result<Option<Reaped>>, now: Timestamp) {
        match reaped {
            Ok(None) => self.seen = Some(seen),
            Ok(Some(reaped)) if reaped.is_deleted => self.seen = Some(seen),
            Ok(Some(reaped)) => {
                if reaped.is_put_to_sleep {
                    let cause = reaped.decision.to_string();
                    let name = &self.bound.name;
                    tracing::info!(
                        namespace,
                        object = format!("StatefulSet {name}"),
                        cause,
                        "Data service {name} in namespace {namespace} was put to sleep: {cause}."
                    );
                }
                let waits = match &reaped.decision {
                    Decision::Waits(until, _) => Some(*until),
                    _ => None,
                };
                if let Decision::Unknown(why) = &reaped.decision {
                    self.warn(namespace, why, "stays as it is, since nobody knows whether it is used");
                } else {
                    self.trouble.clear();
                }
                self.stays(seen, waits, now);
            }
            Err(error) => {
                self.seen = Some(seen);
                let (first, most) = AGAIN;
                self.pause = if self.pause.is_zero() {
                    first
                } else {
                    (self.pause * 2).min(most)
                };
                self.next = Some(Instant::now() + self.pause);
                self.warn(
                    namespace,
                    &error.to_string(),
                    "could not be ended or put to sleep; that is tried again",
                );
            }
        }
    }

    /// Notes that it stays, until it is looked at again.
    fn stays(&mut self, seen: Vec<Option<bool>>, waits: Option<Timestamp>, now: Timestamp) {
        self.seen = Some(seen);
        self.pause = Duration::ZERO;
        // Its time may be over earlier, whoever uses it.
        let moment = waits.into_iter().chain(self.terms.due()).min();
        let wait = moment.map(|moment| Duration::try_from(moment.duration_since(now)).unwrap_or_default());
        self.next = Some(Instant::now() + wait.unwrap_or(LOOK).min(LOOK));
    }

    fn warn(&mut self, namespace: &str, cause: &str, consequence: &str) {
        if self.trouble.is_new(cause) {
            let name = &self.bound.name;
            tracing::warn!(
                namespace,
                object = format!("StatefulSet {name}"),
                cause,
                "Data service {name} in namespace {namespace} {consequence}: {cause}"
            );
        }
    }
}

#[cfg(test)]
mod tests;
