//! Functions that need no cluster.

use pyo3::prelude::*;
use pythonize::pythonize;

use crate::convert::{Strings, caller, read, read_platform};
use crate::errors::to_python;
use crate::execution::For;
use k8sdataservice::client;
use k8sdataservice::config::Target;
use k8sdataservice::identity::names;
use k8sdataservice::manifests::endpoints::Declared;
use k8sdataservice::panic::catch_panic_sync;

/// Checks a configuration.
#[pyfunction]
pub(crate) fn validate(config: &Bound<'_, PyAny>) -> PyResult<()> {
    let config = read(config)?;
    catch_panic_sync(|| Target::parse(&config)).map_err(to_python)?;
    Ok(())
}

/// The objects that would be made for a configuration.
#[pyfunction]
#[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, platform=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python function")]
pub(crate) fn manifests<'py>(
    py: Python<'py>,
    config: &Bound<'py, PyAny>,
    namespace: &str,
    owner: String,
    execution: For<'py>,
    labels: Option<Strings>,
    annotations: Option<Strings>,
    platform: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let client = client::Client::new(read_platform(platform, None)?);
    let caller = caller(owner, execution, labels, annotations);
    let request = client.prepare(read(config)?, namespace, &caller).map_err(to_python)?;
    let objects = request.objects();
    Ok(objects
        .iter()
        .map(|object| pythonize(py, object))
        .collect::<Result<_, _>>()?)
}

/// The part of a configuration that a consumer of the service needs: the number of pods, and their ports by name.
#[pyfunction]
pub(crate) fn declared<'py>(py: Python<'py>, config: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let config = read(config)?;
    match catch_panic_sync(|| Target::parse(&config)).map_err(to_python)? {
        Target::New(spec) => pythonize(py, &Declared::from(&spec)).map(Some).map_err(PyErr::from),
        Target::Existing(_) => Ok(None),
    }
}

/// The name of a service whose configuration gives none.
#[pyfunction]
#[pyo3(signature = (owner=None))]
pub(crate) fn generate_name(owner: Option<&str>) -> String {
    names::generate_name(owner)
}

/// The stable host names of the pods.
#[pyfunction]
pub(crate) fn hostnames(name: &str, replicas: u32) -> Vec<String> {
    k8sdataservice::manifests::endpoints::hostnames(name, replicas)
}

/// The endpoints of the pods as `host:port`.
#[pyfunction]
#[pyo3(signature = (name, replicas=1, port=40000, namespace=None))]
pub(crate) fn endpoints(name: &str, replicas: u32, port: u16, namespace: Option<&str>) -> Vec<String> {
    k8sdataservice::manifests::endpoints::endpoints(name, replicas, port, namespace)
}
