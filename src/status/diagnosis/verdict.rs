//! What a cause means for the service.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::super::facts::{ContainerFacts, PodFacts};
use super::cause::{Blame, Cause, Fails};

/// How long the platform lets causes take to pass, where it does not leave that to [`Cause::fails`].
pub type GracePeriods = HashMap<Cause, Duration>;

/// The cause that keeps a service from being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The cause.
    pub cause: Cause,
    /// The object at fault, such as `Pod foo-0`.
    pub culprit: String,
    /// One or two sentences: what is wrong and what to do.
    pub sentence: String,
    /// Whether the service fails for it.
    pub fails: Fails,
    /// Since when the cause holds, as far as that is known.
    pub since: Option<Timestamp>,
    /// The pod and the container whose last log lines belong to the sentence.
    pub log_of: Option<(String, String)>,
}

impl Verdict {
    pub(super) fn new(cause: Cause, culprit: String, sentence: String) -> Self {
        Self {
            cause,
            culprit,
            sentence,
            fails: cause.fails(),
            since: None,
            log_of: None,
        }
    }

    pub(super) fn of_pod(cause: Cause, pod: &PodFacts, sentence: String) -> Self {
        Self::new(cause, format!("Pod {}", pod.name), sentence).since(pod.created)
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// The verdict on something that has happened so often that it will go on.
    pub(super) fn at_once(self) -> Self {
        Self {
            fails: Fails::AtOnce(Blame::User),
            ..self
        }
    }

    pub(super) fn with_log(self, pod: &PodFacts, container: &ContainerFacts) -> Self {
        Self {
            log_of: Some((pod.name.clone(), container.name.clone())),
            ..self
        }
    }

    /// Whether the service has failed for this cause by now. A grace period that the platform has set counts instead of
    /// whatever else is known of the cause.
    #[must_use]
    pub fn failed(&self, now: Timestamp, grace_periods: &GracePeriods) -> Option<Blame> {
        let set = grace_periods.get(&self.cause).copied();
        let (grace, blame) = match (self.fails, set) {
            (Fails::Never, None) => return None,
            (Fails::AtOnce(blame), None) => return Some(blame),
            (Fails::After(grace, blame), None) => (grace, blame),
            (Fails::Never, Some(set)) => (set, Blame::System),
            (Fails::AtOnce(blame) | Fails::After(_, blame), Some(set)) => (set, blame),
        };
        // A cause may hold from a moment that is still to come.
        let waited = Duration::try_from(now.duration_since(self.since?)).unwrap_or_default();
        (waited >= grace).then_some(blame)
    }
}
