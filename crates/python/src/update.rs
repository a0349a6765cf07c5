//! The result of an update, as a frozen Python class.

use k8sdataservice::client::Answer;
use k8sdataservice::lifecycle;
use pyo3::prelude::*;

/// The result of an update.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Updated {
    name: String,
    namespace: String,
    uid: String,
    changes: Vec<String>,
    adopted_from: Option<String>,
    message: String,
    warning: Option<String>,
}

#[pymethods]
impl Updated {
    fn __repr__(&self) -> String {
        format!(
            "Updated(name={:?}, namespace={:?}, changes={:?})",
            self.name, self.namespace, self.changes
        )
    }
}

impl From<Answer<lifecycle::Updated>> for Updated {
    fn from(answer: Answer<lifecycle::Updated>) -> Self {
        let (updated, warning) = (answer.value, answer.warning);
        Self {
            message: updated.to_string(),
            name: updated.name,
            namespace: updated.namespace,
            uid: updated.uid,
            changes: updated.changes,
            adopted_from: updated.adopted_from,
            warning,
        }
    }
}
