//! What the state of the objects means: a phase, a reason and a sentence. Pure.

mod readiness;

pub use readiness::judge;

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Kubernetes has not begun to bring it up, as far as is known.
    Pending,
    /// Its pods are coming up.
    Initializing,
    /// Every replica is ready.
    Ready,
    /// It will not become ready.
    Failed,
}

impl Phase {
    /// The phase's name, as Python sees it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Initializing => "Initializing",
            Self::Ready => "Ready",
            Self::Failed => "Failed",
        }
    }
}

/// The state of a service at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub phase: Phase,
    /// A stable `CamelCase` code for the state.
    pub reason: &'static str,
    /// One or two sentences for the person who waits.
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
                "StatefulSet {name} does not exist in namespace {namespace}: it was deleted, or never made there. Run the task \
                 again to make it, or correct the name or the namespace."
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
                "StatefulSet {name} in namespace {namespace} was deleted, and another one of that name has been made since. Run \
                 the task again, or give each of the two a Name of its own."
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
