//! The same as `local.rs` where processes have no groups, and so no local cluster can be had.

use std::path::PathBuf;
use std::sync::Arc;

use k8sdataservice::cluster::LocalClusters;
use pyo3::prelude::*;

/// None.
pub(crate) fn local(_: Python<'_>) -> PyResult<Option<Arc<dyn LocalClusters>>> {
    Ok(None)
}

/// Does nothing.
pub(crate) fn stop() {}

/// Does nothing.
#[pyfunction]
pub(crate) fn stop_local_cluster() {}

/// None.
#[pyfunction]
pub(crate) fn local_cluster() -> Option<PathBuf> {
    None
}
