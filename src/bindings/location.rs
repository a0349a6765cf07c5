//! Where the pods of a service are, as a frozen Python class, and the part of the client that finds it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;

use super::client::Client;
use super::convert::Place;
use crate::error::Result;
use crate::lifecycle;

/// Where the pods of a service are.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Location {
    service: Option<String>,
    pods: Vec<String>,
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
                pods,
                named_ports: ports,
                problem: None,
            },
            lifecycle::Location::Unknown(problem) => Self {
                service: None,
                pods: Vec::new(),
                named_ports: BTreeMap::new(),
                problem: Some(problem),
            },
        }
    }
}

impl Client {
    pub(super) fn locating(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Location>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, deadline) = place.call("get", timeout).connect(&clusters, place.cluster()).await?;
            let location = lifecycle::locate(&connection.api, &place.namespace, &place.name, deadline).await;
            Ok(location.map_err(|error| connection.explain(error))?.into())
        })
    }
}
