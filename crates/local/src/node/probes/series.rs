//! One probe of one run of a container: when to ask next, and what the answers mean together.

use std::time::Duration;

use k8s_openapi::api::core::v1::Probe;
use tokio::time::Instant;

use super::{Answer, Kind, seconds};

/// When a probe is asked for the first time where it has no delay of its own. The kubelet asks at any time within the
/// first period.
const FIRST: Duration = Duration::from_secs(1);

/// How soon to ask again for the first success, and at most. These answers count only if the probe passes.
const EAGER: Duration = Duration::from_millis(50);
const LEAST_EAGER: Duration = Duration::from_secs(1);

/// What an answer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// Nothing: it is not the last one that is needed.
    Undecided,
    Passes,
    Fails,
}

/// The answers to a probe so far.
#[derive(Debug)]
pub(in super::super) struct Series {
    period: Duration,
    success_threshold: u32,
    failure_threshold: u32,
    /// When the next answer counts in any case.
    due: Instant,
    /// When the next answer counts if the probe passes, and how long until the one after it.
    eager: Option<(Instant, Duration)>,
    passed: u32,
    failed: u32,
}

impl Series {
    /// The series of a container that was started then.
    ///
    /// A container is ready as soon as its probe passes, so that a probe is asked more often than its period until
    /// then. A liveness probe decides nothing by passing.
    pub(in super::super) fn new(probe: &Probe, kind: Kind, started: Instant) -> Self {
        let period = seconds(probe.period_seconds, 10);
        let delay = seconds(probe.initial_delay_seconds, 0);
        let count = |value: Option<i32>, default| {
            let value = value.and_then(|value| u32::try_from(value).ok());
            value.filter(|value| *value > 0).unwrap_or(default)
        };
        let success_threshold = count(probe.success_threshold, 1);
        let is_eager = kind != Kind::Liveness && success_threshold == 1;
        let due = started + if delay.is_zero() { period.min(FIRST) } else { delay };
        Self {
            period,
            success_threshold,
            failure_threshold: count(probe.failure_threshold, 3),
            due,
            eager: is_eager.then_some((started + delay, EAGER)),
            passed: 0,
            failed: 0,
        }
    }

    /// The series of a container of which it is known that it does not answer, so that there is no haste.
    pub(in super::super) fn patient(probe: &Probe, started: Instant) -> Self {
        Self {
            eager: None,
            ..Self::new(probe, Kind::Readiness, started)
        }
    }

    /// When to ask next.
    pub(in super::super) fn next(&self) -> Instant {
        self.eager.map_or(self.due, |(eager, _)| eager.min(self.due))
    }

    /// Whether a failure at this time counts, and is reported.
    pub(in super::super) fn counts(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Takes in the answer to a probe that was asked then.
    pub(in super::super) fn answer(&mut self, answer: &Answer, asked: Instant, now: Instant) -> Verdict {
        let counts = self.counts(asked);
        if counts {
            // A slow answer takes the place of those that were due in the meantime.
            while self.due <= now {
                self.due += self.period;
            }
        }
        if let Some((next, pause)) = &mut self.eager {
            *next = now + *pause;
            *pause = (*pause * 3 / 2).min(LEAST_EAGER);
        }
        match answer {
            Answer::Passed => {
                if self.eager.take().is_some() {
                    self.due = asked + self.period;
                }
                self.failed = 0;
                self.passed = self.passed.saturating_add(1);
                if self.passed >= self.success_threshold {
                    return Verdict::Passes;
                }
            }
            Answer::Failed(_) if counts => {
                self.passed = 0;
                self.failed = self.failed.saturating_add(1);
                if self.failed >= self.failure_threshold {
                    return Verdict::Fails;
                }
            }
            Answer::Failed(_) | Answer::Error(_) => {}
        }
        Verdict::Undecided
    }
}
