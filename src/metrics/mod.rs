//! What this process has counted since it started, for Prometheus.
//!
//! Counting is one relaxed addition to an atomic number: no lock, no allocation, and nothing that a poll from memory
//! would notice. Labels are the variants of enums and the reasons of verdicts, so that their number is known; no label
//! names a service. Gauges are not here: they are taken from memory when somebody asks.

mod attempt;
mod counter;
mod histogram;
mod labels;

pub(crate) use attempt::Attempt;
use counter::Counters;
pub use counter::Labeled;
use histogram::Histogram;
pub use histogram::Observed;
pub use labels::{CreateResult, PollSource, Reap};

use crate::status::diagnosis::Cause;

/// The label of a verdict whose reason is not a cause, such as that of a service that has failed before.
const OTHER: &str = "Other";

/// The counts of a process so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Creates, by result.
    pub creates: Labeled,
    /// Services that have failed and were deleted or kept for it, by reason.
    pub failures: Labeled,
    /// Answered polls, by where the answer comes from.
    pub polls: Labeled,
    /// Services that were ended or put to sleep, by cause.
    pub reaped: Labeled,
    /// Seconds from the creation of a `StatefulSet` until the first answer that it is ready.
    pub ready: Observed,
}

struct Tally {
    creates: Counters<{ CreateResult::ALL.len() }>,
    failures: Counters<{ Cause::ALL.len() + 1 }>,
    polls: Counters<{ PollSource::ALL.len() }>,
    reaped: Counters<{ Reap::ALL.len() }>,
    ready: Histogram,
}

impl Tally {
    const fn new() -> Self {
        Self {
            creates: Counters::new(),
            failures: Counters::new(),
            polls: Counters::new(),
            reaped: Counters::new(),
            ready: Histogram::new(),
        }
    }
}

/// The counts of the process.
#[cfg(not(test))]
fn tally() -> &'static Tally {
    static TALLY: Tally = Tally::new();
    &TALLY
}

/// The counts of a test, which runs on a thread of its own.
#[cfg(test)]
fn tally() -> &'static Tally {
    thread_local!(static TALLY: &'static Tally = Box::leak(Box::new(Tally::new())));
    TALLY.with(|tally| *tally)
}

/// Counts a create by its result.
pub(crate) fn note_create(result: CreateResult) {
    tally().creates.add(result as usize);
}

/// Counts a poll that was answered.
pub(crate) fn note_poll(source: PollSource) {
    tally().polls.add(source as usize);
}

/// Counts a service that was ended or put to sleep.
pub(crate) fn note_reaped(cause: Reap) {
    tally().reaped.add(cause as usize);
}

/// Counts a service that has failed, when it is deleted or kept.
pub(crate) fn note_failure(reason: &str) {
    let place = Cause::named(reason).map_or(Cause::ALL.len(), |cause| cause as usize);
    tally().failures.add(place);
}

/// Notes how long a service took until it was reported ready.
pub(crate) fn note_ready(seconds: f64) {
    tally().ready.observe(seconds);
}

/// The counts of this process so far. Every label is there from the beginning, with zero.
#[must_use]
pub fn counts() -> Counts {
    let tally = tally();
    let reasons = Cause::ALL.iter().map(|cause| cause.reason()).chain([OTHER]);
    Counts {
        creates: tally
            .creates
            .labeled(CreateResult::ALL.iter().map(|result| result.label())),
        failures: tally.failures.labeled(reasons),
        polls: tally.polls.labeled(PollSource::ALL.iter().map(|source| source.label())),
        reaped: tally.reaped.labeled(Reap::ALL.iter().map(|cause| cause.label())),
        ready: tally.ready.observed(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(labeled: &[(&'static str, u64)], wanted: &str) -> Option<u64> {
        labeled
            .iter()
            .find(|(label, _)| *label == wanted)
            .map(|(_, count)| *count)
    }

    #[test]
    fn each_label_is_there_once_and_begins_with_zero() {
        let Counts {
            creates,
            failures,
            polls,
            reaped,
            ready,
        } = counts();
        for labeled in [&creates, &failures, &polls, &reaped] {
            let labels: BTreeSet<_> = labeled.iter().map(|(label, _)| label).collect();
            assert_eq!(labels.len(), labeled.len());
            assert!(labeled.iter().all(|(_, count)| *count == 0), "{labeled:?}");
        }
        assert_eq!((creates.len(), polls.len(), reaped.len()), (12, 2, 7));
        assert_eq!(failures.len(), Cause::ALL.len() + 1);
        assert_eq!(ready.count, 0);
    }

    #[test]
    fn events_are_counted_under_their_labels() {
        note_create(CreateResult::Created);
        note_create(CreateResult::Created);
        note_create(CreateResult::Shared);
        note_poll(PollSource::Memory);
        note_reaped(Reap::Slept);
        for reason in ["ImageNotFound", "RolloutStuck", "FailedBefore", "Failed"] {
            note_failure(reason);
        }
        let counts = counts();
        assert_eq!(of(&counts.creates, "created"), Some(2));
        assert_eq!(of(&counts.creates, "shared"), Some(1));
        assert_eq!(of(&counts.creates, "conflict"), Some(0));
        assert_eq!(counts.polls, [("memory", 1), ("read", 0)]);
        assert_eq!(of(&counts.reaped, "slept"), Some(1));
        assert_eq!(of(&counts.failures, "ImageNotFound"), Some(1));
        assert_eq!(of(&counts.failures, "RolloutStuck"), Some(1));
        assert_eq!(of(&counts.failures, "Other"), Some(2));
        assert_eq!(counts.failures.iter().map(|(_, count)| count).sum::<u64>(), 4);
    }
}
