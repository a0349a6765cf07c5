//! How long a container waits before it is started again.

use std::time::Duration;

use tokio::time::Instant;

/// How long the kubelet waits after the first restart, and at most.
pub(super) const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(5);

/// The back-off of one container, as the kubelet's `flowcontrol.Backoff` counts it: the first restart is at once, each
/// later one waits twice as long, and a container that has run for ten minutes begins again.
#[derive(Debug, Clone)]
pub(super) struct BackOff {
    first: Duration,
    /// How long the next restart waits, and since when that is so.
    current: Option<(Duration, Instant)>,
}

impl BackOff {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, current: None }
    }

    /// How long all of the present wait is and when it ends, for a container whose last run ended then; `None` if it
    /// may start now.
    pub(super) fn wait(&self, finished: Instant, now: Instant) -> Option<(Duration, Instant)> {
        let (wait, since) = self.current?;
        let end = finished + wait;
        (!is_over(finished, since) && now < end).then_some((wait, end))
    }

    /// Notes that the container is started after its run that ended then.
    pub(super) fn restart(&mut self, finished: Instant, now: Instant) {
        let wait = match self.current {
            Some((wait, since)) if !is_over(finished, since) => (wait * 2).min(LONGEST),
            _ => self.first,
        };
        self.current = Some((wait, now));
    }
}

fn is_over(finished: Instant, since: Instant) -> bool {
    finished.saturating_duration_since(since) > 2 * LONGEST
}

/// A duration as Go writes it: `10s`, `1m20s`, `5m0s`.
pub(super) fn go(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, 0) if !duration.is_zero() => format!("{}ms", duration.as_millis()),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) if minutes < 60 => format!("{minutes}m{seconds}s"),
        (minutes, seconds) => format!("{}h{}m{seconds}s", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits of a container that runs for so long each time.
    fn waits(run: Duration, count: usize) -> Vec<String> {
        let mut back_off = BackOff::new(FIRST);
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..count {
            now += run;
            let finished = now;
            if let Some((wait, end)) = back_off.wait(finished, now) {
                waits.push(go(wait));
                now = end;
            } else {
                waits.push(go(Duration::ZERO));
            }
            assert_eq!(back_off.wait(finished, now), None);
            back_off.restart(finished, now);
        }
        waits
    }

    #[test]
    fn waits_double_up_to_five_minutes() {
        let wanted = ["0s", "10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"];
        assert_eq!(waits(Duration::from_secs(1), 8), wanted);
    }

    #[test]
    fn a_container_that_has_run_for_ten_minutes_begins_again() {
        assert_eq!(waits(Duration::from_mins(9), 3), ["0s", "10s", "20s"]);
        assert_eq!(waits(Duration::from_mins(11), 3), ["0s", "0s", "0s"]);
    }
}
