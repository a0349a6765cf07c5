//! What is to be looked at, and when.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Key;

/// The pauses between attempts that fail, as client-go's `DefaultTypedControllerRateLimiter` has them.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1000);

/// An object that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Work {
    /// A claim that may have no volume.
    Claim(Key),
    /// A pod that may have no node.
    Pod(Key),
    /// A `StatefulSet`.
    StatefulSet(Key),
    /// A Service.
    Service(Key),
}

/// The work to be done. What is added twice is done once.
#[derive(Debug, Default)]
pub(super) struct Queue {
    due: BTreeMap<Work, Instant>,
    failures: HashMap<Work, u32>,
}

impl Queue {
    /// Adds work that is due now.
    pub(super) fn add(&mut self, work: Work) {
        self.add_after(work, Duration::ZERO);
    }

    /// Adds work that is due after a time, unless it is due earlier.
    pub(super) fn add_after(&mut self, work: Work, pause: Duration) {
        let due = Instant::now() + pause;
        let earliest = self.due.entry(work).or_insert(due);
        *earliest = due.min(*earliest);
    }

    /// Takes work that is due: the one that is due the longest.
    pub(super) fn take(&mut self) -> Option<Work> {
        let (work, _) = self.earliest().filter(|(_, due)| *due <= Instant::now())?;
        self.due.remove(&work);
        Some(work)
    }

    /// When work is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.earliest().map(|(_, due)| due)
    }

    fn earliest(&self) -> Option<(Work, Instant)> {
        let earliest = self.due.iter().min_by_key(|(_, due)| **due);
        earliest.map(|(work, due)| (work.clone(), *due))
    }

    /// Notes that work was done.
    pub(super) fn succeeded(&mut self, work: &Work) {
        self.failures.remove(work);
    }

    /// Adds work that has failed, to be done after a pause that doubles each time.
    pub(super) fn failed(&mut self, work: Work) {
        let failures = self.failures.entry(work.clone()).or_default();
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(*failures));
        *failures += 1;
        self.add_after(work, pause.min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(name: &str) -> Work {
        Work::StatefulSet(("n".to_owned(), name.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn work_comes_once_and_in_the_order_in_which_it_is_due() {
        let mut queue = Queue::default();
        queue.add_after(work("b"), Duration::from_secs(1));
        tokio::time::advance(Duration::from_millis(1)).await;
        queue.add(work("a"));
        queue.add(work("a"));
        assert_eq!(queue.take(), Some(work("a")));
        assert_eq!(queue.take(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(queue.take(), Some(work("b")));
    }

    #[tokio::test(start_paused = true)]
    async fn failing_work_is_done_less_and_less_often() {
        let mut queue = Queue::default();
        let started = Instant::now();
        let mut at = Vec::new();
        for _ in 0..4 {
            queue.failed(work("a"));
            tokio::time::sleep_until(queue.next_due().unwrap()).await;
            assert_eq!(queue.take(), Some(work("a")));
            at.push(started.elapsed().as_millis());
        }
        assert_eq!(at, [5, 15, 35, 75]);
        queue.succeeded(&work("a"));
        queue.failed(work("a"));
        assert_eq!(queue.next_due().unwrap() - Instant::now(), FIRST_PAUSE);
    }
}
