//! One watch, from its beginning until nobody asks about it any more.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

use super::store::Store;
use crate::api::{Api, Fault};
use crate::names::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::Status;

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

    pub(super) fn look_up(&self, name: &str, uid: Option<&str>) -> Option<Status> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .look_up(name, uid, Timestamp::now())
    }

    /// Watches until nobody has asked for [`IDLE`].
    pub(super) async fn run<A: Api>(&self, api: &A, namespace: &str) {
        let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
        let mut events = pin!(api.watch::<StatefulSet>(namespace, &selector));
        loop {
            let end = *self.asked.lock().unwrap_or_else(PoisonError::into_inner) + IDLE;
            let event = tokio::select! {
                event = events.next() => event,
                () = sleep_until(end) => {
                    if *self.asked.lock().unwrap_or_else(PoisonError::into_inner) + IDLE <= Instant::now() {
                        return;
                    }
                    continue;
                }
            };
            match event {
                Some(Ok(event)) => self.store.lock().unwrap_or_else(PoisonError::into_inner).apply(event),
                Some(Err(Fault::Refused { .. })) => {
                    *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Store::default();
                    sleep(FORBIDDEN).await;
                }
                Some(Err(_)) => self
                    .store
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .lose(Timestamp::now()),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Deleted, Kind};
    use futures::Stream;
    use kube::runtime::watcher::Event;

    /// A cluster in which nothing happens.
    struct Quiet;

    impl Api for Quiet {
        async fn read<K: Kind>(&self, _: &str, _: &str) -> Result<Option<K>, Fault> {
            Ok(None)
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
