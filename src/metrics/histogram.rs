//! How long services take until they are ready.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in seconds. Most services take six seconds, and one that waits for a node takes
/// minutes.
const BOUNDS: [f64; 14] = [
    1.0, 2.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// Observations in buckets. Each is counted in its own bucket alone; a reader adds them up.
pub(super) struct Histogram {
    /// The last one has no bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    milliseconds: AtomicU64,
}

/// The observations of a histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// How many observations were not greater than each bound, by bound; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// How many observations there were.
    pub count: u64,
    /// Their sum, in seconds.
    pub sum: f64,
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BOUNDS.len() + 1],
            milliseconds: AtomicU64::new(0),
        }
    }

    /// Observes a number of seconds. A clock that went backwards counts as no time.
    pub(super) fn observe(&self, seconds: f64) {
        let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let place = BOUNDS.partition_point(|bound| *bound < span.as_secs_f64());
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.milliseconds.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(super) fn observed(&self) -> Observed {
        let mut count = 0;
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets = bounds.zip(&self.buckets).map(|(bound, bucket)| {
            count += bucket.load(Ordering::Relaxed);
            (bound, count)
        });
        let buckets = buckets.collect();
        Observed {
            buckets,
            count,
            sum: Duration::from_millis(self.milliseconds.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_each_bucket_includes_those_below() {
        let histogram = Histogram::new();
        for seconds in [-3.0, 1.0, 1.001, 5.9, 3600.0, 3600.5, f64::NAN] {
            histogram.observe(seconds);
        }
        let Observed { buckets, count, sum } = histogram.observed();
        let below = |bound: f64| {
            let bucket = buckets.iter().find(|(of, _)| (of - bound).abs() < 1e-9);
            bucket.map(|(_, count)| *count)
        };
        assert_eq!(
            (below(1.0), below(2.0), below(5.0), below(7.5)),
            (Some(3), Some(4), Some(4), Some(5))
        );
        assert_eq!((below(1800.0), below(3600.0)), (Some(5), Some(6)));
        assert_eq!((buckets.last(), count), (Some(&(f64::INFINITY, 7)), 7));
        assert!((sum - 7208.401).abs() < 0.01, "{sum}");
    }
}
