//! The answers of the client, as frozen Python classes.

use std::collections::BTreeMap;

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
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Status(status::Status);

impl Status {
    pub(super) fn inner(&self) -> &status::Status {
        &self.0
    }
}

impl From<status::Status> for Status {
    fn from(status: status::Status) -> Self {
        Self(status)
    }
}

#[pymethods]
impl Status {
    #[getter]
    fn phase(&self) -> &'static str {
        self.0.phase.as_str()
    }

    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason
    }

    #[getter]
    fn message(&self) -> &str {
        &self.0.message
    }

    #[getter]
    fn ready(&self) -> i32 {
        self.0.ready
    }

    #[getter]
    fn wanted(&self) -> Option<i32> {
        self.0.wanted
    }

    #[getter]
    fn pods(&self) -> Vec<Pod> {
        self.0.pods.iter().map(Pod::from).collect()
    }

    #[getter]
    fn endpoints(&self) -> Vec<Endpoint> {
        self.0.endpoints.iter().map(Endpoint::from).collect()
    }

    fn __repr__(&self) -> String {
        let Status(status) = self;
        format!(
            "Status(phase={:?}, reason={:?}, message={:?})",
            status.phase.as_str(),
            status.reason,
            status.message
        )
    }
}

/// A pod of a service.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Pod {
    name: String,
    container: String,
    created: Option<f64>,
}

impl From<&status::Pod> for Pod {
    fn from(pod: &status::Pod) -> Self {
        Self {
            name: pod.name.clone(),
            container: pod.container.clone(),
            created: pod.created.map(|created| created.as_duration().as_secs_f64()),
        }
    }
}

#[pymethods]
impl Pod {
    fn __repr__(&self) -> String {
        format!("Pod(name={:?})", self.name)
    }
}

/// Where a pod can be reached.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Endpoint {
    hostname: String,
    addresses: Vec<String>,
    ports: Vec<i32>,
    named_ports: BTreeMap<String, i32>,
}

impl From<&status::Endpoint> for Endpoint {
    fn from(endpoint: &status::Endpoint) -> Self {
        Self {
            hostname: endpoint.hostname.clone(),
            addresses: endpoint.addresses.clone(),
            ports: endpoint.ports.iter().map(|(_, port)| *port).collect(),
            named_ports: endpoint
                .ports
                .iter()
                .map(|(name, port)| (name.to_string(), *port))
                .collect(),
        }
    }
}

#[pymethods]
impl Endpoint {
    fn __repr__(&self) -> String {
        format!(
            "Endpoint(hostname={:?}, addresses={:?}, ports={:?})",
            self.hostname, self.addresses, self.ports
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
