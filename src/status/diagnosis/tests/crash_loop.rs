//! How often, and since when, a container has ended for its present fault.

use super::*;
use crate::status::{PodTimes, Runs};

/// A container whose last run lasted for `ran` seconds until second 10000, after the kubelet had waited for `waited`
/// seconds.
fn ends(restarts: i32, waited: i64, ran: i64) -> ContainerFacts {
    ContainerFacts {
        runs: Runs {
            started: Some(second(10_000 - ran)),
            finished: Some(second(10_000)),
            finished_before: (restarts > 0).then(|| second(10_000 - ran - waited)),
        },
        ..ended("Error", 3, restarts)
    }
}

/// The pod of a container that was ready until it ended, or that never was.
fn pod_of(container: ContainerFacts, was_ready: bool) -> PodFacts {
    PodFacts {
        times: PodTimes {
            not_ready: Some(second(if was_ready { 10_000 } else { 1 })),
            ..PodTimes::default()
        },
        ..pod(vec![container])
    }
}

fn blamed(pod: PodFacts, now: i64) -> Option<Blame> {
    let verdict = of(&[pod], &[]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::ContainerExits);
    failed(&verdict, now)
}

#[test]
fn the_restarts_of_this_fault_count_alone() {
    for (what, container, was_ready, at_once) in [
        ("its first end", ends(0, 0, 0), false, false),
        ("its first restart", ends(1, 0, 0), false, false),
        ("its second restart", ends(2, 14, 0), false, false),
        ("its third restart", ends(3, 21, 0), false, true),
        ("the first end after a run of an hour", ends(3, 22, 3600), true, false),
        ("the second end after one", ends(4, 1, 1), false, false),
        ("the third end after one", ends(5, 12, 1), false, false),
        ("the fourth end after one", ends(6, 24, 1), false, true),
        ("an end while the service was ready", ends(3, 22, 20), true, false),
        (
            "an end after as long a run that was never ready",
            ends(3, 22, 20),
            false,
            true,
        ),
        ("an end before the service could be ready", ends(3, 22, 3), true, true),
    ] {
        let failed = blamed(pod_of(container, was_ready), 10_001);
        assert_eq!(failed.is_some(), at_once, "{what}");
    }
}

#[test]
fn while_the_kubelet_waits_it_reports_for_how_long() {
    for (wait, at_once) in [
        ("10s", false),
        ("20s", false),
        ("40s", true),
        ("1m20s", true),
        ("5m0s", true),
    ] {
        let mut container = ends(9, 0, 0);
        container.runs.finished_before = None;
        container.waiting = waiting(
            "CrashLoopBackOff",
            &format!("back-off {wait} restarting failed container=foo pod=foo-0_flyte(1)"),
        )
        .waiting;
        assert_eq!(blamed(pod_of(container, false), 10_001).is_some(), at_once, "{wait}");
    }
}

#[test]
fn the_grace_period_counts_from_the_first_end() {
    // Ten seconds and twenty have passed before the last start.
    let container = ends(2, 10, 30);
    assert_eq!(blamed(pod_of(container.clone(), false), 10_000 - 40 + 299), None);
    assert_eq!(blamed(pod_of(container, false), 10_000 - 40 + 300), USER);
    // An end after a long time in service is a beginning.
    let container = ends(2, 10, 3600);
    assert_eq!(blamed(pod_of(container.clone(), true), 10_299), None);
    assert_eq!(blamed(pod_of(container, true), 10_300), USER);
}

#[test]
fn pods_that_are_never_ready_together_fail_though_each_is_for_a_while() {
    // Ready for ten seconds each time, and away for longer and longer.
    assert_eq!(blamed(pod_of(ends(4, 40, 10), true), 10_001), None);
    assert_eq!(blamed(pod_of(ends(6, 160, 10), true), 10_001), USER);
}

#[test]
fn a_container_that_is_up_again_keeps_its_last_cause_for_a_while_and_does_not_fail_for_it() {
    let up = |ready: bool| {
        let container = ContainerFacts {
            ready,
            started: true,
            running_since: Some(second(10_021)),
            ..ends(3, 20, 2)
        };
        let pod = PodFacts {
            ready,
            ..pod_of(container, false)
        };
        causes(&stateful_set(), &[pod], &[])
    };
    for ready in [true, false] {
        let causes = up(ready);
        let reported = |now| gravest(&causes, second(now), &GracePeriods::new()).map(|verdict| verdict.cause);
        assert_eq!(reported(10_022), Some(Cause::ContainerExits));
        assert_eq!(reported(10_080), Some(Cause::ContainerExits));
        let later = (!ready).then_some(Cause::ReadinessProbeFails);
        assert_eq!(reported(10_081), later, "it has run for longer than before");
        assert!(causes.iter().all(|verdict| failed(verdict, 10_022).is_none()));
    }
}

#[test]
fn the_last_end_stays_in_the_message_unless_the_pod_was_ready_in_between() {
    let container = ContainerFacts {
        started: true,
        running_since: Some(second(10_021)),
        ..ends(3, 20, 2)
    };
    let message = |not_ready: i64| {
        let pod = PodFacts {
            times: PodTimes {
                not_ready: Some(second(not_ready)),
                ..PodTimes::default()
            },
            ..pod(vec![container.clone()])
        };
        let causes = causes(&stateful_set(), &[pod], &[]);
        let verdict = gravest(&causes, second(10_200), &GracePeriods::new()).expect("a verdict");
        assert_eq!(verdict.cause, Cause::ReadinessProbeFails);
        verdict.message()
    };
    let before = " Before that, the container exited with code 3 (Error).";
    assert!(message(10_000).ends_with(before), "{}", message(10_000));
    assert!(!message(10_100).contains("Before that"), "{}", message(10_100));
}
