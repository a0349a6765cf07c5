//! What Python hands over, as the core's own types.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

use super::connect::Call;
use super::errors::to_python;
use super::value;
use crate::names::{check_existing_name, check_namespace};
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

    /// A call to do something with the service.
    pub(super) fn call(&self, verb: &'static str, timeout: Duration) -> Call<'_> {
        Call {
            verb,
            namespace: &self.namespace,
            name: &self.name,
            timeout,
        }
    }

    pub(super) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref().filter(|cluster| !cluster.is_empty())
    }
}

/// A configuration as JSON.
pub(super) fn read(config: &Bound<'_, PyAny>) -> PyResult<Value> {
    value::read(config, "DataServiceConfig").map_err(to_python)
}

/// The settings of the platform, and where each comes from.
pub(super) fn read_platform(settings: Option<&Bound<'_, PyAny>>, sources: Option<Strings>) -> PyResult<Platform> {
    let Some(settings) = settings else {
        return Ok(Platform::default());
    };
    value::read(settings, "platform")
        .and_then(|settings| Platform::parse(&settings, sources.unwrap_or_default().into()))
        .map_err(to_python)
}

/// Sentences as one warning; `None` where there are none.
pub(super) fn joined(warnings: &[String]) -> Option<String> {
    (!warnings.is_empty()).then(|| warnings.join(" "))
}

/// A number of seconds as a duration.
pub(super) fn seconds(timeout: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(timeout).map_err(|_| {
        PyValueError::new_err(format!(
            "timeout is {timeout}, but must be a number of seconds, 0 or more"
        ))
    })
}
