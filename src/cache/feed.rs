//! One watch, from its beginning until nobody asks about it any more.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::unfold;
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;
use tokio::time::{Instant, interval, sleep, timeout};

use super::store::{Answer, Store};
use crate::api::{Api, Fault};
use crate::clock;
use crate::names::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::diagnosis::GracePeriods;
use crate::status::{EventFacts, PodFacts, SliceFacts};

/// For how long a watch goes on that nobody asks about.
const IDLE: Duration = Duration::from_mins(10);

/// How often to look for services whose time is up.
const SWEEP: Duration = Duration::from_secs(5);

/// How long to leave a cluster alone that does not let us watch, at first and at most. Services are read one by one
/// meanwhile.
const REFUSED_FIRST: Duration = Duration::from_secs(1);
const REFUSED_LAST: Duration = Duration::from_mins(1);

/// A watch over the services of one namespace, and what it has told.
pub(super) struct Feed {
    store: Mutex<Store>,
    asked: Mutex<Instant>,
}

impl Feed {
    pub(super) fn new(grace_periods: Arc<GracePeriods>) -> Self {
        Self {
            store: Mutex::new(Store::new(grace_periods)),
            asked: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn look_up(&self, name: &str, uid: Option<&str>) -> Option<Answer> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.store().look_up(name, uid, clock::now())
    }

    pub(super) fn forget(&self, uid: &str) {
        self.store().forget(uid, clock::now());
    }

    pub(super) fn outdate(&self, uid: &str, generation: i64) {
        self.store().outdate(uid, generation);
    }

    pub(super) fn apply_events(&self, name: &str, events: Vec<EventFacts>) {
        self.store().apply_events(name, events, clock::now());
    }

    /// Watches until nobody has asked for [`IDLE`] and no service is left that is to be deleted later.
    pub(super) async fn run<A: Api>(&self, api: &A, namespace: &str) {
        tokio::select! {
            () = self.watch(api, namespace) => {}
            () = self.sweep_until_idle(api, namespace) => {}
        }
    }

    async fn watch<A: Api>(&self, api: &A, namespace: &str) {
        let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
        let mut stateful_sets = pin!(patient(api.watch::<StatefulSet>(namespace, &selector)));
        let mut pods = pin!(patient(api.watch::<Pod>(namespace, &selector)));
        let mut slices = pin!(patient(api.watch::<EndpointSlice>(namespace, &selector)));
        loop {
            tokio::select! {
                Some(event) = stateful_sets.next() => match event {
                    Ok(event) => self.store().apply(event),
                    // What is not watched any more is not known.
                    Err(Fault::Refused { .. }) => self.store().clear(),
                    Err(_) => self.store().lose(clock::now()),
                },
                // Without pods and slices a service is known all the same, only less well.
                Some(event) = pods.next() => match event {
                    Ok(event) => self.store().apply_pod(reduced(event, |pod| PodFacts::from(&pod))),
                    Err(Fault::Refused { .. }) => self.store().clear_pods(),
                    Err(_) => {}
                },
                Some(event) = slices.next() => match event {
                    Ok(event) => self.store().apply_slice(reduced(event, |slice| SliceFacts::from(&slice))),
                    Err(Fault::Refused { .. }) => self.store().clear_slices(),
                    Err(_) => {}
                },
                else => return,
            }
        }
    }

    async fn sweep_until_idle<A: Api>(&self, api: &A, namespace: &str) {
        let mut tick = interval(SWEEP);
        loop {
            tick.tick().await;
            let are_left = self.sweep(api, namespace).await;
            if !are_left && self.asked_last() + IDLE <= Instant::now() {
                return;
            }
        }
    }

    /// Deletes services that have failed and whose time is up, and tells whether others are left whose time will come.
    async fn sweep<A: Api>(&self, api: &A, namespace: &str) -> bool {
        loop {
            let next = self.store().next_to_delete();
            let Some((due, name, uid)) = next else { return false };
            if clock::now() < due {
                return true;
            }
            // Its Service goes with it. What cannot be deleted now is tried again at the next sweep.
            let deleting = api.delete::<StatefulSet>(namespace, &name, &uid);
            match timeout(SWEEP, deleting).await {
                Ok(Ok(_) | Err(Fault::Changed)) => self.forget(&uid),
                _ => return true,
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

/// A watch that leaves a cluster alone for a while that refuses it: longer each time, since an API server that starts, and
/// has not read its rules yet, refuses everybody for a moment.
fn patient<T>(watch: impl Stream<Item = Result<T, Fault>>) -> impl Stream<Item = Result<T, Fault>> {
    let begin = (Box::pin(watch), Duration::ZERO, Duration::ZERO);
    unfold(begin, async |(mut watch, pause, next_pause)| {
        // Even a sleep of no time lasts until the timer's next millisecond, and there are very many events.
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let event = watch.next().await?;
        let (pause, next_pause) = match &event {
            Err(Fault::Refused { .. }) => {
                let pause = next_pause.max(REFUSED_FIRST);
                (pause, (pause * 2).min(REFUSED_LAST))
            }
            Err(_) => (Duration::ZERO, next_pause),
            Ok(_) => (Duration::ZERO, Duration::ZERO),
        };
        Some((event, (watch, pause, next_pause)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Deleted, Kind};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

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

        async fn annotate<K: Kind>(&self, _: &str, _: &str, _: &str, _: &str, _: &str) -> Result<(), Fault> {
            Ok(())
        }

        async fn delete<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Deleted, Fault> {
            Ok(Deleted::Gone)
        }

        async fn delete_version<K: Kind>(&self, _: &K) -> Result<Deleted, Fault> {
            Ok(Deleted::Gone)
        }

        async fn annotate_version<K: Kind>(&self, _: &K, _: &str, _: &str) -> Result<(), Fault> {
            Ok(())
        }

        async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
            Ok(object.clone())
        }

        async fn note_managers<K: Kind>(&self, object: &K, _: &[ManagedFieldsEntry]) -> Result<K, Fault> {
            Ok(object.clone())
        }

        fn watch<K: Kind>(&self, _: &str, _: &str) -> impl Stream<Item = Result<Event<K>, Fault>> + Send {
            futures::stream::pending()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_nobody_asks_about_ends_after_ten_minutes() {
        let start = Instant::now();
        Feed::new(Arc::default()).run(&Quiet, "flyte").await;
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_goes_on_while_somebody_asks() {
        let feed = Feed::new(Arc::default());
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

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_refuses_is_asked_less_and_less_and_each_answer_is_told_at_once() {
        let refused = || {
            Err::<(), _>(Fault::Refused {
                code: 403,
                reason: String::new(),
                message: String::new(),
            })
        };
        let answers = futures::stream::iter([refused(), refused(), refused(), Ok(()), refused(), refused()]);
        let start = Instant::now();
        let told: Vec<u64> = patient(answers).map(|_| start.elapsed().as_secs()).collect().await;
        assert_eq!(told, [0, 1, 3, 7, 7, 8]);
    }
}
