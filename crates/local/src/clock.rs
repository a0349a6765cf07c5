//! The time of a local cluster: the runtime's, so that a test in which time is paused moves it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that all parts of a local cluster share.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Timestamp,
    origin: Instant,
}

impl Clock {
    /// A clock that shows this machine's time now.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Timestamp::now())
    }

    /// A clock that shows this time now.
    #[must_use]
    pub fn at(started: Timestamp) -> Self {
        Self {
            started,
            origin: Instant::now(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.started.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_moves_with_the_time_of_the_runtime() {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_hours(24)).await;
        assert_eq!(clock.now().as_second(), 24 * 3600);
    }
}
