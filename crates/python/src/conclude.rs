//! The end of a failed service, as a frozen Python class.

use k8sdataservice::lifecycle;
use pyo3::prelude::*;

use crate::types::Status;

/// The end of a failed service.
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct Conclusion(lifecycle::Conclusion);

#[pymethods]
impl Conclusion {
    #[getter]
    fn status(&self) -> Status {
        Status::from(self.0.status.clone())
    }

    #[getter]
    fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    fn __repr__(&self) -> String {
        let status = &self.0.status;
        format!(
            "Conclusion(phase={:?}, reason={:?})",
            status.phase.as_str(),
            status.reason
        )
    }
}

impl From<lifecycle::Conclusion> for Conclusion {
    fn from(conclusion: lifecycle::Conclusion) -> Self {
        Self(conclusion)
    }
}
