//! The client: create, update, get, wait and delete, each as an awaitable and as a sync twin.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::bridge::{block, is_at_home, spawn};
use super::connect::{Call, within};
use super::convert::{Place, Strings, joined, read, read_platform, seconds};
use super::errors::to_python;
use super::location::Location;
use super::plan::{Asked, Plan};
use super::request::{Request, Requester, Wanted};
use super::types::{Created, Deletion, Status};
use super::update::{Asking, Updated};
use crate::cache::Cache;
use crate::cluster::{Clusters, Connection};
use crate::error::{Error, Result};
use crate::fuse::fused_call;
use crate::lifecycle::{self, Deadline, Scope};
use crate::platform::Platform;
use crate::spec::explain_size;
use crate::status;

/// A client for data services. It connects at its first call, and keeps one connection pool per cluster.
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Client {
    pub(super) clusters: Arc<Clusters>,
    pub(super) cache: Arc<Cache>,
    pub(super) platform: Arc<Platform>,
    pub(super) timeout: Duration,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, timeout=2.5, platform=None, sources=None))]
    fn new(timeout: f64, platform: Option<&Bound<'_, PyAny>>, sources: Option<Strings>) -> PyResult<Self> {
        let platform = Arc::new(read_platform(platform, sources)?);
        Ok(Self {
            clusters: Arc::new(Clusters::new(Arc::clone(&platform))),
            cache: Arc::new(Cache::new(platform.grace_periods.clone())),
            platform,
            timeout: seconds(timeout)?,
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
            self.creating(config, namespace, owner, execution, labels, annotations)?,
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
            self.creating(config, namespace, owner, execution, labels, annotations)?,
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

/// What the methods and their twins have in common. Input is checked here, before anything is awaited.
impl Client {
    fn known(&self, name: &str, namespace: &str, cluster: Option<&str>, uid: Option<&str>) -> Option<Status> {
        let key = self.clusters.connected(cluster.filter(|cluster| !cluster.is_empty()))?;
        let answer = self.cache.look_up(&key, namespace, name, uid)?;
        answer.is_complete().then(|| Status::from(answer.status))
    }

    fn creating(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
    ) -> PyResult<impl Future<Output = Result<Created>> + Send + 'static> {
        let config = read(config)?;
        let requester = Requester {
            owner,
            execution,
            labels,
            annotations,
        };
        let request =
            fused_call(|| Request::read(&self.platform, &config, namespace, &requester)).map_err(to_python)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        let mut warnings = request.warnings;
        Ok(async move {
            let (mut spec, identity) = match request.wanted {
                Wanted::New(spec, identity) => (spec, identity),
                // Whether it is there, and how it does, is for `get` to say, which can say it in a phase.
                Wanted::Existing(name) => return Ok(Created::existing(name, request.namespace)),
            };
            let call = Call {
                verb: "create",
                namespace: &identity.namespace,
                name: &identity.name,
                timeout,
            };
            let (connection, deadline) = call.connect(&clusters, request.cluster.as_deref()).await?;
            call.choose_sidecars(&connection, &mut spec, deadline).await?;
            let created = lifecycle::create(&connection.api, &spec, &identity, deadline).await;
            let created = created.map_err(|error| connection.explain(explain_size(error, &config)))?;
            warnings.extend(connection.warning);
            Ok(Created::new(created, joined(&warnings)))
        })
    }

    fn getting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        let timeout = self.timeout;
        Ok(async move {
            let Place { name, namespace, .. } = &place;
            let (connection, deadline) = match place.call("get", timeout).connect(&clusters, place.cluster()).await {
                Ok(connected) => connected,
                // A get does not fail for what may pass.
                Err(error @ Error::Unavailable { .. }) => return Ok(status::Status::unknown(error.to_string()).into()),
                Err(error) => return Err(error),
            };
            let Connection { api, key, .. } = &connection;
            let status = cache.poll(key, api, namespace, name, uid.as_deref(), deadline).await;
            connection.explain_status(status).map(Status::from)
        })
    }

    fn waiting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        patience: f64,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let patience = seconds(patience)?;
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, _) = place.call("get", patience).connect(&clusters, place.cluster()).await?;
            let (connection, cache) = (&connection, &cache);
            let Connection { api, key, .. } = connection;
            let Place { name, namespace, .. } = &place;
            let look = || async move {
                let status = cache.poll(key, api, namespace, name, None, Deadline::after(timeout));
                connection.explain_status(status.await)
            };
            let status = lifecycle::wait(namespace, name, patience, look).await;
            status.map(Status::from)
        })
    }

    fn keeping(
        &self,
        name: String,
        namespace: String,
        owner: String,
        span: f64,
        cluster: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Option<f64>>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let span = seconds(span)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, deadline) = place.call("patch", timeout).connect(&clusters, place.cluster()).await?;
            let Place { name, namespace, .. } = &place;
            let until = lifecycle::keep(&connection.api, namespace, name, &owner, span, deadline).await;
            let until = until.map_err(|error| connection.explain(error))?;
            Ok(until.map(|until| until.as_duration().as_secs_f64()))
        })
    }

    fn deleting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        owner: Option<String>,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Deletion>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let timeout = timeout.map_or(Ok(self.timeout), seconds)?;
        let scope = owner.map_or(Scope::AnyOfOurs, Scope::OwnedBy);
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        Ok(async move {
            let (connection, deadline) = place
                .call("delete", timeout)
                .connect(&clusters, place.cluster())
                .await?;
            let outcome = lifecycle::delete(&connection.api, &place.namespace, &place.name, &scope, deadline).await;
            let outcome = outcome.map_err(|error| connection.explain(error))?;
            for uid in &outcome.deleted {
                cache.forget(&connection.key, &place.namespace, uid);
            }
            Ok(Deletion::new(&outcome.deletion, connection.warning))
        })
    }
}
