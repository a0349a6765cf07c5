//! The border to Python: the only place that knows `PyO3`.

mod bridge;
mod calls;
mod client;
mod conclude;
mod connect;
mod convert;
mod elsewhere;
mod ending;
mod errors;
mod functions;
mod location;
mod logging;
mod plan;
mod request;
mod types;
mod unanswered;
mod update;
mod value;

use pyo3::prelude::*;

/// The extension module `flytekitplugins_k8sdataservice._core`. Its documentation for users is in `_core.pyi`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::conclude::Conclusion;
    #[pymodule_export]
    use super::functions::{declared, endpoints, generate_name, hostnames, manifests, validate};
    #[pymodule_export]
    use super::location::Location;
    #[pymodule_export]
    use super::plan::{Plan, Problem};
    #[pymodule_export]
    use super::types::{Created, Deletion, Endpoint, Pod, Status};
    #[pymodule_export]
    use super::update::Updated;
}
