//! The state of the services in memory, without asking the API server: one watch per cluster, namespace and kind that
//! somebody asks about, and the state of each service that they have reported.

mod answered;
mod census;
mod events;
mod explain;
mod last_report;
mod link;
mod logs;
mod members;
mod namespace;
mod pauses;
mod poll;
mod runs;
#[cfg(test)]
pub(crate) mod scripted;
mod services;
mod store;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use census::Watched;
pub use last_report::WatchState;
use namespace::NamespaceWatch;
pub use runs::{RunPlace, Runs};
pub use services::Services;
pub use store::{Answer, Bound};
use tokio::task::AbortHandle;

use crate::cluster::{Api, Key};
use crate::panic::catch_panic;
use crate::status::diagnosis::GracePeriods;

/// The watches of a process. They begin when a service is first asked about, and end when nobody has asked for a while.
#[derive(Default)]
pub struct Cache {
    grace_periods: Arc<GracePeriods>,
    namespaces: Mutex<Namespaces>,
}

/// The watches of each cluster, by namespace.
type Namespaces = HashMap<Key, HashMap<String, Running>>;

/// The watches over one namespace.
struct Running {
    watched: Arc<NamespaceWatch>,
    task: AbortHandle,
    /// The process in which the task runs.
    process: u32,
}

impl Cache {
    /// A cache without watches so far.
    #[must_use]
    pub fn new(grace_periods: GracePeriods) -> Self {
        Self {
            grace_periods: Arc::new(grace_periods),
            namespaces: Mutex::default(),
        }
    }

    /// The state of a service, if a watch knows it: one look into memory, nothing is sent and nothing is awaited.
    ///
    /// With a `uid` only the service with that uid is meant; what the watch knows of another one, which had the name
    /// before or has it since, is no answer.
    #[must_use]
    pub fn look_up(&self, cluster: &Key, namespace: &str, name: &str, uid: Option<&str>) -> Option<Answer> {
        self.watched(cluster, namespace)?.look_up(name, uid)
    }

    /// Notes that the service whose `StatefulSet` has this uid was deleted.
    pub fn forget(&self, cluster: &Key, namespace: &str, uid: &str) {
        if let Some(watched) = self.watched(cluster, namespace) {
            watched.forget(uid);
        }
    }

    /// Notes that the service whose `StatefulSet` has this uid was changed, so that its state from before is outdated.
    pub fn outdate(&self, cluster: &Key, namespace: &str, uid: &str, generation: i64) {
        if let Some(watched) = self.watched(cluster, namespace) {
            watched.outdate(uid, generation);
        }
    }

    /// The services of a namespace that may end by themselves; none while that may have changed unseen, and `None`
    /// where the namespace is not watched.
    #[must_use]
    pub fn bound(&self, cluster: &Key, namespace: &str) -> Option<Vec<Arc<Bound>>> {
        Some(self.watched(cluster, namespace)?.bound())
    }

    fn watched(&self, cluster: &Key, namespace: &str) -> Option<Arc<NamespaceWatch>> {
        let namespaces = self.namespaces();
        let running = namespaces.get(cluster)?.get(namespace)?;
        Some(Arc::clone(&running.watched))
    }

    fn all(&self) -> Vec<(Key, String, Arc<NamespaceWatch>)> {
        let namespaces = self.namespaces();
        let of_cluster = |(cluster, running): (&Key, &HashMap<String, Running>)| -> Vec<_> {
            let each = running.iter();
            each.map(|(name, running)| (cluster.clone(), name.clone(), Arc::clone(&running.watched)))
                .collect()
        };
        namespaces.iter().flat_map(of_cluster).collect()
    }

    /// Begins to watch a namespace, unless it is watched already.
    pub fn watch<A: Api + Clone + 'static>(self: &Arc<Self>, cluster: &Key, api: &A, namespace: &str) {
        self.follow(cluster, api, namespace);
    }

    fn follow<A: Api + Clone + 'static>(
        self: &Arc<Self>,
        cluster: &Key,
        api: &A,
        namespace: &str,
    ) -> Arc<NamespaceWatch> {
        let mut namespaces = self.namespaces();
        let of_cluster = namespaces.entry(cluster.clone()).or_default();
        if let Some(running) = of_cluster.get(namespace) {
            return Arc::clone(&running.watched);
        }
        let watched = Arc::new(NamespaceWatch::new(Arc::clone(&self.grace_periods)));
        let task = {
            // The cache goes with the last client that uses it, and takes its watches along.
            let cache = Arc::downgrade(self);
            let (cluster, namespace, api, watched) =
                (cluster.clone(), namespace.to_owned(), api.clone(), Arc::clone(&watched));
            tokio::spawn(async move {
                // Remove a watch that ends by a bug, too: otherwise its last state would be reported forever.
                let watching = async {
                    watched.run(&api, &namespace).await;
                    Ok(())
                };
                if let Err(bug) = catch_panic(watching).await {
                    tracing::error!(
                        namespace,
                        "The watch over namespace {namespace} has ended and will begin again. {bug}"
                    );
                }
                if let Some(cache) = cache.upgrade() {
                    cache.end(&cluster, &namespace, &watched);
                }
            })
        };
        let running = Running {
            watched: Arc::clone(&watched),
            task: task.abort_handle(),
            process: std::process::id(),
        };
        of_cluster.insert(namespace.to_owned(), running);
        watched
    }

    fn end(&self, cluster: &Key, namespace: &str, watched: &Arc<NamespaceWatch>) {
        let mut namespaces = self.namespaces();
        if let Some(of_cluster) = namespaces.get_mut(cluster) {
            of_cluster.retain(|name, running| name != namespace || !Arc::ptr_eq(&running.watched, watched));
            if of_cluster.is_empty() {
                namespaces.remove(cluster);
            }
        }
    }

    fn namespaces(&self) -> MutexGuard<'_, Namespaces> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // A child that was forked has none of the runtime's threads, one of which may have held a lock.
        let here = std::process::id();
        for running in self.namespaces().values().flat_map(HashMap::values) {
            if running.process == here {
                running.task.abort();
            }
        }
    }
}
