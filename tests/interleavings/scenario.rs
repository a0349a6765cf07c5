//! What is explored: who calls what, what was there before, and how much may go wrong.

use crate::actor::{Answering, Call};
use crate::gate::Gate;
use crate::server::Server;
use k8sdataservice::error::Error;

/// How much may go wrong in one schedule.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many requests may meet with another fate than to be carried out and answered.
    pub faults: usize,
    /// How often time may pass while somebody could go on at once.
    pub waits: usize,
    /// Whether what goes wrong may also take so long that the deadline comes near.
    pub slowly: bool,
}

/// A few calls that run side by side.
#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub calls: Vec<Call>,
    /// What is there at the beginning.
    pub before: fn(&mut Server),
    pub bounds: Bounds,
    /// How far a replica that answers reads may lag, in writes.
    pub lag: usize,
    /// What follows on a call whose process has died: the same call, as Flyte repeats it, unless something else is
    /// said.
    pub successor: fn(Call) -> Call,
    /// Whether calls can be cancelled, and a process that lives on takes back what a create without an answer has made.
    pub retracts: bool,
    /// Whether a call may end with an error.
    pub allows: fn(Call, &Error) -> bool,
    /// The verbs; those of the lifecycle, unless something is to be shown about the exploration itself.
    pub verbs: fn(Call, Gate) -> Answering,
}

impl Scenario {
    pub fn new(name: &'static str, calls: &[Call]) -> Self {
        Self {
            name,
            calls: calls.to_vec(),
            before: |_| {},
            bounds: Bounds {
                faults: 1,
                waits: 1,
                slowly: false,
            },
            lag: 0,
            successor: |call| call,
            retracts: false,
            allows: |_, _| false,
            verbs: crate::actor::begin,
        }
    }

    pub fn before(self, before: fn(&mut Server)) -> Self {
        Self { before, ..self }
    }

    pub fn faults(self, faults: usize) -> Self {
        let bounds = Bounds { faults, ..self.bounds };
        Self { bounds, ..self }
    }

    pub fn waits(self, waits: usize) -> Self {
        let bounds = Bounds { waits, ..self.bounds };
        Self { bounds, ..self }
    }

    pub fn slowly(self) -> Self {
        let bounds = Bounds {
            slowly: true,
            ..self.bounds
        };
        Self { bounds, ..self }
    }

    pub fn lag(self, lag: usize) -> Self {
        Self { lag, ..self }
    }

    pub fn succeeded_by(self, successor: fn(Call) -> Call) -> Self {
        Self { successor, ..self }
    }

    pub fn retracts(self) -> Self {
        Self { retracts: true, ..self }
    }

    pub fn allows(self, allows: fn(Call, &Error) -> bool) -> Self {
        Self { allows, ..self }
    }

    pub fn verbs(self, verbs: fn(Call, Gate) -> Answering) -> Self {
        Self { verbs, ..self }
    }
}
