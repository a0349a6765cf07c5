//! The answers of the client, as frozen Python classes.

use std::collections::BTreeMap;

use pyo3::prelude::*;

use k8sdataservice::client::{self, Answer};
use k8sdataservice::{lifecycle, status};

/// A service that exists.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Created {
    name: String,
    namespace: String,
    uid: Option<String>,
    existing: bool,
    shared_with: Option<String>,
    warning: Option<String>,
}

impl From<Answer<client::Created>> for Created {
    fn from(answer: Answer<client::Created>) -> Self {
        let created = answer.value;
        Self {
            name: created.name,
            namespace: created.namespace,
            existing: created.uid.is_none(),
            uid: created.uid,
            shared_with: created.shared_with,
            warning: answer.warning,
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
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct Status(status::Status);

impl Status {
    pub(crate) fn inner(&self) -> &status::Status {
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
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Pod {
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
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Endpoint {
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

/// The result of a deletion.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Deletion {
    outcome: &'static str,
    used_by: Vec<String>,
    warning: Option<String>,
}

impl From<Answer<lifecycle::Deletion>> for Deletion {
    fn from(answer: Answer<lifecycle::Deletion>) -> Self {
        let outcome = match &answer.value {
            lifecycle::Deletion::NothingThere => "NothingThere",
            lifecycle::Deletion::Gone => "Gone",
            lifecycle::Deletion::Terminating => "Terminating",
            lifecycle::Deletion::LeftAlone => "LeftAlone",
            lifecycle::Deletion::InUse(_) => "InUse",
        };
        let used_by = match answer.value {
            lifecycle::Deletion::InUse(runs) => runs,
            _ => Vec::new(),
        };
        Self {
            outcome,
            used_by,
            warning: answer.warning,
        }
    }
}

#[pymethods]
impl Deletion {
    fn __repr__(&self) -> String {
        format!("Deletion(outcome={:?})", self.outcome)
    }
}
