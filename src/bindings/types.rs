//! The answers of the client, as frozen Python classes.

use pyo3::prelude::*;

use crate::{lifecycle, status};

/// A service that is there.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Created {
    name: String,
    namespace: String,
    uid: Option<String>,
    existing: bool,
    shared_with: Option<String>,
    warning: Option<String>,
}

impl Created {
    pub(super) fn new(created: lifecycle::Created, warning: Option<String>) -> Self {
        Self {
            name: created.name,
            namespace: created.namespace,
            uid: Some(created.uid),
            existing: false,
            shared_with: created.shared_with,
            warning,
        }
    }

    pub(super) fn existing(name: String, namespace: String) -> Self {
        Self {
            name,
            namespace,
            uid: None,
            existing: true,
            shared_with: None,
            warning: None,
        }
    }
}

#[pymethods]
impl Created {
    fn __repr__(&self) -> String {
        format!("Created(name={:?}, namespace={:?})", self.name, self.namespace)
    }
}

/// The state of a service at one moment.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Status {
    phase: &'static str,
    reason: &'static str,
    message: String,
    ready: i32,
    wanted: Option<i32>,
}

impl From<status::Status> for Status {
    fn from(status: status::Status) -> Self {
        Self {
            phase: status.phase.as_str(),
            reason: status.reason,
            message: status.message,
            ready: status.ready,
            wanted: status.wanted,
        }
    }
}

#[pymethods]
impl Status {
    fn __repr__(&self) -> String {
        format!(
            "Status(phase={:?}, reason={:?}, message={:?})",
            self.phase, self.reason, self.message
        )
    }
}

/// What became of a deletion.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Deletion {
    outcome: &'static str,
    warning: Option<String>,
}

impl Deletion {
    pub(super) fn new(deletion: &lifecycle::Deletion, warning: Option<String>) -> Self {
        let outcome = match deletion {
            lifecycle::Deletion::NothingThere => "NothingThere",
            lifecycle::Deletion::Gone => "Gone",
            lifecycle::Deletion::Terminating => "Terminating",
            lifecycle::Deletion::LeftAlone => "LeftAlone",
        };
        Self { outcome, warning }
    }
}

#[pymethods]
impl Deletion {
    fn __repr__(&self) -> String {
        format!("Deletion(outcome={:?})", self.outcome)
    }
}
