//! The metrics of this process: what it has counted, and what its watches hold in memory.

use std::collections::BTreeMap;

use super::service::Client;
use crate::metrics::{Counts, counts};
use crate::watch::{WatchState, Watched};

/// The metrics at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// The counts of this process, of all its clients.
    pub counts: Counts,
    /// The namespaces that this client watches.
    pub namespaces: Vec<NamespaceMetrics>,
    /// The watches over runs, by the name of the cluster.
    pub runs: BTreeMap<String, WatchState>,
}

/// The metrics of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceMetrics {
    /// The name of the cluster.
    pub cluster: String,
    /// The services that the watches of the namespace have reported.
    pub watched: Watched,
    /// Whether this process ends the services of the namespace, where several take turns; `None` where they do not.
    pub is_leader: Option<bool>,
}

impl Client {
    /// Takes the metrics from memory: nothing is sent, and no watch goes on for longer because of it.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let namespaces = self.cache.census().into_iter().map(|watched| NamespaceMetrics {
            cluster: watched.cluster.to_string(),
            is_leader: self.expiry.is_leader(&watched.cluster, &watched.namespace),
            watched,
        });
        let mut runs = BTreeMap::new();
        for (cluster, state) in self.expiry.watched_runs() {
            // Where a kubeconfig has changed, the watch with the earlier one goes on for a while.
            let known: &mut WatchState = runs.entry(cluster.to_string()).or_insert_with(|| state.clone());
            if state.is_connected {
                *known = state;
            }
        }
        Metrics {
            counts: counts(),
            namespaces: namespaces.collect(),
            runs,
        }
    }
}
