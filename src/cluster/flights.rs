//! Work that may block, such as reading a file or running a program, once for all who wait for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::task::spawn_blocking;

/// Work that is under way, by what it is for.
///
/// It goes on when callers stop waiting, so that a call which ends at its deadline loses nothing, and a file server
/// that does not answer holds up one thread and not one per call.
pub(super) struct Flights<K, T>(Mutex<HashMap<K, Flight<T>>>);

/// One piece of work; nothing where it panicked.
type Flight<T> = Shared<BoxFuture<'static, Option<T>>>;

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone + Send + Sync + 'static> Flights<K, T> {
    /// Waits for the work of this key, which begins on a thread of its own unless it is under way.
    pub(super) async fn join(&self, key: K, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let flight = self.begin(&key, work);
        let result = flight.clone().await;
        self.end(&key, &flight);
        result
    }

    /// Begins the work of this key unless it is under way, and waits for nothing.
    pub(super) fn begin(&self, key: &K, work: impl FnOnce() -> T + Send + 'static) -> Flight<T> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A flight that ended while nobody waited for it belongs to earlier callers.
        if let Some(flight) = flights.get(key).filter(|flight| flight.peek().is_none()) {
            return flight.clone();
        }
        let flight = spawn_blocking(work).map(Result::ok).boxed().shared();
        // Somebody has to look, so that its end is known though nobody waits.
        tokio::spawn(flight.clone().map(drop));
        flights.insert(key.clone(), flight.clone());
        flight
    }

    fn end(&self, key: &K, flight: &Flight<T>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(key).is_some_and(|there| there.ptr_eq(flight)) {
            flights.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_is_done_once_for_all_who_wait_and_again_for_who_comes_later() {
        let flights = Flights::<&str, usize>::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let work = || {
            let runs = Arc::clone(&runs);
            move || {
                std::thread::sleep(Duration::from_millis(50));
                runs.fetch_add(1, Ordering::SeqCst) + 1
            }
        };
        let all = join_all((0..20).map(|_| flights.join("a", work()))).await;
        assert_eq!(all, [Some(1); 20]);
        assert_eq!(flights.join("a", work()).await, Some(2));
        let impatient = timeout(Duration::from_millis(1), flights.join("a", work())).await;
        assert!(impatient.is_err());
        assert_eq!(flights.join("a", work()).await, Some(3), "it went on");
    }

    #[tokio::test]
    async fn a_panic_ends_the_work() {
        let flights = Flights::<&str, ()>::default();
        assert_eq!(flights.join("a", || panic!("a bug")).await, None);
        assert_eq!(flights.join("a", || ()).await, Some(()));
    }
}
