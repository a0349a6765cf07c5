//! Whether runs of Flyte can be seen, or Leases made, so that an account that may not do so does not ask at every
//! create.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long no run is looked at after one could not be seen: permissions and resource definitions seldom change.
const BLIND: Duration = Duration::from_mins(1);

/// How many faults are remembered as reported.
const REMEMBERED: usize = 32;

/// Why that is not possible at the moment, if so.
#[derive(Default)]
pub(super) struct Sight(Mutex<State>);

#[derive(Default)]
struct State {
    lost: Option<(Instant, String)>,
    /// The faults that were reported.
    reported: BTreeSet<String>,
}

impl Sight {
    /// The fault that was noted last, while it counts.
    pub(super) fn lost(&self) -> Option<String> {
        let state = self.state();
        let (since, fault) = state.lost.as_ref()?;
        (since.elapsed() < BLIND).then(|| fault.clone())
    }

    /// Notes a fault, in words that are the same for each create.
    pub(super) fn lose(&self, fault: &str) {
        self.state().lost = Some((Instant::now(), fault.to_owned()));
    }

    /// Whether to report a fault: it was not reported before, or so many others were since.
    pub(super) fn is_news(&self, fault: &str) -> bool {
        let reported = &mut self.state().reported;
        if reported.len() >= REMEMBERED {
            reported.clear();
        }
        reported.insert(fault.to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
