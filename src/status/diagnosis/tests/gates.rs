//! Readiness gates.

use super::*;
use crate::status::Gate;

fn gated(status: &str, code: &str, message: &str) -> PodFacts {
    PodFacts {
        closed_gates: vec![Gate {
            condition: "example.com/load-balancer".to_owned(),
            status: status.to_owned(),
            reason: Reason {
                code: code.to_owned(),
                message: message.to_owned(),
            },
        }],
        containers_ready_since: Some(second(100)),
        ..pod(vec![ContainerFacts {
            ready: true,
            ..running(true)
        }])
    }
}

#[test]
fn a_readiness_gate_that_is_not_open_is_reported_with_what_its_controller_says() {
    for (pod, words) in [
        (
            gated("", "", ""),
            "Pod foo-0 waits for the readiness gate example.com/load-balancer, which no controller has set. ",
        ),
        (
            gated("False", "Unhealthy", "The target fails its health checks."),
            "Pod foo-0 waits for the readiness gate example.com/load-balancer, which its controller has set to False \
             (Unhealthy): The target fails its health checks. ",
        ),
        (
            gated("Unknown", "", ""),
            "Pod foo-0 waits for the readiness gate example.com/load-balancer, which its controller has set to Unknown. ",
        ),
    ] {
        let verdict = of(&[pod], &[]).expect("a verdict");
        assert!(verdict.sentence.starts_with(words), "{}", verdict.sentence);
        assert_eq!(
            (verdict.cause, failed(&verdict, 699), failed(&verdict, 700)),
            (Cause::ReadinessGateClosed, None, USER)
        );
    }
}

#[test]
fn a_gate_is_no_cause_before_the_containers_are_ready() {
    let starting = PodFacts {
        has_unready_containers: true,
        ..gated("", "", "")
    };
    assert_eq!(of(&[starting], &[]), None);
    let fails = PodFacts {
        has_unready_containers: true,
        containers: vec![ended("Error", 3, 1)],
        ..gated("", "", "")
    };
    assert_eq!(judged(fails).0, "ContainerExits");
}
