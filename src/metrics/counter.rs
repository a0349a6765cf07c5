//! Counters that differ in one label.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often something has happened, by label.
pub type Labeled = Vec<(&'static str, u64)>;

/// A counter for each value of a label, by the place of the value.
pub(super) struct Counters<const N: usize>([AtomicU64; N]);

impl<const N: usize> Counters<N> {
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    pub(super) fn add(&self, place: usize) {
        if let Some(counter) = self.0.get(place) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts with their labels, in this order.
    pub(super) fn labeled(&self, labels: impl Iterator<Item = &'static str>) -> Labeled {
        labels
            .zip(&self.0)
            .map(|(label, counter)| (label, counter.load(Ordering::Relaxed)))
            .collect()
    }
}
