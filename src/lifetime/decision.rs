//! Whether a service ends: a pure decision on its annotations and the states of its runs.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::idle_check::Report;
use crate::cluster::RunOutcome;
use crate::config::lifetime::{IdleCheck, Length, Lifetime, Then};
use crate::identity::asleep::Asleep;
use crate::identity::holder::{Holder, Holders};
use crate::identity::labels::{
    ASLEEP_ANNOTATION, DELETE_AFTER_ANNOTATION, LIFETIME_ANNOTATION, RELEASED_ANNOTATION, UNUSED_SINCE_ANNOTATION,
};
use crate::lifecycle::RunState;
use crate::metrics::Reap;

/// Since when no run uses a service, as it is written on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// When that was found out.
    pub at: Timestamp,
    /// How its last run had ended.
    pub outcome: RunOutcome,
}

/// The annotations of a service about its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// When it ends by itself; `None` where that cannot be read.
    pub lifetime: Option<Lifetime>,
    /// Whether it ends with its last run, whatever its lifetime.
    pub is_released: bool,
    /// Whether it sleeps.
    pub is_asleep: bool,
    /// Since when no run uses it, where it stays for a while after that.
    pub unused: Option<Unused>,
    /// Until when it is kept for people to look at, where it has failed.
    pub kept_until: Option<Timestamp>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its users.
    pub holders: Holders,
}

/// Why a service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No run uses it any more; the last one has ended so.
    Unused(RunOutcome),
    /// No run has used it for as long as its lifetime allows.
    Idle(Length),
    /// Its `ttl` is over.
    Expired(Length),
    /// It has failed, and was kept until then for people to look at.
    Kept(Timestamp),
}

/// The decision about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It never ends by itself.
    Persists,
    /// It has failed, and is kept until then for people to look at.
    Kept(Timestamp),
    /// Runs use it.
    Used(Vec<String>),
    /// Whether a run uses it is not known, and why.
    Unknown(String),
    /// No run uses it any more, and it stays until then, when it ends or is put to sleep.
    Waits(Timestamp, Then),
    /// No run uses it any more, which is to be written on it: it stays for a while.
    Marks(Unused),
    /// No run has used it for so long, and it sleeps already.
    Sleeps(Length),
    /// No run has used it for so long that it is to be put to sleep now.
    FallsAsleep(Length),
    /// It ends now.
    Ends(End),
}

impl Terms {
    /// Reads what is written on a `StatefulSet`.
    #[must_use]
    pub fn of_service(set: &StatefulSet) -> Self {
        Self {
            is_asleep: Asleep::of(set).is_some(),
            ..Self::of(&set.metadata)
        }
    }

    /// Reads what is written on a `StatefulSet`, from its annotations without the one for sleep,
    /// unless it does.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        let annotation = |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key));
        Self {
            lifetime: match annotation(LIFETIME_ANNOTATION) {
                Some(text) => Lifetime::from_annotation(text),
                None => Some(Lifetime::default()),
            },
            is_released: annotation(RELEASED_ANNOTATION).is_some(),
            is_asleep: annotation(ASLEEP_ANNOTATION).is_some(),
            unused: annotation(UNUSED_SINCE_ANNOTATION).and_then(|text| serde_json::from_str(text).ok()),
            kept_until: annotation(DELETE_AFTER_ANNOTATION).and_then(|text| text.parse().ok()),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            holders: Holders::of(metadata),
        }
    }

    /// Whether it may end by itself at all.
    #[must_use]
    pub fn may_end(&self) -> bool {
        let ends = |lifetime: &Lifetime| lifetime.ends_with_runs() || lifetime.ttl.is_some();
        self.kept_until.is_some() || self.is_released || self.lifetime.as_ref().is_none_or(ends)
    }

    /// Whether nothing becomes of it before its `ttl` is over, or somebody wakes it.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.is_asleep && !self.is_released && self.lifetime.as_ref().is_some_and(Lifetime::sleeps)
    }

    /// Whether it ends, or is put to sleep, when the runs that use it have ended.
    #[must_use]
    pub fn ends_with_runs(&self) -> bool {
        // One that has failed is kept beyond the end of its run.
        self.kept_until.is_none() && (self.is_released || self.lifetime.as_ref().is_some_and(Lifetime::ends_with_runs))
    }

    /// When it ends, whoever uses it: when its `ttl` is over, or it has been kept for long enough.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.expires().into_iter().chain(self.kept_until).min()
    }

    /// When its `ttl` is over, if it has one.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        let ttl = self.lifetime.as_ref()?.ttl?;
        moment_after(self.created?, ttl.duration())
    }

    /// Decides about a service by the states of its runs, in the order of its holders.
    #[must_use]
    pub fn decide(&self, states: &[RunState], now: Timestamp) -> Decision {
        if let Some(until) = self.kept_until.filter(|until| *until <= now) {
            return Decision::Ends(End::Kept(until));
        }
        let Some(lifetime) = &self.lifetime else {
            return Decision::Unknown("its lifetime was written by another version and cannot be read".to_owned());
        };
        if let (Some(moment), Some(ttl)) = (self.expires(), lifetime.ttl)
            && moment <= now
        {
            return Decision::Ends(End::Expired(ttl));
        }
        if let Some(until) = self.kept_until {
            return Decision::Kept(until);
        }
        if !self.ends_with_runs() {
            return Decision::Persists;
        }
        let used: BTreeSet<String> = self
            .in_state(states, |state| *state == RunState::Live)
            .map(Holder::to_string)
            .collect();
        if !used.is_empty() {
            return Decision::Used(used.into_iter().collect());
        }
        if let Some(key) = self.holders.unreadable.first() {
            return Decision::Unknown(format!(
                "annotation {key} was written by another version and cannot be read"
            ));
        }
        let unknown = states.iter().find_map(|state| match state {
            RunState::Unknown(why) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = unknown {
            return Decision::Unknown(why);
        }
        if self.holders.is_empty() || states.len() != self.holders.known.len() {
            return Decision::Unknown("none of its runs could be seen when it was created".to_owned());
        }
        let outcome = self
            .unused
            .map(|unused| unused.outcome)
            .or_else(|| last_outcome(states));
        let outcome = outcome.unwrap_or(RunOutcome::Aborted);
        // A service that a sensor has released ends as if it were bound to its runs.
        let (stays, then, due) = if let Some(idle) = lifetime.idle.as_ref().filter(|_| !self.is_released) {
            (idle.after.duration(), idle.then, self.idle_for(idle.after, idle.then))
        } else {
            let stays = lifetime.grace.duration() + after(lifetime, outcome).duration();
            (stays, Then::Delete, Decision::Ends(End::Unused(outcome)))
        };
        if stays.is_zero() || matches!(due, Decision::Sleeps(_)) {
            return due;
        }
        let Some(unused) = self.unused else {
            return Decision::Marks(Unused { at: now, outcome });
        };
        match moment_after(unused.at, stays) {
            Some(until) if until <= now => due,
            Some(until) => Decision::Waits(until, then),
            None => Decision::Waits(Timestamp::MAX, then),
        }
    }

    /// Whether it is deleted or put to sleep once no run has used it for so long.
    fn idle_for(&self, span: Length, then: Then) -> Decision {
        match then {
            Then::Delete => Decision::Ends(End::Idle(span)),
            Then::Sleep if self.is_asleep => Decision::Sleeps(span),
            Then::Sleep => Decision::FallsAsleep(span),
        }
    }

    /// Where to ask the pods before this decision is carried out.
    pub(super) fn idle_check(&self, decision: &Decision) -> Option<&IdleCheck> {
        let is_idle = matches!(decision, Decision::Ends(End::Idle(_)) | Decision::FallsAsleep(_));
        self.lifetime
            .as_ref()?
            .idle
            .as_ref()?
            .http_get
            .as_ref()
            .filter(|_| is_idle)
    }

    /// The decision about a service that no run has used for long enough, by what its pods report.
    pub(super) fn confirm(&self, decision: Decision, report: Report, now: Timestamp) -> Decision {
        let Some(idle) = self.lifetime.as_ref().and_then(|lifetime| lifetime.idle.as_ref()) else {
            return decision;
        };
        match report {
            Report::Busy(pod) => Decision::Used(vec![format!("a client, as pod {pod} reports")]),
            Report::Unknown(why) => Decision::Unknown(why),
            Report::IdleSince(since) => match moment_after(since, idle.after.duration()) {
                Some(until) if until <= now => decision,
                until => Decision::Waits(until.unwrap_or(Timestamp::MAX), idle.then),
            },
        }
    }

    /// The holders whose run is in a state.
    pub(super) fn in_state<'a>(
        &'a self,
        states: &'a [RunState],
        is_in: impl Fn(&RunState) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Holder> {
        let pairs = self.holders.known.iter().zip(states);
        pairs.filter(move |(_, state)| is_in(state)).map(|(holder, _)| holder)
    }
}

impl Decision {
    /// The cause under which metrics count the decision once it is carried out.
    pub(super) fn reaps(&self) -> Option<Reap> {
        match self {
            Self::Ends(End::Unused(RunOutcome::Succeeded)) => Some(Reap::RunSucceeded),
            Self::Ends(End::Unused(RunOutcome::Failed)) => Some(Reap::RunFailed),
            Self::Ends(End::Unused(RunOutcome::Aborted)) => Some(Reap::RunAborted),
            Self::Ends(End::Expired(_)) => Some(Reap::Ttl),
            Self::Ends(End::Idle(_)) => Some(Reap::Idle),
            Self::Ends(End::Kept(_)) => Some(Reap::KeptExpired),
            Self::FallsAsleep(_) => Some(Reap::Slept),
            _ => None,
        }
    }
}

/// Of runs that have ended differently, the outcome that keeps a service for people to look at counts: a failure before
/// an abort, and that before a success.
fn last_outcome(states: &[RunState]) -> Option<RunOutcome> {
    let severity = |outcome: &RunOutcome| match outcome {
        RunOutcome::Succeeded => 0,
        RunOutcome::Aborted => 1,
        RunOutcome::Failed => 2,
    };
    let outcomes = states.iter().filter_map(|state| match state {
        RunState::Over(outcome) => Some(*outcome),
        _ => None,
    });
    outcomes.max_by_key(severity)
}

fn after(lifetime: &Lifetime, outcome: RunOutcome) -> Length {
    match outcome {
        RunOutcome::Succeeded => lifetime.after.succeeded,
        RunOutcome::Failed => lifetime.after.failed,
        RunOutcome::Aborted => lifetime.after.aborted,
    }
}

fn moment_after(moment: Timestamp, span: Duration) -> Option<Timestamp> {
    moment.checked_add(span).ok()
}

#[cfg(test)]
mod tests;
