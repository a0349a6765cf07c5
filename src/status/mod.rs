//! Derives the status of a service from its objects: a phase, a reason and a sentence. Pure.

mod assessment;
pub mod diagnosis;
mod facts;
mod min_ready;
mod origins;
mod pod_details;
mod readiness;
mod reason;
mod times;

pub use assessment::{Assessment, Evidence, Involved};
pub(crate) use facts::REVISION_LABEL;
pub(crate) use facts::ordinal;
pub use facts::{ContainerFacts, Ended, EventFacts, Host, PodFacts, SERVICE_NAME_LABEL, SliceFacts, StatefulSetFacts};
pub(crate) use origins::is_as_of_a_field;
pub use pod_details::Gate;
pub(crate) use readiness::is_observed;
pub use reason::Reason;
pub use times::{PodTimes, Runs};

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Kubernetes has not begun to bring it up, as far as is known.
    Pending,
    /// Its pods wait for room on a node, or for permission.
    WaitingForResources,
    /// Its pods are coming up.
    Initializing,
    /// It has no pods until somebody wakes it.
    Asleep,
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
            Self::Asleep => "Asleep",
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

    /// Whether the service has failed, for good or for this attempt.
    #[must_use]
    pub fn has_failed(self) -> bool {
        matches!(self, Self::Failed | Self::RetryableFailed)
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
    /// Its pods, as far as they are known.
    pub pods: Arc<[Pod]>,
    /// Where its pods can be reached, as far as that is known.
    pub endpoints: Arc<[Endpoint]>,
}

/// A pod of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its first container.
    pub container: String,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// Where a pod can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The pod's stable host name, such as `foo-0.foo`.
    pub hostname: String,
    /// The addresses that it resolves to at the moment.
    pub addresses: Vec<String>,
    /// The ports of the Service, with their names; the main port has the service's name, unless it was given another.
    pub ports: Arc<[(Box<str>, i32)]>,
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
            pods: Arc::default(),
            endpoints: Arc::default(),
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
            pods: Arc::default(),
            endpoints: Arc::default(),
        }
    }

    /// Says until when the service is kept after its failure.
    #[must_use]
    pub fn kept_until(mut self, until: Timestamp) -> Self {
        let until = until.strftime("%H:%M:%S UTC");
        let sentence =
            format!("\nIt is kept for inspection until {until}, or until a new service of its name is made.");
        self.message.push_str(&sentence);
        self
    }

    /// The state of a service that has failed and recovered, and is deleted all the same.
    #[must_use]
    pub(crate) fn failed_before(self, until: Timestamp) -> Self {
        let failed = Self {
            phase: Phase::Failed,
            reason: "FailedBefore",
            message: format!("The service has failed before. {} Run the task again.", self.message),
            ..self
        };
        failed.kept_until(until)
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
            pods: Arc::default(),
            endpoints: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests;
