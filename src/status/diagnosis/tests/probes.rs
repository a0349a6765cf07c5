//! Probes that fail.

use super::*;

#[test]
fn a_container_that_a_probe_has_killed_is_told_by_the_probe() {
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
    // The same event about a pod that had the name before, or about another container, says nothing.
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
fn a_readiness_probe_that_does_not_pass_is_waited_for_and_then_told() {
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
    assert!(verdict.sentence.ends_with("has not passed."), "{}", verdict.sentence);
    // While a startup probe has time left, nothing is wrong.
    assert_eq!(of(&[pod(vec![running(false)])], &[]), None);
}
