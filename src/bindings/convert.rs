//! What Python hands over, as the core's own types.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

use super::errors::to_python;
use super::value;
use crate::names::{check_existing_name, check_namespace, generate_name};
use crate::ownership::{Identity, Owner};
use crate::platform::Platform;

/// Labels or annotations.
pub(super) type Strings = BTreeMap<String, String>;

/// Where a service is.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) namespace: String,
    cluster: Option<String>,
}

impl Place {
    pub(super) fn new(name: String, namespace: String, cluster: Option<String>) -> PyResult<Self> {
        check_existing_name("name", &name)
            .and_then(|()| check_namespace(&namespace))
            .map_err(to_python)?;
        Ok(Self {
            name,
            namespace,
            cluster,
        })
    }

    pub(super) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref().filter(|cluster| !cluster.is_empty())
    }
}

/// A configuration as JSON.
pub(super) fn read(config: &Bound<'_, PyAny>) -> PyResult<Value> {
    value::read(config, "DataServiceConfig").map_err(to_python)
}

/// The settings of the platform.
pub(super) fn read_platform(settings: &Bound<'_, PyAny>) -> PyResult<Platform> {
    value::read(settings, "platform")
        .and_then(|settings| Platform::parse(&settings))
        .map_err(to_python)
}

/// The identity of a service; without a name, its name is made from its owner.
pub(super) fn identity(
    name: Option<String>,
    namespace: String,
    owner: String,
    execution: String,
    labels: Option<Strings>,
    annotations: Option<Strings>,
) -> Identity {
    Identity {
        name: name.unwrap_or_else(|| generate_name(Some(&owner))),
        namespace,
        owner: Owner {
            id: owner,
            description: execution,
        },
        labels: labels.unwrap_or_default(),
        annotations: annotations.unwrap_or_default(),
    }
}

/// A number of seconds as a duration.
pub(super) fn seconds(timeout: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(timeout).map_err(|_| {
        PyValueError::new_err(format!(
            "timeout is {timeout}, but must be a number of seconds, 0 or more"
        ))
    })
}
