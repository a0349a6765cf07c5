//! Deletes the services in watched namespaces that have expired, or that no run uses any more.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::future::select_all;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, interval};

use super::election::Election;
use super::reaper::Reaper;
use crate::cluster::{Api, Key, server_time};
use crate::panic::catch_panic;
use crate::platform::Receipts;
use crate::watch::{Cache, RunPlace, Runs, WatchState};

/// How often to look for services whose time is up.
const SWEEP: Duration = Duration::from_secs(5);

/// How often to look who leads, as client-go does (`RetryPeriod`).
const ELECTION: Duration = Duration::from_secs(2);

/// The deletions in the namespaces that a cache watches. Those of a namespace end with its watch.
#[derive(Default)]
pub struct Expiry {
    running: Mutex<Running>,
    /// The runs of each cluster, which are watched while services are bound to some.
    runs: Arc<Mutex<AllRuns>>,
    /// Which receipts of services that have ended are kept.
    receipts: Arc<Receipts>,
    /// Whether this process leads, in the namespaces in which processes elect a leader.
    leads: Arc<Mutex<HashMap<(Key, String), bool>>>,
}

/// The runs by cluster and place.
type AllRuns = HashMap<(Key, RunPlace), Weak<WatchedRuns>>;

/// The runs of a place, watched until nobody asks about them any more.
struct WatchedRuns {
    runs: Arc<Runs>,
    watch: AbortHandle,
}

impl Drop for WatchedRuns {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// The deletions by cluster and namespace.
type Running = HashMap<(Key, String), Task>;

/// The deletions of one namespace.
struct Task {
    handle: AbortHandle,
    /// The process in which they run.
    process: u32,
}

impl Expiry {
    /// Keeps so much of services that have ended.
    #[must_use]
    pub fn new(receipts: Receipts) -> Self {
        let mut expiry = Self::default();
        expiry.receipts = Arc::new(receipts);
        expiry
    }

    /// Begins to watch a namespace and to delete what has expired there, unless both are done already. `runs` is the
    /// cluster in which the runs are that use the services.
    pub fn enforce<A: Api + Clone + 'static>(
        &self,
        cache: &Arc<Cache>,
        (cluster, api): (&Key, &A),
        (runs_cluster, runs_api): (&Key, &A),
        namespace: &str,
    ) {
        cache.watch(cluster, api, namespace);
        let mut running = self.running();
        let place = (cluster.clone(), namespace.to_owned());
        if running.get(&place).is_some_and(|task| !task.handle.is_finished()) {
            return;
        }
        running.retain(|_, task| !task.handle.is_finished());
        let task = {
            // The cache goes with the last client that uses it.
            let cache = Arc::downgrade(cache);
            let ((cluster, namespace), api) = (place.clone(), api.clone());
            let reaper = Reaper::new(Arc::clone(&self.receipts));
            let leads = Arc::clone(&self.leads);
            let runs = RunsOf {
                all: Arc::clone(&self.runs),
                cluster: runs_cluster.clone(),
                api: runs_api.clone(),
            };
            tokio::spawn(async move {
                let sweeping = async {
                    let note = |leads_now: Option<bool>| {
                        let mut leads = leads.lock().unwrap_or_else(PoisonError::into_inner);
                        let place = (cluster.clone(), namespace.clone());
                        match leads_now {
                            Some(leads_now) => leads.insert(place, leads_now),
                            None => leads.remove(&place),
                        };
                    };
                    sweep_while_watched(&cache, (&cluster, &api), &runs, &namespace, reaper, &note).await;
                    note(None);
                    Ok(())
                };
                if let Err(bug) = catch_panic(sweeping).await {
                    tracing::error!(
                        namespace,
                        "The deletions in namespace {namespace} have ended and will begin again. {bug}"
                    );
                }
            })
        };
        let task = Task {
            handle: task.abort_handle(),
            process: std::process::id(),
        };
        running.insert(place, task);
    }

    /// Whether that has begun.
    #[must_use]
    pub fn is_enforced(&self, cluster: &Key, namespace: &str) -> bool {
        let running = self.running();
        let task = running.get(&(cluster.clone(), namespace.to_owned()));
        task.is_some_and(|task| !task.handle.is_finished())
    }

    /// Whether this process is the leader of a namespace; `None` where nobody elects one.
    #[must_use]
    pub fn is_leader(&self, cluster: &Key, namespace: &str) -> Option<bool> {
        let leads = self.leads.lock().unwrap_or_else(PoisonError::into_inner);
        leads.get(&(cluster.clone(), namespace.to_owned())).copied()
    }

    /// The watch over the runs of each cluster, while services are bound to some.
    #[must_use]
    pub fn watched_runs(&self) -> Vec<(Key, WatchState)> {
        let all = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |((cluster, _), watched): (&(Key, RunPlace), &Weak<WatchedRuns>)| {
            Some((cluster.clone(), watched.upgrade()?.runs.watch_state()))
        };
        all.iter().filter_map(state).collect()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Expiry {
    fn drop(&mut self) {
        // A child that was forked has none of the runtime's threads.
        let here = std::process::id();
        for task in self.running().values().filter(|task| task.process == here) {
            task.handle.abort();
        }
    }
}

/// Where the runs are that use services.
struct RunsOf<A> {
    all: Arc<Mutex<AllRuns>>,
    cluster: Key,
    api: A,
}

impl<A: Api + Clone + 'static> RunsOf<A> {
    /// The runs of a place of the cluster, which are watched from now on.
    fn watched(&self, place: RunPlace) -> Arc<WatchedRuns> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self.cluster.clone(), place.clone());
        if let Some(watched) = all.get(&key).and_then(Weak::upgrade) {
            return watched;
        }
        let runs = Arc::new(Runs::of(place));
        let (watching, api) = (Arc::clone(&runs), self.api.clone());
        let watch = tokio::spawn(async move { watching.run(&api).await }).abort_handle();
        let watched = Arc::new(WatchedRuns { runs, watch });
        all.retain(|_, watched| watched.strong_count() > 0);
        all.insert(key, Arc::downgrade(&watched));
        watched
    }
}

async fn sweep_while_watched<A: Api + Clone + 'static>(
    cache: &Weak<Cache>,
    (cluster, api): (&Key, &A),
    runs: &RunsOf<A>,
    namespace: &str,
    mut reaper: Reaper,
    note: &impl Fn(Option<bool>),
) {
    let (mut tick, mut next) = (interval(ELECTION), Instant::now());
    let mut election = Election::new();
    let mut watched: Vec<Arc<WatchedRuns>> = Vec::new();
    loop {
        let ended = async {
            if watched.is_empty() {
                return pending().await;
            }
            select_all(watched.iter().map(|watched| Box::pin(watched.runs.ended()))).await;
        };
        tokio::select! {
            _ = tick.tick() => {}
            () = ended => next = Instant::now(),
        }
        let Some(bound) = cache.upgrade().and_then(|cache| cache.bound(cluster, namespace)) else {
            return;
        };
        if bound.is_empty() {
            // Nothing may end here.
            election.resign(api).await;
            note(None);
            watched.clear();
            continue;
        }
        let leads = election.leads(api, namespace).await;
        note(election.is_leader());
        if !leads {
            watched.clear();
            continue;
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + SWEEP;
        let now = server_time::now();
        reaper.note(bound);
        let needed = reaper.needed_runs();
        watched.retain(|watched| needed.contains(watched.runs.place()));
        let missing = needed
            .into_iter()
            .filter(|place| watched.iter().all(|watched| watched.runs.place() != place));
        let begun: Vec<_> = missing.map(|place| runs.watched(place)).collect();
        watched.extend(begun);
        let known: Vec<&Runs> = watched.iter().map(|watched| &*watched.runs).collect();
        let gone = reaper.sweep((api, &runs.api), namespace, &known, now).await;
        for uid in gone {
            if let Some(cache) = cache.upgrade() {
                cache.forget(cluster, namespace, &uid);
            }
        }
    }
}

#[cfg(test)]
mod tests;
