//! One watch, from its beginning until nobody asks about it any more.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;
use tokio::time::{Instant, sleep, sleep_until};

use super::store::{Answer, Store};
use crate::api::{Api, Fault};
use crate::clock;
use crate::names::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::{EventFacts, PodFacts, SliceFacts};

/// For how long a watch goes on that nobody asks about.
const IDLE: Duration = Duration::from_mins(10);

/// How long to leave a cluster alone that does not let us watch. Services are read one by one meanwhile.
const FORBIDDEN: Duration = Duration::from_mins(1);

/// A watch over the services of one namespace, and what it has told.
pub(super) struct Feed {
    store: Mutex<Store>,
    asked: Mutex<Instant>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            store: Mutex::default(),
            asked: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn look_up(&self, name: &str, uid: Option<&str>) -> Option<Answer> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.store().look_up(name, uid, clock::now())
    }

    pub(super) fn forget(&self, name: &str) {
        self.store().forget(name);
    }

    pub(super) fn apply_events(&self, name: &str, events: Vec<EventFacts>) {
        self.store().apply_events(name, events, clock::now());
    }

    /// Watches until nobody has asked for [`IDLE`].
    pub(super) async fn run<A: Api>(&self, api: &A, namespace: &str) {
        let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
        let mut stateful_sets = pin!(patient(api.watch::<StatefulSet>(namespace, &selector)));
        let mut pods = pin!(patient(api.watch::<Pod>(namespace, &selector)));
        let mut slices = pin!(patient(api.watch::<EndpointSlice>(namespace, &selector)));
        loop {
            let end = self.asked_last() + IDLE;
            tokio::select! {
                Some(event) = stateful_sets.next() => match event {
                    Ok(event) => self.store().apply(event),
                    // What is not watched any more is not known.
                    Err(Fault::Refused { .. }) => *self.store() = Store::default(),
                    Err(_) => self.store().lose(clock::now()),
                },
                // Without pods and slices a service is known all the same, only less well.
                Some(event) = pods.next() => if let Ok(event) = event {
                    self.store().apply_pod(reduced(event, |pod| PodFacts::from(&pod)));
                },
                Some(event) = slices.next() => if let Ok(event) = event {
                    self.store().apply_slice(reduced(event, |slice| SliceFacts::from(&slice)));
                },
                () = sleep_until(end) => if self.asked_last() + IDLE <= Instant::now() {
                    return;
                },
            }
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked_last(&self) -> Instant {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event with what counts of its object.
fn reduced<K, F>(event: Event<K>, reduce: impl Fn(K) -> F) -> Event<F> {
    match event {
        Event::Apply(object) => Event::Apply(reduce(object)),
        Event::Delete(object) => Event::Delete(reduce(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(reduce(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// A watch that leaves a cluster alone for a while that refuses it.
fn patient<T>(watch: impl Stream<Item = Result<T, Fault>>) -> impl Stream<Item = Result<T, Fault>> {
    watch.then(|event| async {
        if matches!(event, Err(Fault::Refused { .. })) {
            sleep(FORBIDDEN).await;
        }
        event
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Deleted, Kind};

    /// A cluster in which nothing happens.
    struct Quiet;

    impl Api for Quiet {
        async fn read<K: Kind>(&self, _: &str, _: &str) -> Result<Option<K>, Fault> {
            Ok(None)
        }

        async fn list<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Vec<K>, Fault> {
            Ok(Vec::new())
        }

        async fn log(&self, _: &str, _: &str, _: &str, _: i64) -> Result<String, Fault> {
            Ok(String::new())
        }

        async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
            Ok(object.clone())
        }

        async fn delete<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Deleted, Fault> {
            Ok(Deleted::Gone)
        }

        fn watch<K: Kind>(&self, _: &str, _: &str) -> impl Stream<Item = Result<Event<K>, Fault>> + Send {
            futures::stream::pending()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_nobody_asks_about_ends_after_ten_minutes() {
        let start = Instant::now();
        Feed::new().run(&Quiet, "flyte").await;
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_goes_on_while_somebody_asks() {
        let feed = Feed::new();
        let start = Instant::now();
        let asking = async {
            for _ in 0..3 {
                sleep(Duration::from_mins(9)).await;
                feed.look_up("foo", None);
            }
        };
        tokio::join!(feed.run(&Quiet, "flyte"), asking);
        assert_eq!(start.elapsed().as_secs(), 27 * 60 + IDLE.as_secs());
    }
}
