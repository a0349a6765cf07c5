//! The border to Python: it converts, awaits and maps errors, and decides nothing.

mod bridge;
mod calls;
mod client;
mod conclude;
mod convert;
mod errors;
mod execution;
#[cfg_attr(not(unix), path = "no_fake.rs")]
mod fake;
mod fork;
mod functions;
mod listed;
#[cfg_attr(not(unix), path = "no_local.rs")]
mod local;
mod location;
mod logging;
mod metrics;
mod plan;
mod reaped;
mod shutdown;
mod slept;
mod twins;
mod types;
mod update;
mod value;

use pyo3::prelude::*;

/// The extension module `k8sdataservice._core`. Its documentation for users is in `_core.pyi`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::conclude::Conclusion;
    #[pymodule_export]
    use crate::execution::Execution;
    #[pymodule_export]
    use crate::fake::FakeCluster;
    #[pymodule_export]
    use crate::functions::{declared, endpoints, generate_name, hostnames, manifests, validate};
    #[pymodule_export]
    use crate::listed::{Listed, Listing};
    #[pymodule_export]
    use crate::local::{local_cluster, stop_local_cluster};
    #[pymodule_export]
    use crate::location::Location;
    #[pymodule_export]
    use crate::metrics::{Metrics, NamespaceMetrics, WatchMetrics};
    #[pymodule_export]
    use crate::plan::{Plan, Problem};
    #[pymodule_export]
    use crate::reaped::{Reaped, Sweep};
    #[pymodule_export]
    use crate::slept::{Slept, Woken};
    #[pymodule_export]
    use crate::types::{Created, Deletion, Endpoint, Pod, Status};
    #[pymodule_export]
    use crate::update::Updated;
}
