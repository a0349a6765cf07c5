//! When a watch last heard from the API server.

use std::time::Duration;

use tokio::time::Instant;

use super::stream::Update;

/// The last report of a watch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastReport {
    last: Option<Instant>,
    is_connected: bool,
}

/// The state of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchState {
    /// The kind of the objects that it watches.
    pub kind: &'static str,
    /// How long ago the API server last sent something: an object, or that nothing has changed. `None` where it never
    /// has.
    pub age: Option<Duration>,
    /// Whether every change is reported.
    pub is_connected: bool,
}

impl LastReport {
    /// Notes what a watch reports.
    pub(super) fn note<K>(&mut self, update: &Update<K>) {
        match update {
            Update::Event(_) | Update::Alive => self.last = Some(Instant::now()),
            Update::Following => {
                *self = Self {
                    last: Some(Instant::now()),
                    is_connected: true,
                };
            }
            Update::Lost(_) => self.is_connected = false,
        }
    }

    /// The state of a watch over objects of this kind.
    pub(super) fn of(self, kind: &'static str) -> WatchState {
        WatchState {
            kind,
            age: self.last.map(|last| last.elapsed()),
            is_connected: self.is_connected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Fault;

    #[tokio::test(start_paused = true)]
    async fn a_watch_ages_from_what_it_last_heard_connected_or_not() {
        let state = |age: Option<u64>, is_connected| WatchState {
            kind: "Pod",
            age: age.map(Duration::from_secs),
            is_connected,
        };
        let mut last_report = LastReport::default();
        last_report.note::<()>(&Update::Lost(Fault::transient("away")));
        assert_eq!(last_report.of("Pod"), state(None, false));
        last_report.note::<()>(&Update::Following);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(last_report.of("Pod"), state(Some(7), true));
        last_report.note::<()>(&Update::Alive);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(last_report.of("Pod"), state(Some(3), true));
        last_report.note::<()>(&Update::Lost(Fault::transient("away")));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(last_report.of("Pod"), state(Some(5), false));
    }
}
