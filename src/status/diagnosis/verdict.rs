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
    /// When the fault began, by which its grace period counts; `None` where that is not known yet.
    pub since: Option<Timestamp>,
    /// What Kubernetes itself calls it, such as `CrashLoopBackOff`; empty where it has no name for it.
    pub kubernetes_reason: String,
    /// For a container that has ended and is up again: until when its last end still explains why the service is not ready.
    pub up_again_until: Option<Timestamp>,
    /// From when on the verdict says something, where the same state may be one that passes within moments.
    pub not_before: Option<Timestamp>,
    /// Whether the pod counts as ready for Kubernetes all the same.
    pub of_ready_pod: bool,
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
            kubernetes_reason: String::new(),
            up_again_until: None,
            not_before: None,
            of_ready_pod: false,
            log_of: None,
        }
    }

    pub(super) fn of_pod(cause: Cause, pod: &PodFacts, sentence: String) -> Self {
        Self::new(cause, format!("Pod {}", pod.name), sentence)
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn in_kubernetes_words(self, reason: impl Into<String>) -> Self {
        Self {
            kubernetes_reason: reason.into(),
            ..self
        }
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

    /// The sentence with Kubernetes's own reason, since people search for that.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            sentence,
            kubernetes_reason: reason,
            ..
        } = self;
        if reason.split(", ").all(|code| sentence.contains(code)) {
            return sentence.clone();
        }
        format!("{sentence} ({reason})")
    }

    /// Whether the verdict says something at a moment.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.up_again_until.is_none_or(|until| now < until) && self.not_before.is_none_or(|from| from <= now)
    }

    /// Whether the service has failed for this cause by now. What is up again may stay. A grace period that the platform has set counts instead of
    /// whatever else is known of the cause.
    #[must_use]
    pub fn failed(&self, now: Timestamp, grace_periods: &GracePeriods) -> Option<Blame> {
        if self.up_again_until.is_some() {
            return None;
        }
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
