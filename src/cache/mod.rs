//! What is known of the services without asking the API server: one watch per cluster, namespace and kind that somebody
//! asks about, and the state of each service that they have reported.

mod events;
mod explain;
mod feed;
mod link;
mod logs;
mod members;
mod pauses;
mod poll;
#[cfg(test)]
mod scripted;
mod store;
mod sweep;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use feed::Feed;
pub use store::Answer;
use tokio::task::AbortHandle;

use crate::api::Api;
use crate::cluster::Key;
use crate::fuse::fused;
use crate::status::diagnosis::GracePeriods;

/// The watches of a process. They begin when a service is first asked about, and end when nobody has asked for a while.
#[derive(Default)]
pub struct Cache {
    grace_periods: Arc<GracePeriods>,
    feeds: Mutex<Feeds>,
}

/// The watches of each cluster, by namespace.
type Feeds = HashMap<Key, HashMap<String, Running>>;

/// The watches over one namespace.
struct Running {
    feed: Arc<Feed>,
    task: AbortHandle,
}

impl Cache {
    /// A cache without watches so far.
    #[must_use]
    pub fn new(grace_periods: GracePeriods) -> Self {
        Self {
            grace_periods: Arc::new(grace_periods),
            feeds: Mutex::default(),
        }
    }

    /// The state of a service, if a watch knows it: one look into memory, nothing is sent and nothing is awaited.
    ///
    /// With a `uid` only the service with that uid is meant; what the watch knows of another one, which had the name
    /// before or has it since, is no answer.
    #[must_use]
    pub fn look_up(&self, cluster: &Key, namespace: &str, name: &str, uid: Option<&str>) -> Option<Answer> {
        self.feed(cluster, namespace)?.look_up(name, uid)
    }

    /// Notes that the service whose `StatefulSet` has this uid was deleted.
    pub fn forget(&self, cluster: &Key, namespace: &str, uid: &str) {
        if let Some(feed) = self.feed(cluster, namespace) {
            feed.forget(uid);
        }
    }

    /// Notes that the service whose `StatefulSet` has this uid was changed, so that what was known of it before is no answer.
    pub fn outdate(&self, cluster: &Key, namespace: &str, uid: &str, generation: i64) {
        if let Some(feed) = self.feed(cluster, namespace) {
            feed.outdate(uid, generation);
        }
    }

    fn feed(&self, cluster: &Key, namespace: &str) -> Option<Arc<Feed>> {
        let feeds = self.feeds();
        let running = feeds.get(cluster)?.get(namespace)?;
        Some(Arc::clone(&running.feed))
    }

    /// Begins to watch a namespace, unless it is watched already.
    pub fn watch<A: Api + Clone + 'static>(self: &Arc<Self>, cluster: &Key, api: &A, namespace: &str) {
        self.follow(cluster, api, namespace);
    }

    fn follow<A: Api + Clone + 'static>(self: &Arc<Self>, cluster: &Key, api: &A, namespace: &str) -> Arc<Feed> {
        let mut feeds = self.feeds();
        let of_cluster = feeds.entry(cluster.clone()).or_default();
        if let Some(running) = of_cluster.get(namespace) {
            return Arc::clone(&running.feed);
        }
        let feed = Arc::new(Feed::new(Arc::clone(&self.grace_periods)));
        let task = {
            // The cache goes with the last client that uses it, and takes its watches along.
            let cache = Arc::downgrade(self);
            let (cluster, namespace, api, feed) =
                (cluster.clone(), namespace.to_owned(), api.clone(), Arc::clone(&feed));
            tokio::spawn(async move {
                // A watch that ends by a bug must be gone, too: what it knew would be reported for ever.
                let watching = async {
                    feed.run(&api, &namespace).await;
                    Ok(())
                };
                if let Err(bug) = fused(watching).await {
                    tracing::error!("The watch over namespace {namespace} has ended and will begin again. {bug}");
                }
                if let Some(cache) = cache.upgrade() {
                    cache.end(&cluster, &namespace, &feed);
                }
            })
        };
        let running = Running {
            feed: Arc::clone(&feed),
            task: task.abort_handle(),
        };
        of_cluster.insert(namespace.to_owned(), running);
        feed
    }

    fn end(&self, cluster: &Key, namespace: &str, feed: &Arc<Feed>) {
        let mut feeds = self.feeds();
        if let Some(of_cluster) = feeds.get_mut(cluster) {
            of_cluster.retain(|name, running| name != namespace || !Arc::ptr_eq(&running.feed, feed));
            if of_cluster.is_empty() {
                feeds.remove(cluster);
            }
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for running in self.feeds().values().flat_map(HashMap::values) {
            running.task.abort();
        }
    }
}
