//! The consequence of a cause for the service.

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
    /// When the fault began, from which its grace period counts; `None` where that is not known yet.
    pub since: Option<Timestamp>,
    /// Kubernetes's own name for it, such as `CrashLoopBackOff`; empty where it has no name for it.
    pub kubernetes_reason: String,
    /// For a container that is up again: how it ended last, as a sentence.
    pub ended_before: Option<String>,
    /// For a container that has ended and is up again: until when its last end explains better than other causes why
    /// the service is not ready. It is the cause until the pod is ready.
    pub up_again_until: Option<Timestamp>,
    /// From when on the verdict counts, if the same state may pass within moments.
    pub not_before: Option<Timestamp>,
    /// Whether the pod counts as ready for Kubernetes all the same.
    pub of_ready_pod: bool,
    /// The pod and the container whose last log lines belong to the sentence.
    pub log_of: Option<(String, String)>,
    /// The node whose platform the sentence leaves open, see [`open_platform`](super::images::open_platform).
    pub platform_of: Option<String>,
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
            ended_before: None,
            up_again_until: None,
            not_before: None,
            of_ready_pod: false,
            log_of: None,
            platform_of: None,
        }
    }

    pub(super) fn of_pod(cause: Cause, pod: &PodFacts, sentence: String) -> Self {
        Self::new(cause, format!("Pod {}", pod.name), sentence)
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn not_before(self, from: Option<Timestamp>) -> Self {
        Self {
            not_before: from,
            ..self
        }
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

    pub(super) fn without_platform_of(self, node: Option<&str>) -> Self {
        Self {
            platform_of: node.map(str::to_owned),
            ..self
        }
    }

    /// The sentence with Kubernetes's own reason, since people search for that, and with the end before.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            sentence,
            kubernetes_reason: reason,
            ended_before,
            ..
        } = self;
        let mut message = sentence.clone();
        if !reason.split(", ").all(|code| sentence.contains(code)) {
            message = format!("{message} ({reason})");
        }
        if let Some(before) = ended_before {
            message = format!("{message} {before}");
        }
        message
    }

    /// Whether the verdict counts at a moment.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let is_over = self.of_ready_pod && self.up_again_until.is_some_and(|until| until <= now);
        !is_over && self.not_before.is_none_or(|from| from <= now)
    }

    /// How grave the verdict is at a moment, the gravest first: by its kind, and last the end of a container that has
    /// run for long since.
    pub(super) fn rank(&self, now: Timestamp) -> u8 {
        if self.up_again_until.is_some_and(|until| until <= now) {
            return 3;
        }
        match self.cause.fails() {
            Fails::AtOnce(_) => 0,
            Fails::After(..) => 1,
            Fails::Never => 2,
        }
    }

    /// Whether the service has failed for this cause by now. A container that is up again may stay up. A grace period
    /// that the platform sets replaces the default of the cause.
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
