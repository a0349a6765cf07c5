//! Probes that fail.

use super::*;
use crate::status::times::Runs;

#[test]
fn a_container_that_a_probe_has_killed_is_explained_by_the_probe() {
    let killing = |probe| {
        event(
            "Killing",
            &format!("Container foo failed {probe} probe, will be restarted"),
        )
    };
    for (probe, restarts, reason, at_once) in [
        ("liveness", 1, "LivenessProbeFails", None),
        ("liveness", 3, "LivenessProbeFails", USER),
        ("startup", 1, "StartupProbeFails", None),
        ("startup", 3, "StartupProbeFails", USER),
    ] {
        let unhealthy = event(
            "Unhealthy",
            &format!("{probe} probe failed: HTTP probe failed with statuscode: 500"),
        );
        let events = [killing(probe), unhealthy];
        let verdict = of(&[pod(vec![ended("Error", 137, restarts)])], &events).expect("a verdict");
        assert_eq!((verdict.cause.reason(), failed(&verdict, 0)), (reason, at_once));
        assert_eq!(failed(&verdict, 3600), USER);
        assert!(verdict.log_of.is_some());
        let words = format!("its {probe} probe fails: HTTP probe failed with statuscode: 500.");
        assert!(verdict.sentence.contains(&words), "{}", verdict.sentence);
    }
    // The same event about an earlier pod of that name, or about another container, does not count.
    for (uid, message) in [
        ("other", "Container foo failed liveness probe, will be restarted"),
        ("pod", "Container other failed liveness probe, will be restarted"),
    ] {
        let event = EventFacts {
            uid: uid.to_owned(),
            ..event("Killing", message)
        };
        let verdict = of(&[pod(vec![ended("Error", 137, 1)])], &[event]).expect("a verdict");
        assert_eq!(verdict.cause, Cause::ContainerExits);
    }
}

#[test]
fn a_readiness_probe_that_does_not_pass_is_waited_for_and_then_reported() {
    let unhealthy = event(
        "Unhealthy",
        "Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused",
    );
    let verdict = of(&[pod(vec![running(true)])], &[unhealthy]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::ReadinessProbeFails);
    assert!(
        verdict.sentence.contains("has not passed: dial tcp 10.0.0.7:80"),
        "{}",
        verdict.sentence
    );
    assert_eq!((failed(&verdict, 599), failed(&verdict, 600)), (None, USER));
    // Also where events cannot be read.
    let verdict = of(&[pod(vec![running(true)])], &[]).expect("a verdict");
    let words = "has not passed. Correct ReadinessProbe or the service.";
    assert!(verdict.sentence.ends_with(words), "{}", verdict.sentence);
    // While a startup probe has time left, nothing is wrong.
    assert_eq!(of(&[pod(vec![running(false)])], &[]), None);
}

#[test]
fn the_first_end_of_a_container_with_a_probe_waits_for_the_event_that_may_explain_it() {
    let ended = |finished_before| ContainerFacts {
        may_be_killed: true,
        runs: Runs {
            finished: Some(second(10)),
            finished_before,
            ..Runs::default()
        },
        ..ended("Completed", 0, 1)
    };
    let first = causes(&stateful_set(), &[pod(vec![ended(None)])], &[]);
    let (reasons, held): (Vec<_>, Vec<_>) = first
        .iter()
        .map(|verdict| (verdict.cause, [11, 12].map(|at| verdict.holds(second(at)))))
        .unzip();
    assert_eq!((reasons, held), (vec![Cause::ContainerCompleted], vec![[false, true]]));
    let killing = event("Killing", "Container foo failed startup probe, will be restarted");
    let explained = causes(&stateful_set(), &[pod(vec![ended(None)])], &[killing]);
    assert!(explained[0].cause == Cause::StartupProbeFails && explained[0].holds(second(10)));
    // A later end follows a cause that is reported already, which must not disappear in between.
    let waiting = ContainerFacts {
        waiting: waiting("CrashLoopBackOff", "").waiting,
        ..ended(None)
    };
    for later in [ended(Some(second(5))), waiting] {
        let later = causes(&stateful_set(), &[pod(vec![later])], &[]);
        assert!(later[0].holds(second(10)), "{later:?}");
    }
}
