//! Why a service is not ready, and whether it ever will be: one file of rules per kind of cause. Pure.

mod admission;
mod containers;
mod images;
mod loss;
mod references;
mod scheduling;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::facts::{ContainerFacts, EventFacts, PodFacts};

/// The cause that keeps a service from being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// A stable `CamelCase` code.
    pub reason: &'static str,
    /// The object at fault, such as `Pod foo-0`.
    pub culprit: String,
    /// One or two sentences: what is wrong and what to do.
    pub sentence: String,
    /// Whether the service fails for it.
    pub fails: Fails,
    /// Since when the cause holds, as far as that is known.
    pub since: Option<Timestamp>,
    /// Whether the service waits for room or permission, rather than for its own start.
    pub waits_for_resources: bool,
    /// The pod and the container whose last log lines belong to the sentence.
    pub log_of: Option<(String, String)>,
}

/// Whether, when and through whose fault a cause makes a service fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// It may pass, however long it takes.
    Never,
    /// It does not pass.
    AtOnce(Blame),
    /// It may pass, but hardly after this long.
    After(Duration, Blame),
}

/// Whose fault a failure is, in Flyte's division: a user's failure is final, a system's is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The user has to change something.
    User,
    /// The same service may well start another time.
    System,
}

impl Verdict {
    /// Whether the service has failed for this cause by now.
    #[must_use]
    pub fn failed(&self, now: Timestamp) -> Option<Blame> {
        match self.fails {
            Fails::Never => None,
            Fails::AtOnce(blame) => Some(blame),
            Fails::After(grace, blame) => {
                let waited = now.duration_since(self.since?).unsigned_abs();
                (waited >= grace).then_some(blame)
            }
        }
    }

    fn new(reason: &'static str, culprit: String, fails: Fails, sentence: String) -> Self {
        Self {
            reason,
            culprit,
            sentence,
            fails,
            since: None,
            waits_for_resources: false,
            log_of: None,
        }
    }

    fn of_pod(reason: &'static str, pod: &PodFacts, fails: Fails, sentence: String) -> Self {
        Self {
            since: pod.created,
            ..Self::new(reason, format!("Pod {}", pod.name), fails, sentence)
        }
    }

    fn waiting_for_resources(self) -> Self {
        Self {
            waits_for_resources: true,
            ..self
        }
    }

    fn with_log(self, pod: &PodFacts, container: &ContainerFacts) -> Self {
        Self {
            log_of: Some((pod.name.clone(), container.name.clone())),
            ..self
        }
    }
}

/// Finds the cause that keeps a service from being ready; `None` where nothing is wrong, or nothing is known to be.
///
/// Of several causes the gravest is told: one that fails at once before one that may pass. Unknown states are no cause.
#[must_use]
pub fn diagnose(name: &str, pods: &[PodFacts], events: &[EventFacts]) -> Option<Verdict> {
    let of_pods = pods
        .iter()
        .filter(|pod| !pod.deleting || pod.disrupted.is_some())
        .filter_map(|pod| {
            let of_container = || pod.containers.iter().find_map(|container| of_container(pod, container));
            loss::diagnose(pod)
                .or_else(of_container)
                .or_else(|| scheduling::diagnose(pod))
        });
    let of_stateful_set = events.iter().filter_map(|event| admission::diagnose(name, event, pods));
    of_pods
        .chain(of_stateful_set)
        .min_by_key(|verdict| match verdict.fails {
            Fails::AtOnce(_) => 0,
            Fails::After(..) => 1,
            Fails::Never => 2,
        })
}

fn of_container(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    images::diagnose(pod, container)
        .or_else(|| references::diagnose(pod, container))
        .or_else(|| containers::diagnose(pod, container))
}

/// Minutes, for grace periods.
const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[cfg(test)]
mod tests;
