//! Where the pods of a service are, as a frozen Python class.

use std::collections::BTreeMap;

use pyo3::prelude::*;

use k8sdataservice::lifecycle;

/// Where the pods of a service are.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Location {
    service: Option<String>,
    pods: Vec<String>,
    /// The address of each pod, and the ports at which it answers there.
    addresses: Vec<(String, BTreeMap<String, u16>)>,
    named_ports: BTreeMap<String, u16>,
    problem: Option<String>,
}

#[pymethods]
impl Location {
    fn __repr__(&self) -> String {
        format!("Location(service={:?}, pods={:?})", self.service, self.pods)
    }
}

impl From<lifecycle::Location> for Location {
    fn from(location: lifecycle::Location) -> Self {
        match location {
            lifecycle::Location::At { service, pods, ports } => Self {
                service: Some(service),
                pods: pods.iter().map(|pod| pod.name.clone()).collect(),
                addresses: pods.into_iter().map(|pod| (pod.address, pod.ports)).collect(),
                named_ports: ports,
                problem: None,
            },
            lifecycle::Location::Unknown(problem) => Self {
                service: None,
                pods: Vec::new(),
                addresses: Vec::new(),
                named_ports: BTreeMap::new(),
                problem: Some(problem),
            },
        }
    }
}
