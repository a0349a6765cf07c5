//! What is known of the services without asking the API server: one watch per cluster and namespace that somebody asks
//! about, and the state of each service that it has told of.

mod feed;
mod members;
mod poll;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use feed::Feed;
pub use store::Answer;

use crate::api::Api;
use crate::cluster::Key;
use crate::fuse::fused;
use crate::status::EventFacts;
use crate::status::diagnosis::GracePeriods;

/// The watches of a process. They begin when a service is first asked about, and end when nobody has asked for a while.
#[derive(Default)]
pub struct Cache {
    grace_periods: Arc<GracePeriods>,
    feeds: Mutex<HashMap<Key, HashMap<String, Arc<Feed>>>>,
}

impl Cache {
    /// A cache without watches so far.
    #[must_use]
    pub fn new(grace_periods: GracePeriods) -> Self {
        Self {
            grace_periods: Arc::new(grace_periods),
            ..Self::default()
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

    /// Takes in the events on a service's objects, which no watch tells of.
    pub fn apply_events(&self, cluster: &Key, namespace: &str, name: &str, events: Vec<EventFacts>) {
        if let Some(feed) = self.feed(cluster, namespace) {
            feed.apply_events(name, events);
        }
    }

    fn feed(&self, cluster: &Key, namespace: &str) -> Option<Arc<Feed>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(cluster)?.get(namespace).cloned()
    }

    /// Begins to watch a namespace, unless it is watched already.
    pub fn follow<A: Api + Clone + 'static>(self: &Arc<Self>, cluster: &Key, api: &A, namespace: &str) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let of_cluster = feeds.entry(cluster.clone()).or_default();
        if of_cluster.contains_key(namespace) {
            return;
        }
        let feed = Arc::new(Feed::new(Arc::clone(&self.grace_periods)));
        of_cluster.insert(namespace.to_owned(), Arc::clone(&feed));
        drop(feeds);
        let (cache, cluster, namespace, api) = (Arc::clone(self), cluster.clone(), namespace.to_owned(), api.clone());
        tokio::spawn(async move {
            // A watch that ends by a bug must be gone, too: what it knew would be told for ever.
            let watching = async {
                feed.run(&api, &namespace).await;
                Ok(())
            };
            let _ = fused(watching).await;
            cache.end(&cluster, &namespace);
        });
    }

    fn end(&self, cluster: &Key, namespace: &str) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_cluster) = feeds.get_mut(cluster) {
            of_cluster.remove(namespace);
            if of_cluster.is_empty() {
                feeds.remove(cluster);
            }
        }
    }
}
