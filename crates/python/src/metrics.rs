//! The metrics of the process, as frozen Python classes.

use std::collections::BTreeMap;
use std::time::Duration;

use k8sdataservice::client;
use k8sdataservice::metrics::Labeled;
use k8sdataservice::watch::WatchState;
use pyo3::prelude::*;

type Counts = BTreeMap<&'static str, u64>;

/// The counts of a process, and the services that its watches have reported.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Metrics {
    creates: Counts,
    failures: Counts,
    polls: Counts,
    reaped: Counts,
    ready_buckets: Vec<(f64, u64)>,
    ready_count: u64,
    ready_sum: f64,
    namespaces: Vec<NamespaceMetrics>,
    watches: Vec<WatchMetrics>,
}

/// The services of a namespace that is watched.
#[pyclass(frozen, get_all, skip_from_py_object, module = "k8sdataservice._core")]
#[derive(Clone)]
pub(crate) struct NamespaceMetrics {
    cluster: String,
    namespace: String,
    services: Option<Counts>,
    held: u64,
    holders: u64,
    leader: Option<bool>,
}

/// A watch.
#[pyclass(frozen, get_all, skip_from_py_object, module = "k8sdataservice._core")]
#[derive(Clone)]
pub(crate) struct WatchMetrics {
    cluster: String,
    namespace: String,
    kind: &'static str,
    age: Option<f64>,
    connected: bool,
}

fn counts(labeled: Labeled) -> Counts {
    labeled.into_iter().collect()
}

impl WatchMetrics {
    fn new(cluster: &str, namespace: &str, state: &WatchState) -> Self {
        Self {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            kind: state.kind,
            age: state.age.as_ref().map(Duration::as_secs_f64),
            connected: state.is_connected,
        }
    }
}

impl From<client::Metrics> for Metrics {
    fn from(metrics: client::Metrics) -> Self {
        let counted = metrics.counts;
        let (mut namespaces, mut watches) = (Vec::new(), Vec::new());
        for namespace in metrics.namespaces {
            let (held, cluster) = (namespace.watched, namespace.cluster);
            let states = held.watches.iter();
            watches.extend(states.map(|state| WatchMetrics::new(&cluster, &held.namespace, state)));
            let services = held.services;
            namespaces.push(NamespaceMetrics {
                cluster,
                namespace: held.namespace,
                held: services.as_ref().map_or(0, |services| services.held),
                holders: services.as_ref().map_or(0, |services| services.holders),
                services: services.map(|services| services.phases().collect()),
                leader: namespace.is_leader,
            });
        }
        let runs = metrics.runs.iter();
        watches.extend(runs.map(|(cluster, state)| WatchMetrics::new(cluster, "", state)));
        Self {
            creates: counts(counted.creates),
            failures: counts(counted.failures),
            polls: counts(counted.polls),
            reaped: counts(counted.reaped),
            ready_buckets: counted.ready.buckets,
            ready_count: counted.ready.count,
            ready_sum: counted.ready.sum,
            namespaces,
            watches,
        }
    }
}

#[pymethods]
impl Metrics {
    fn __repr__(&self) -> String {
        format!("Metrics(namespaces={})", self.namespaces.len())
    }
}
