//! What the state of the objects means: a phase, a reason and a sentence. Pure.

pub mod diagnosis;
mod facts;
mod readiness;

pub use facts::{ContainerFacts, Ended, EventFacts, PodFacts, Reason, SERVICE_NAME_LABEL, SliceFacts};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;

use diagnosis::{Blame, Verdict, diagnose};

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Kubernetes has not begun to bring it up, as far as is known.
    Pending,
    /// Its pods wait for room on a node, or for permission.
    WaitingForResources,
    /// Its pods are coming up.
    Initializing,
    /// Every replica is ready.
    Ready,
    /// It will not become ready unless its user changes something.
    Failed,
    /// It has not become ready, for no fault of its user: another attempt may succeed.
    RetryableFailed,
}

impl Phase {
    /// The phase's name, as Python sees it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::WaitingForResources => "WaitingForResources",
            Self::Initializing => "Initializing",
            Self::Ready => "Ready",
            Self::Failed => "Failed",
            Self::RetryableFailed => "RetryableFailed",
        }
    }

    /// Whether the service has ended its way, one way or the other.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::RetryableFailed)
    }
}

/// The state of a service at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub phase: Phase,
    /// A stable `CamelCase` code for the state.
    pub reason: &'static str,
    /// A few sentences for the person who waits.
    pub message: String,
    /// How many replicas are ready.
    pub ready: i32,
    /// How many replicas are wanted; `None` where nothing is known of the `StatefulSet`.
    pub wanted: Option<i32>,
}

impl Status {
    /// The state of a service that is not there.
    #[must_use]
    pub fn gone(namespace: &str, name: &str) -> Self {
        Self {
            phase: Phase::Failed,
            reason: "StatefulSetNotFound",
            message: format!(
                "StatefulSet {name} does not exist in namespace {namespace}: it was deleted, or never made there. Run the \
                 task again to make it, or correct the name or the namespace."
            ),
            ready: 0,
            wanted: None,
        }
    }

    /// The state of a service that was deleted and whose name another one has since.
    #[must_use]
    pub fn replaced(namespace: &str, name: &str) -> Self {
        Self {
            phase: Phase::Failed,
            reason: "StatefulSetReplaced",
            message: format!(
                "StatefulSet {name} in namespace {namespace} was deleted, and another one of that name has been made since. \
                 Run the task again, or give each of the two a Name of its own."
            ),
            ready: 0,
            wanted: None,
        }
    }

    /// The state of a service that cannot be read at the moment.
    #[must_use]
    pub fn unknown(message: String) -> Self {
        Self {
            phase: Phase::Initializing,
            reason: "Unknown",
            message,
            ready: 0,
            wanted: None,
        }
    }
}

/// What is known of a service, judged as far as that does not depend on the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// How ready it is.
    readiness: Status,
    /// What keeps it from being ready.
    verdict: Option<Verdict>,
    /// Whether pods are missing, so that only events on the `StatefulSet` can say why.
    lacks_pods: bool,
}

/// What is known beside the `StatefulSet`. What is not known is no reason to blame it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The service's pods.
    pub pods: &'a [PodFacts],
    /// The events on its `StatefulSet`.
    pub events: &'a [EventFacts],
    /// Its Service's endpoint slices; `None` where they are not known, or where no names are to be published.
    pub slices: Option<&'a Vec<SliceFacts>>,
}

impl Assessment {
    /// Judges a service by its objects.
    #[must_use]
    pub fn new(stateful_set: &StatefulSet, evidence: Evidence<'_>) -> Self {
        let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
        Self::of(readiness::judge(stateful_set), name, evidence)
    }

    /// Judges a service whose readiness, as far as the `StatefulSet` tells, is known.
    #[must_use]
    pub fn of(readiness: Status, name: &str, evidence: Evidence<'_>) -> Self {
        let readiness = readiness::with_names(readiness, name, evidence.slices);
        let waits = !readiness.phase.is_final();
        let there = evidence.pods.iter().filter(|pod| !pod.deleting).count();
        let lacks_pods = waits && usize::try_from(readiness.wanted.unwrap_or(0)).is_ok_and(|wanted| there < wanted);
        let events = if lacks_pods { evidence.events } else { &[] };
        let verdict = if waits {
            diagnose(name, evidence.pods, events)
        } else {
            None
        };
        Self {
            readiness,
            verdict,
            lacks_pods,
        }
    }

    /// The state at a moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Status {
        let mut status = self.readiness.clone();
        let Some(verdict) = &self.verdict else { return status };
        status.reason = verdict.reason;
        if let Some(blame) = verdict.failed(now) {
            status.phase = match blame {
                Blame::User => Phase::Failed,
                Blame::System => Phase::RetryableFailed,
            };
            status.message.clone_from(&verdict.sentence);
            return status;
        }
        if verdict.waits_for_resources {
            status.phase = Phase::WaitingForResources;
        }
        status.message.push(' ');
        status.message.push_str(&verdict.sentence);
        status
    }

    /// Whether pods are missing that nothing known explains, so that the events on the `StatefulSet` are worth a look.
    #[must_use]
    pub fn needs_events(&self) -> bool {
        self.lacks_pods
    }

    /// The pod and the container whose last words belong to the sentence, if the service has failed for their end.
    #[must_use]
    pub fn needs_log(&self, now: Timestamp) -> Option<&(String, String)> {
        let verdict = self.verdict.as_ref()?;
        verdict.failed(now)?;
        verdict.log_of.as_ref()
    }
}

/// The readiness of a service, from its `StatefulSet` alone.
#[must_use]
pub fn readiness_of(stateful_set: &StatefulSet) -> Status {
    readiness::judge(stateful_set)
}
