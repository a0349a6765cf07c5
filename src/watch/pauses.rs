//! How long a watch leaves an API server alone after a fault: longer each time, until it has really succeeded.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::cluster::Fault;

/// After a fault that may pass: the first pause and the longest, which jitter at most doubles.
const TRANSIENT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// After a refusal. An API server that starts, and has not read its rules yet, refuses everybody for a moment; one
/// whose rules do not allow the watch will go on so.
const REFUSED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The pauses of one watch.
pub(super) struct Pauses {
    transient: ExponentialBackoff,
    refused: ExponentialBackoff,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            transient: growing(TRANSIENT),
            refused: growing(REFUSED),
        }
    }
}

impl Pauses {
    /// How long to wait after a fault: longer than the API server asked for.
    pub(super) fn after(&mut self, fault: &Fault) -> Duration {
        let (pauses, (_, most)) = match fault {
            Fault::Refused { .. } if !fault.is_expired() => (&mut self.refused, REFUSED),
            _ => (&mut self.transient, TRANSIENT),
        };
        let pause = pauses.next().unwrap_or(most);
        match fault {
            Fault::Transient {
                retry_after: Some(asked),
                ..
            } => *asked + pause,
            _ => pause,
        }
    }

    /// Begins again with short pauses, after a success. A list alone is none: an account may list what it may not
    /// watch.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Doubling pauses without end, with jitter so that many watches do not come back at once.
fn growing((first, most): (Duration, Duration)) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(most)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}
