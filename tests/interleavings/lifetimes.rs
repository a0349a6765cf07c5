//! The scenarios of services that end with the runs that use them.

use k8sdataservice::error::Error;

use crate::actor::Call;
use crate::scenario::Scenario;
use crate::states::{asleep, due, held, held_by_one_that_ended, idle, owned, two_runs, unused};

/// Runs that hold a service, and those who end it with the last of them.
pub fn lifetimes() -> Vec<Scenario> {
    let first = Call::Hold("f1/n0", "one:1", "f1");
    let second = Call::Hold("f2/n0", "one:1", "f2");
    vec![
        Scenario::new("a run, its end and a reaper", &[first, Call::End("f1"), Call::Reap])
            .before(two_runs)
            .faults(0)
            .waits(0),
        Scenario::new(
            "a run, its success and a reaper",
            &[first, Call::Succeed("f1"), Call::Reap],
        )
        .before(two_runs)
        .faults(0)
        .waits(0),
        Scenario::new(
            "a run that joins while the other succeeds",
            &[second, Call::Succeed("f1"), Call::Reap],
        )
        .before(held)
        .faults(0)
        .waits(0),
        Scenario::new("a run that joins a service that ends", &[second, Call::Reap])
            .before(held_by_one_that_ended)
            .waits(0),
        Scenario::new(
            "a run that joins while the other ends",
            &[second, Call::End("f1"), Call::Reap],
        )
        .before(held)
        .faults(0)
        .waits(0),
        Scenario::new("two reapers", &[Call::Reap, Call::Reap])
            .before(held_by_one_that_ended)
            .waits(0),
        Scenario::new("an abort and a run that joins", &[Call::Abort("f1/n0"), second])
            .before(held)
            .faults(0)
            .waits(0),
        Scenario::new("a sensor and a run that joins", &[Call::Clean, second])
            .before(held)
            .faults(0)
            .waits(0),
        Scenario::new(
            "a run that joins a service while the run ends that owns it",
            &[second, Call::End("f1")],
        )
        .before(owned)
        .waits(0),
        Scenario::new(
            "a run that joins a service while the run succeeds that owns it",
            &[second, Call::Succeed("f1"), Call::Reap],
        )
        .before(owned)
        .faults(0)
        .waits(0),
        Scenario::new("a run that joins a service whose grace is over", &[second, Call::Reap])
            .before(due)
            .faults(0)
            .waits(0),
        Scenario::new("a reaper with stale reads", &[second, Call::Reap])
            .before(held_by_one_that_ended)
            .lag(2)
            .waits(0),
    ]
}

/// Those that take more time.
pub fn deep_lifetimes() -> Vec<Scenario> {
    let first = Call::Hold("f1/n0", "one:1", "f1");
    let second = Call::Hold("f2/n0", "one:1", "f2");
    vec![
        Scenario::new(
            "a run, its end and a reaper, with a fault",
            &[first, Call::End("f1"), Call::Reap],
        )
        .before(two_runs)
        .waits(0),
        Scenario::new(
            "a run that joins while the other ends, with a fault",
            &[second, Call::End("f1"), Call::Reap],
        )
        .before(held)
        .waits(0),
        Scenario::new(
            "a run that joins while the other succeeds, with a fault",
            &[second, Call::Succeed("f1"), Call::Reap],
        )
        .before(held)
        .waits(0),
        Scenario::new(
            "an abort and a run that joins, with a fault",
            &[Call::Abort("f1/n0"), second],
        )
        .before(held)
        .waits(0),
        Scenario::new("two reapers and a run that joins", &[Call::Reap, Call::Reap, second])
            .before(held_by_one_that_ended)
            .faults(0)
            .waits(0),
    ]
}

/// Runs that join a service, and those who put it to sleep or wake it.
pub fn sleepers() -> Vec<Scenario> {
    let first = Call::Hold("f1/n1", "one:1", "f1");
    let second = Call::Hold("f2/n0", "one:1", "f2");
    vec![
        Scenario::new(
            "a run that joins a service that is put to sleep",
            &[second, Call::Sleep],
        )
        .before(unused)
        .allows(is_in_use)
        .waits(0),
        Scenario::new("a run that joins a service that sleeps", &[second])
            .before(asleep)
            .waits(0),
        Scenario::new("two runs that join a service that sleeps", &[first, second])
            .before(asleep)
            .faults(0)
            .waits(0),
        Scenario::new(
            "a run that joins, a sleep and a wake",
            &[second, Call::Sleep, Call::Wake],
        )
        .before(asleep)
        .allows(is_in_use)
        .faults(0)
        .waits(0),
        Scenario::new(
            "a run that joins a service that has been idle for long",
            &[second, Call::Reap],
        )
        .before(idle)
        .waits(0),
        Scenario::new("two sleeps", &[Call::Sleep, Call::Sleep])
            .before(unused)
            .allows(is_in_use)
            .waits(0),
    ]
}

/// Whether a sleep was refused since a run uses the service, or may do so.
pub fn is_in_use(call: Call, error: &Error) -> bool {
    call == Call::Sleep && matches!(error, Error::Unchanged { reason: "InUse", .. })
}
