//! The client: create, update, get, wait, sleep, wake and delete, each as an awaitable and as a sync twin.

use k8sdataservice::client::{self, Cleanup};
use k8sdataservice::panic::catch_panic_sync;
use pyo3::prelude::*;

use crate::bridge::{block, look, spawn};
use crate::conclude::Conclusion;
use crate::convert::{Strings, caller, held_by, read, read_platform, seconds};
use crate::errors::to_python;
use crate::execution::For;
use crate::fork::{is_at_home, is_fork};
use crate::listed::Listing;
use crate::local::local;
use crate::location::Location;
use crate::logging;
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::reaped::Sweep;
use crate::slept::{Slept, Woken};
use crate::twins::twins;
use crate::types::{Created, Deletion, Status};
use crate::update::Updated;

/// A client for data services. It connects at its first call, and keeps one connection pool per cluster.
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct Client {
    pub(crate) core: client::Client,
}

twins! {
    Client

    #[signature (config, *, namespace, owner, execution, labels=None, annotations=None, holder=None)]
    fn create, create_sync(
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: For<'_>,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        holder: Option<String>,
    ) -> Created
    = |client, cleanup| {
        let caller = held_by(caller(owner, execution, labels, annotations), holder);
        client.creating(config, namespace, &caller, cleanup)
    };

    #[signature (config, *, namespace, owner, execution, labels=None, annotations=None, timeout=None)]
    fn plan, plan_sync(
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: For<'_>,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        timeout: Option<f64>,
    ) -> Plan
    = |client, _| client.planning(config, namespace, &caller(owner, execution, labels, annotations), timeout);

    #[signature (config, *, namespace, owner, execution, labels=None, annotations=None, adopt=false, timeout=None)]
    fn update, update_sync(
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: For<'_>,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        adopt: bool,
        timeout: Option<f64>,
    ) -> Updated
    = |client, _| client.updating(config, namespace, &caller(owner, execution, labels, annotations), adopt, timeout);

    #[signature (name, *, namespace, cluster=None, uid=None)]
    fn get, get_sync(name: String, namespace: String, cluster: Option<String>, uid: Option<String>) -> Status
    = |client, _| client.getting((name, namespace, cluster), uid);

    #[signature (name, *, namespace, cluster=None)]
    fn locate, locate_sync(name: String, namespace: String, cluster: Option<String>) -> Location
    = |client, _| client.locating((name, namespace, cluster));

    #[signature (name, *, namespace, cluster=None, timeout=600.0)]
    fn wait, wait_sync(name: String, namespace: String, cluster: Option<String>, timeout: f64) -> Status
    = |client, _| client.waiting((name, namespace, cluster), timeout);

    #[signature (name, *, namespace, candidates, cluster=None)]
    fn elsewhere, elsewhere_sync(
        name: String,
        namespace: String,
        candidates: Vec<String>,
        cluster: Option<String>,
    ) -> Vec<String>
    = |client, _| client.looking_elsewhere((name, namespace, cluster), candidates);

    #[signature (name, *, cluster=None)]
    fn everywhere, everywhere_sync(name: String, cluster: Option<String>) -> Vec<String>
    = |client, _| Ok::<_, PyErr>(client.looking_everywhere(name, cluster));

    #[signature (name, *, namespace, owner, seconds, cluster=None)]
    fn keep, keep_sync(
        name: String,
        namespace: String,
        owner: String,
        seconds: f64,
        cluster: Option<String>,
    ) -> Option<f64>
    = |client, _| client.keeping((name, namespace, cluster), owner, seconds);

    #[signature (status, name, *, namespace, cluster=None, uid=None, owner=None, existing=false, keep=None, timeout=None)]
    fn conclude, conclude_sync(
        status: &Status,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
        owner: Option<String>,
        existing: bool,
        keep: Option<f64>,
        timeout: Option<f64>,
    ) -> Conclusion
    = |client, _| client.concluding(status, (name, namespace, cluster), uid, owner, existing, keep, timeout);

    #[signature (name, *, namespace, cluster=None, owner=None, force=false, timeout=None)]
    fn delete, delete_sync(
        name: String,
        namespace: String,
        cluster: Option<String>,
        owner: Option<String>,
        force: bool,
        timeout: Option<f64>,
    ) -> Deletion
    = |client, _| client.deleting((name, namespace, cluster), owner, force, timeout);

    #[signature (name, *, namespace, owner, holder, cluster=None, timeout=None)]
    fn hold, hold_sync(
        name: String,
        namespace: String,
        owner: String,
        holder: String,
        cluster: Option<String>,
        timeout: Option<f64>,
    ) -> Option<String>
    = |client, _| client.holding((name, namespace, cluster), owner, holder, timeout);

    #[signature (name, *, namespace, owner, cluster=None, timeout=None)]
    fn leave, leave_sync(
        name: String,
        namespace: String,
        owner: String,
        cluster: Option<String>,
        timeout: Option<f64>,
    ) -> Option<String>
    = |client, _| client.leaving((name, namespace, cluster), owner, timeout);

    #[signature (*, namespace=None, cluster=None, selector=None, timeout=60.0)]
    fn list, list_sync(
        namespace: Option<String>,
        cluster: Option<String>,
        selector: Option<String>,
        timeout: f64,
    ) -> Listing
    = |client, _| client.listing(namespace, cluster, selector, timeout);

    #[signature (*, namespace=None, cluster=None, timeout=60.0)]
    fn receipts, receipts_sync(namespace: Option<String>, cluster: Option<String>, timeout: f64) -> Vec<String>
    = |client, _| client.receipts_of(namespace, cluster, timeout);

    #[signature (*, namespace, cluster=None, dry_run=false, timeout=60.0)]
    fn reap, reap_sync(namespace: String, cluster: Option<String>, dry_run: bool, timeout: f64) -> Sweep
    = |client, _| client.reaping(namespace, cluster, dry_run, timeout);

    #[signature (name, *, namespace, cluster=None, force=false, timeout=None)]
    fn sleep, sleep_sync(
        name: String,
        namespace: String,
        cluster: Option<String>,
        force: bool,
        timeout: Option<f64>,
    ) -> Slept
    = |client, _| client.putting_to_sleep((name, namespace, cluster), force, timeout);

    #[signature (name, *, namespace, cluster=None, timeout=None)]
    fn wake, wake_sync(name: String, namespace: String, cluster: Option<String>, timeout: Option<f64>) -> Woken
    = |client, _| client.waking((name, namespace, cluster), timeout);

    #[written_out]
    {
        #[new]
        #[pyo3(signature = (*, timeout=None, platform=None, sources=None))]
        fn new(
            py: Python<'_>,
            timeout: Option<f64>,
            platform: Option<&Bound<'_, PyAny>>,
            sources: Option<Strings>,
        ) -> PyResult<Self> {
            let core = client::Client::new(read_platform(platform, sources)?);
            let core = match local(py)? {
                Some(local) => core.with_local(local),
                None => core,
            };
            Ok(Self {
                core: match timeout {
                    Some(timeout) => core.with_timeout(seconds(timeout)?),
                    None => core,
                },
            })
        }

        #[pyo3(signature = (cluster=None, *, exact=false))]
        fn connect_sync(&self, py: Python<'_>, cluster: Option<String>, exact: bool) -> PyResult<Option<String>> {
            let client = self.core.clone();
            block(py, async move { client.connect(cluster.as_deref(), exact).await })
        }

        #[pyo3(signature = (config, *, namespace, owner, execution, labels=None, annotations=None))]
        fn render(
            &self,
            config: &Bound<'_, PyAny>,
            namespace: &str,
            owner: String,
            execution: For<'_>,
            labels: Option<Strings>,
            annotations: Option<Strings>,
        ) -> PyResult<Plan> {
            let caller = caller(owner, execution, labels, annotations);
            let plan = self.core.prepare_plan(read(config)?, namespace, &caller);
            plan.and_then(|plan| self.core.render(plan)).map(Plan::from).map_err(to_python)
        }

        fn metrics(&self, py: Python<'_>) -> PyResult<Option<Metrics>> {
            // A fork has the numbers of its parent, and none of its watches.
            if is_fork() {
                return Ok(None);
            }
            look(py, || Ok(self.core.metrics())).map(Metrics::from).map(Some)
        }

        #[pyo3(signature = (name, *, namespace, cluster=None, uid=None))]
        fn get_known(
            &self,
            py: Python<'_>,
            name: &str,
            namespace: &str,
            cluster: Option<&str>,
            uid: Option<&str>,
        ) -> PyResult<Option<Status>> {
            // The watches of the parent process do not run in a forked child.
            if !is_at_home() {
                return Ok(None);
            }
            logging::refresh(py);
            let known = catch_panic_sync(|| Ok(self.core.known(name, namespace, cluster, uid)));
            Ok(known.map_err(to_python)?.map(Status::from))
        }
    }
}
