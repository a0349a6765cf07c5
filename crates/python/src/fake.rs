//! A cluster in memory, for tests.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use k8sdataservice::cluster::server_time::record_server_time;
use k8sdataservice::config::lifetime::Length;
use k8sdataservice_local::fake;
use k8sdataservice_local::script::Cause;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::value;

/// A cluster in memory whose pods are a script's, and whose time can be let pass at once.
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct FakeCluster {
    /// None once it has ended.
    running: Mutex<Option<fake::FakeCluster>>,
}

impl FakeCluster {
    fn lock(&self) -> MutexGuard<'_, Option<fake::FakeCluster>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, use_it: impl FnOnce(&fake::FakeCluster) -> T) -> PyResult<T> {
        let running = self.lock();
        let running = running
            .as_ref()
            .ok_or_else(|| PyOSError::new_err("the fake cluster has ended"))?;
        Ok(use_it(running))
    }
}

#[pymethods]
impl FakeCluster {
    /// Starts a cluster in which every pod becomes ready.
    #[staticmethod]
    fn start(py: Python<'_>) -> PyResult<Self> {
        let cluster = py.detach(fake::FakeCluster::start)?;
        Ok(Self {
            running: Mutex::new(Some(cluster)),
        })
    }

    /// The names of all causes.
    #[staticmethod]
    fn causes() -> Vec<&'static str> {
        Cause::names().collect()
    }

    /// A length of time, in seconds.
    #[staticmethod]
    fn seconds(duration: &Bound<'_, PyAny>) -> PyResult<f64> {
        Ok(length(duration)?.as_secs_f64())
    }

    #[getter]
    fn socket(&self) -> PyResult<PathBuf> {
        self.with(fake::FakeCluster::socket)
    }

    /// The time of the cluster, in seconds since 1970.
    #[getter]
    fn now(&self, py: Python<'_>) -> PyResult<f64> {
        py.detach(|| self.with(|cluster| since_1970(cluster.now())))
    }

    /// Gives a service a cause, at once or so long after the last one.
    #[pyo3(signature = (cause, service=None, after=None))]
    fn script(&self, cause: &str, service: Option<&str>, after: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(cause) = Cause::named(cause) else {
            return Err(PyValueError::new_err(format!(
                "{cause:?} is no cause of a fake cluster"
            )));
        };
        let after = after.map(length).transpose()?;
        self.with(|cluster| match after {
            Some(after) => cluster.script().then(service, cause, after),
            None => cluster.script().set(service, cause),
        })
    }

    /// Gives the containers of a service a log.
    #[pyo3(signature = (log, service=None))]
    fn log(&self, log: &str, service: Option<&str>) -> PyResult<()> {
        self.with(|cluster| cluster.script().set_log(service, log))
    }

    /// Lets time pass at once.
    fn advance(&self, py: Python<'_>, by: &Bound<'_, PyAny>) -> PyResult<()> {
        let by = length(by)?;
        py.detach(|| {
            self.with(|cluster| {
                cluster.advance(by);
                // What is known already is judged by the time that it is now, and no answer has brought that yet.
                record_server_time(cluster.now());
            })
        })
    }

    /// The kinds, namespaces and names of all objects but those that every cluster has.
    fn objects(&self) -> PyResult<Vec<(String, String, String)>> {
        self.with(fake::FakeCluster::objects)
    }

    /// What was reported on objects: the source, the namespace and the name of the object, the reason and the message.
    fn events(&self) -> PyResult<Vec<[String; 5]>> {
        self.with(fake::FakeCluster::events)
    }

    /// Removes an object at once.
    fn remove(&self, kind: &str, namespace: &str, name: &str) -> PyResult<()> {
        self.with(|cluster| cluster.remove(kind, namespace, name))
    }

    /// Ends the cluster. The time is that of this machine again.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            if let Some(cluster) = self.lock().take() {
                cluster.stop();
                record_server_time(Timestamp::now());
            }
        });
    }
}

fn length(given: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let value = value::read(given, "duration").map_err(crate::errors::to_python)?;
    let length = Length::parse(&value).map_err(|fault| PyValueError::new_err(format!("the duration {fault}")))?;
    Ok(length.duration())
}

#[expect(clippy::cast_precision_loss, reason = "a time has microseconds there")]
fn since_1970(time: Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}
