//! Functions that need no cluster.

use pyo3::prelude::*;
use pythonize::pythonize;

use super::convert::{Strings, read, read_platform};
use super::errors::to_python;
use super::request::{Request, Requester, Wanted};
use crate::endpoints::Declared;
use crate::fuse::fused_call;
use crate::manifests::{network_policy, pod_disruption_budget, service, stateful_set};
use crate::names;
use crate::spec::Target;

/// Checks a configuration.
#[pyfunction]
pub(super) fn validate(config: &Bound<'_, PyAny>) -> PyResult<()> {
    let config = read(config)?;
    fused_call(|| Target::parse(&config)).map_err(to_python)?;
    Ok(())
}

/// The objects that would be made for a configuration.
#[pyfunction]
#[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, platform=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python function")]
pub(super) fn manifests<'py>(
    py: Python<'py>,
    config: &Bound<'py, PyAny>,
    namespace: &str,
    owner: String,
    execution: String,
    labels: Option<Strings>,
    annotations: Option<Strings>,
    platform: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let config = read(config)?;
    let platform = read_platform(platform, None)?;
    let requester = Requester {
        owner,
        execution,
        labels,
        annotations,
    };
    let made = fused_call(|| {
        let Wanted::New(spec, identity) = Request::read(&platform, &config, namespace, &requester)?.wanted else {
            return Ok(None);
        };
        Ok(Some((
            stateful_set(&spec, &identity),
            service(&spec, &identity, None),
            pod_disruption_budget(&spec, &identity, None),
            network_policy(&spec, &identity, None),
        )))
    });
    let Some((stateful_set, service, budget, policy)) = made.map_err(to_python)? else {
        return Ok(Vec::new());
    };
    let budget = budget.map(|budget| pythonize(py, &budget)).transpose()?;
    let policy = policy.map(|policy| pythonize(py, &policy)).transpose()?;
    let always = [pythonize(py, &stateful_set)?, pythonize(py, &service)?];
    Ok(always.into_iter().chain(budget).chain(policy).collect())
}

/// What a configuration says that a consumer of the service needs: how many pods, and their ports by name.
#[pyfunction]
pub(super) fn declared<'py>(py: Python<'py>, config: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let config = read(config)?;
    match fused_call(|| Target::parse(&config)).map_err(to_python)? {
        Target::New(spec) => pythonize(py, &Declared::from(&spec)).map(Some).map_err(PyErr::from),
        Target::Existing(_) => Ok(None),
    }
}

/// The name of a service whose configuration gives none.
#[pyfunction]
#[pyo3(signature = (owner=None))]
pub(super) fn generate_name(owner: Option<&str>) -> String {
    names::generate_name(owner)
}

/// The stable host names of the pods.
#[pyfunction]
pub(super) fn hostnames(name: &str, replicas: u32) -> Vec<String> {
    crate::endpoints::hostnames(name, replicas)
}

/// The endpoints of the pods as `host:port`.
#[pyfunction]
#[pyo3(signature = (name, replicas=1, port=40000, namespace=None))]
pub(super) fn endpoints(name: &str, replicas: u32, port: u16, namespace: Option<&str>) -> Vec<String> {
    crate::endpoints::endpoints(name, replicas, port, namespace)
}
