//! The same as `fake.rs` where there are no Unix sockets, and so no cluster in memory can be had.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// None can be started.
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct FakeCluster {}

#[pymethods]
impl FakeCluster {
    /// Fails.
    #[staticmethod]
    fn start() -> PyResult<Self> {
        Err(PyOSError::new_err(
            "this system has no Unix sockets, and so no fake cluster",
        ))
    }
}
