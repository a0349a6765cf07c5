//! Pods that have no node.

use super::*;

#[test]
fn a_pod_that_no_node_takes_waits_for_resources_and_names_them() {
    for (message, reason) in [
        (
            "0/1 nodes are available: 1 Insufficient cpu. preemption: none",
            "InsufficientCpu",
        ),
        ("0/1 nodes are available: 1 Insufficient memory.", "InsufficientMemory"),
        (
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
            "InsufficientGpu",
        ),
        (
            "0/1 nodes are available: 1 Insufficient ephemeral-storage.",
            "InsufficientStorage",
        ),
        ("0/1 nodes are available: 1 Too many pods.", "TooManyPods"),
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            "NoMatchingNode",
        ),
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint {a: b}.",
            "TaintNotTolerated",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "ClaimPending",
        ),
        ("something new", "Unschedulable"),
    ] {
        let pod = PodFacts {
            unschedulable: Some(unschedulable(message)),
            ..pod(Vec::new())
        };
        assert!(
            of(std::slice::from_ref(&pod), &[])
                .expect("a verdict")
                .cause
                .waits_for_resources()
        );
        assert_eq!(judged(pod), (reason, None, USER), "{message}");
    }
}

#[test]
fn an_autoscaler_that_adds_a_node_is_waited_for_from_when_it_said_so() {
    let waits = PodFacts {
        unschedulable: Some(unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")),
        ..pod(Vec::new())
    };
    let at = |seconds, event: EventFacts| EventFacts {
        last: Some(second(seconds)),
        ..event
    };
    let up = |seconds| {
        at(
            seconds,
            event("TriggeredScaleUp", "pod triggered scale-up: [{gpus 0->1 (max: 4)}]"),
        )
    };
    let not = |seconds| {
        at(
            seconds,
            event(
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: 1 max node group size reached",
            ),
        )
    };
    let verdict = of(std::slice::from_ref(&waits), &[not(10), up(1000)]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::ScaleUpInProgress);
    assert!(
        verdict
            .sentence
            .contains("The autoscaler is adding a node: pod triggered"),
        "{}",
        verdict.sentence
    );
    assert_eq!(
        (failed(&verdict, 1000 + 1799), failed(&verdict, 1000 + 1800)),
        (None, USER)
    );
    let verdict = of(std::slice::from_ref(&waits), &[up(10), not(1000)]).expect("a verdict");
    assert_eq!((verdict.cause, failed(&verdict, 899)), (Cause::InsufficientGpu, None));
    assert!(
        verdict.sentence.contains("The autoscaler adds no node: pod didn't"),
        "{}",
        verdict.sentence
    );
}

#[test]
fn a_pod_behind_a_scheduling_gate_is_waited_for() {
    let gated = Reason {
        code: "SchedulingGated".to_owned(),
        message: "Scheduling is blocked due to non-empty scheduling gates".to_owned(),
    };
    let gated = PodFacts {
        unschedulable: Some(gated),
        ..pod(Vec::new())
    };
    assert_eq!(judged(gated), ("SchedulingGated", None, None));
}
