//! What the watches hold in memory, counted for Prometheus: nothing is sent, and no poll waits for it.

use super::Cache;
use super::last_report::WatchState;
use super::services::Services;
use crate::cluster::Key;

/// A namespace that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The cluster.
    pub cluster: Key,
    /// The namespace.
    pub namespace: String,
    /// Its services; `None` while they are not known.
    pub services: Option<Services>,
    /// Its watches.
    pub watches: Vec<WatchState>,
}

impl Cache {
    /// The knowledge of each namespace that is watched. Where a kubeconfig has changed, a namespace may be watched
    /// twice; then the one counts that somebody asked about last.
    #[must_use]
    pub fn census(&self) -> Vec<Watched> {
        let mut all: Vec<_> = self.all();
        all.sort_by_cached_key(|(cluster, namespace, watched)| {
            (
                cluster.to_string(),
                namespace.clone(),
                std::cmp::Reverse(watched.asked_last()),
            )
        });
        all.dedup_by(|(later, of_later, _), (first, of_first, _)| {
            of_first == of_later && first.to_string() == later.to_string()
        });
        let counted = all.into_iter().map(|(cluster, namespace, watched)| Watched {
            cluster,
            namespace,
            services: watched.count(),
            watches: watched.watches(),
        });
        counted.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;
    use tokio::time::sleep;

    use super::*;
    use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
    use crate::lifecycle::Deadline;
    use crate::metrics::counts;
    use crate::watch::scripted::Scripted;

    fn add(api: &Scripted, name: &str) {
        let labels = json!({MANAGED_BY_LABEL: MANAGED_BY});
        api.add(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": name, "uid": name, "resourceVersion": "7", "labels": labels},
        }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_census_sends_nothing_and_keeps_no_watch_alive() {
        let (api, cache) = (Scripted::quiet(), Arc::new(Cache::default()));
        (0..1000).for_each(|number| add(&api, &format!("service-{number}")));
        let key = Key::of_context(Some("any")).expect("a key");
        cache.watch(&key, &api, "flyte");
        sleep(Duration::from_secs(5)).await;
        let asked = api.asked("").len();
        for _ in 0..9 {
            let [watched] = &cache.census()[..] else {
                panic!("one namespace")
            };
            let services = watched.services.as_ref().expect("services");
            assert_eq!(services.phases().map(|(_, count)| count).sum::<u64>(), 1000);
            let kinds: Vec<_> = watched
                .watches
                .iter()
                .map(|watch| (watch.kind, watch.is_connected))
                .collect();
            assert_eq!(kinds, [("StatefulSet", true), ("Pod", true), ("EndpointSlice", true)]);
            sleep(Duration::from_mins(1)).await;
        }
        assert_eq!(api.asked("").len(), asked);
        sleep(Duration::from_secs(65)).await;
        assert!(cache.census().is_empty(), "nobody has asked for ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_watched_twice_counts_as_it_was_last_asked_for() {
        let (api, cache) = (Scripted::quiet(), Arc::new(Cache::default()));
        let keys = [Key::of_files("a"), Key::of_files("b")];
        for key in &keys {
            cache.watch(key, &api, "flyte");
            sleep(Duration::from_secs(1)).await;
        }
        cache.watch(&keys[0], &api, "other");
        let counted = |cache: &Cache| -> Vec<_> {
            let census = cache.census().into_iter();
            census.map(|watched| (watched.cluster, watched.namespace)).collect()
        };
        let other = (keys[0].clone(), "other".to_owned());
        assert_eq!(counted(&cache), [(keys[1].clone(), "flyte".to_owned()), other.clone()]);
        let _ = cache.look_up(&keys[0], "flyte", "foo", None);
        assert_eq!(counted(&cache), [(keys[0].clone(), "flyte".to_owned()), other]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_counts_by_where_its_answer_comes_from() {
        let (api, cache) = (Scripted::quiet(), Arc::new(Cache::default()));
        add(&api, "foo");
        let key = Key::of_context(Some("any")).expect("a key");
        for name in ["foo", "foo", "unknown"] {
            let deadline = Deadline::after(Duration::from_secs(2));
            let polled = cache.poll(&key, &api, "flyte", name, None, deadline).await;
            polled.expect("a status");
        }
        assert_eq!(counts().polls, [("memory", 2), ("read", 1)]);
    }
}
