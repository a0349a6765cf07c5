//! The services of a namespace, counted.

use crate::status::Phase;

/// The phases that a service counts under.
const PHASES: [&str; 6] = ["pending", "waiting", "initializing", "ready", "failed", "asleep"];

/// The services of one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    phases: [u64; PHASES.len()],
    /// How many services have a holder.
    pub held: u64,
    /// How many holders are written on services.
    pub holders: u64,
}

impl Services {
    /// How many services are in each phase.
    pub fn phases(&self) -> impl Iterator<Item = (&'static str, u64)> {
        PHASES.into_iter().zip(self.phases)
    }

    /// Counts a service.
    pub(super) fn count(&mut self, phase: Phase, holders: u64) {
        let place = match phase {
            Phase::Pending => 0,
            Phase::WaitingForResources => 1,
            Phase::Initializing => 2,
            Phase::Ready => 3,
            Phase::Failed | Phase::RetryableFailed => 4,
            Phase::Asleep => 5,
        };
        self.phases[place] += 1;
        self.held += u64::from(holders > 0);
        self.holders += holders;
    }
}
