//! The client: create, update, get, wait and delete, each as an awaitable and as a sync twin.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::bridge::{block, is_at_home, spawn};
use super::conclude::{self, Conclusion};
use super::connect::within;
use super::convert::{Strings, read_platform, seconds};
use super::errors::to_python;
use super::location::Location;
use super::plan::{Asked, Plan};
use super::types::{Created, Deletion, Status};
use super::update::{Asking, Updated};
use crate::cache::Cache;
use crate::cluster::Clusters;
use crate::error::Error;
use crate::fuse::fused_call;
use crate::platform::Platform;

/// How long a call may try, since Flyte waits 3 s for an answer.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// A client for data services. It connects at its first call, and keeps one connection pool per cluster.
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Client {
    pub(super) clusters: Arc<Clusters>,
    pub(super) cache: Arc<Cache>,
    pub(super) platform: Arc<Platform>,
    pub(super) timeout: Duration,
    pub(super) create_timeout: Duration,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, timeout=None, platform=None, sources=None))]
    fn new(timeout: Option<f64>, platform: Option<&Bound<'_, PyAny>>, sources: Option<Strings>) -> PyResult<Self> {
        let platform = Arc::new(read_platform(platform, sources)?);
        let timeout = timeout.map(seconds).transpose()?;
        Ok(Self {
            clusters: Arc::new(Clusters::new(Arc::clone(&platform))),
            cache: Arc::new(Cache::new(platform.grace_periods.clone())),
            create_timeout: timeout.unwrap_or(platform.create_timeout),
            platform,
            timeout: timeout.unwrap_or(TIMEOUT),
        })
    }

    #[pyo3(signature = (cluster=None, *, exact=false))]
    fn connect_sync(&self, py: Python<'_>, cluster: Option<String>, exact: bool) -> PyResult<Option<String>> {
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        block(py, async move {
            let connect = async {
                match cluster.as_deref() {
                    Some(cluster) if exact => clusters.connect_exactly(cluster).await,
                    cluster => clusters.connect(cluster).await,
                }
            };
            let connection = within(timeout, "get", "", "", connect).await;
            let connection = connection.map_err(|error| match error {
                Error::Unavailable { seconds, cause, .. } => Error::Cluster {
                    problem: format!("No cluster was connected to within {seconds:.1} s: {cause}"),
                },
                other => other,
            });
            Ok(connection?.warning)
        })
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn create<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyAny>,
        namespace: &str,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(
            py,
            self.creating(config, namespace, owner, execution, labels, annotations, false)?,
        )
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn create_sync(
        &self,
        py: Python<'_>,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
    ) -> PyResult<Created> {
        block(
            py,
            self.creating(config, namespace, owner, execution, labels, annotations, true)?,
        )
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = Asked::new(config, namespace, owner, execution, labels, annotations, timeout)?;
        spawn(py, self.planning(asked)?)
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn plan_sync(
        &self,
        py: Python<'_>,
        config: &Bound<'_, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        timeout: Option<f64>,
    ) -> PyResult<Plan> {
        let asked = Asked::new(config, namespace, owner, execution, labels, annotations, timeout)?;
        block(py, self.planning(asked)?)
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None))]
    fn sketch(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
    ) -> PyResult<Plan> {
        self.sketched(Asked::new(
            config,
            namespace,
            owner,
            execution,
            labels,
            annotations,
            None,
        )?)
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, adopt=false, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn update<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        adopt: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asking = Asking {
            namespace,
            owner,
            execution,
            labels,
            annotations,
            adopt,
            timeout,
        };
        spawn(py, self.updating(config, asking)?)
    }

    #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None, adopt=false, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn update_sync(
        &self,
        py: Python<'_>,
        config: &Bound<'_, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        adopt: bool,
        timeout: Option<f64>,
    ) -> PyResult<Updated> {
        let asking = Asking {
            namespace,
            owner,
            execution,
            labels,
            annotations,
            adopt,
            timeout,
        };
        block(py, self.updating(config, asking)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, uid=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.getting(name, namespace, cluster, uid)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, uid=None))]
    fn get_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
    ) -> PyResult<Status> {
        block(py, self.getting(name, namespace, cluster, uid)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, uid=None))]
    fn get_known(
        &self,
        name: &str,
        namespace: &str,
        cluster: Option<&str>,
        uid: Option<&str>,
    ) -> PyResult<Option<Status>> {
        // The watches of the process that this one was forked from tell nothing here.
        if !is_at_home() {
            return Ok(None);
        }
        fused_call(|| Ok(self.known(name, namespace, cluster, uid))).map_err(to_python)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None))]
    fn locate<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        cluster: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.locating(name, namespace, cluster)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None))]
    fn locate_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        cluster: Option<String>,
    ) -> PyResult<Location> {
        block(py, self.locating(name, namespace, cluster)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, timeout=600.0))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        timeout: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.waiting(name, namespace, cluster, timeout)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, timeout=600.0))]
    fn wait_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        timeout: f64,
    ) -> PyResult<Status> {
        block(py, self.waiting(name, namespace, cluster, timeout)?)
    }

    #[pyo3(signature = (name, *, namespace, candidates, cluster=None))]
    fn elsewhere<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        candidates: Vec<String>,
        cluster: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.looking_elsewhere(name, namespace, candidates, cluster)?)
    }

    #[pyo3(signature = (name, *, namespace, candidates, cluster=None))]
    fn elsewhere_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        candidates: Vec<String>,
        cluster: Option<String>,
    ) -> PyResult<Vec<String>> {
        block(py, self.looking_elsewhere(name, namespace, candidates, cluster)?)
    }

    #[pyo3(signature = (name, *, namespace, owner, seconds, cluster=None))]
    fn keep<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        owner: String,
        seconds: f64,
        cluster: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.keeping(name, namespace, owner, seconds, cluster)?)
    }

    #[pyo3(signature = (name, *, namespace, owner, seconds, cluster=None))]
    fn keep_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        owner: String,
        seconds: f64,
        cluster: Option<String>,
    ) -> PyResult<Option<f64>> {
        block(py, self.keeping(name, namespace, owner, seconds, cluster)?)
    }

    #[pyo3(signature = (status, name, *, namespace, cluster=None, uid=None, owner=None, existing=false, keep=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn conclude<'py>(
        &self,
        py: Python<'py>,
        status: &Status,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
        owner: Option<String>,
        existing: bool,
        keep: Option<f64>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = conclude::Asked {
            name,
            namespace,
            cluster,
            uid,
            owner,
            existing,
            keep,
            timeout,
        };
        spawn(py, self.concluding(status, asked)?)
    }

    #[pyo3(signature = (status, name, *, namespace, cluster=None, uid=None, owner=None, existing=false, keep=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    fn conclude_sync(
        &self,
        py: Python<'_>,
        status: &Status,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
        owner: Option<String>,
        existing: bool,
        keep: Option<f64>,
        timeout: Option<f64>,
    ) -> PyResult<Conclusion> {
        let asked = conclude::Asked {
            name,
            namespace,
            cluster,
            uid,
            owner,
            existing,
            keep,
            timeout,
        };
        block(py, self.concluding(status, asked)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, owner=None, timeout=None))]
    fn delete<'py>(
        &self,
        py: Python<'py>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        owner: Option<String>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        spawn(py, self.deleting(name, namespace, cluster, owner, timeout)?)
    }

    #[pyo3(signature = (name, *, namespace, cluster=None, owner=None, timeout=None))]
    fn delete_sync(
        &self,
        py: Python<'_>,
        name: String,
        namespace: String,
        cluster: Option<String>,
        owner: Option<String>,
        timeout: Option<f64>,
    ) -> PyResult<Deletion> {
        block(py, self.deleting(name, namespace, cluster, owner, timeout)?)
    }
}
