//! What Python hands over, as the core's own types.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

use crate::errors::to_python;
use crate::execution::For;
use crate::value;
use k8sdataservice::client::Place;
use k8sdataservice::identity::owner::{Caller, Owner, RunObject};
use k8sdataservice::platform::Platform;

/// Labels or annotations.
pub(crate) type Strings = BTreeMap<String, String>;

/// Where a service is.
pub(crate) fn place(name: String, namespace: String, cluster: Option<String>) -> PyResult<Place> {
    Place::new(name, namespace, cluster).map_err(to_python)
}

/// The caller.
pub(crate) fn caller(
    owner: String,
    execution: For<'_>,
    labels: Option<Strings>,
    annotations: Option<Strings>,
) -> Caller {
    Caller {
        run: execution.run_object(),
        owner: Owner::new(owner, execution),
        labels,
        annotations,
    }
}

/// The same caller, which holds its service by a Lease for as long as this process lives, under this name for people.
pub(crate) fn held_by(caller: Caller, holder: Option<String>) -> Caller {
    let run = caller.run.clone().or(holder.map(RunObject::Process));
    Caller { run, ..caller }
}

/// A configuration as JSON.
pub(crate) fn read(config: &Bound<'_, PyAny>) -> PyResult<Value> {
    value::read(config, "DataServiceConfig").map_err(to_python)
}

/// The settings of the platform, and where each comes from.
pub(crate) fn read_platform(settings: Option<&Bound<'_, PyAny>>, sources: Option<Strings>) -> PyResult<Platform> {
    let Some(settings) = settings else {
        return Ok(Platform::default());
    };
    value::read(settings, "platform")
        .and_then(|settings| Platform::parse(&settings, sources.unwrap_or_default().into()))
        .map_err(to_python)
}

/// A number of seconds as a duration.
pub(crate) fn seconds(timeout: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(timeout).map_err(|_| {
        PyValueError::new_err(format!(
            "timeout is {timeout}, but must be a number of seconds, 0 or more"
        ))
    })
}
