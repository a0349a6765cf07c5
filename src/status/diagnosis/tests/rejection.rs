//! Pods that fail as a whole.

use super::*;

fn rejected(code: &str, message: &str) -> PodFacts {
    PodFacts {
        node: "n1".into(),
        failed: Some(Reason {
            code: code.to_owned(),
            message: message.to_owned(),
        }),
        // The StatefulSet controller deletes it at once.
        gone_by: Some(second(30)),
        ..pod(Vec::new())
    }
}

/// A reason of `pod.status`, its message, the cause, and whether the service fails at once and after an hour.
type Row = (&'static str, &'static str, &'static str, Option<Blame>, Option<Blame>);

/// The message of a kubelet that rejects a pod for lack of room.
const TOO_LITTLE: &str =
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 1200, used: 1200, capacity: 2000";

const ROWS: &[Row] = &[
    ("OutOfcpu", TOO_LITTLE, "NodeOutOfResources", None, USER),
    ("OutOfmemory", TOO_LITTLE, "NodeOutOfResources", None, USER),
    ("OutOfpods", TOO_LITTLE, "NodeOutOfResources", None, USER),
    ("OutOfephemeral-storage", TOO_LITTLE, "NodeOutOfResources", None, USER),
    ("OutOfnvidia.com/gpu", TOO_LITTLE, "NodeOutOfResources", None, USER),
    (
        "UnexpectedAdmissionError",
        "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices \
             nvidia.com/gpu, which is unexpected",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "TopologyAffinityError",
        "Pod was rejected: Resources cannot be allocated with Topology locality",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "NodeAffinity",
        "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "NodePorts",
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "TaintToleration",
        "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "VolumeAttachmentLimitExceeded",
        "Pod was rejected: too many volumes",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "SomethingNew",
        "Pod was rejected: in a later version",
        "PodRejectedByNode",
        None,
        SYSTEM,
    ),
    (
        "SysctlForbidden",
        "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted",
        "PodNotSupportedByNode",
        USER,
        USER,
    ),
    (
        "AppArmor",
        "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
        "PodNotSupportedByNode",
        USER,
        USER,
    ),
    (
        "PodOSNotSupported",
        "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
        "PodNotSupportedByNode",
        USER,
        USER,
    ),
    (
        "SMTAlignmentError",
        "Pod was rejected: SMT Alignment Error: requested 1 cpus not multiple cpus per core = 2",
        "PodNotSupportedByNode",
        USER,
        USER,
    ),
    (
        "DeadlineExceeded",
        "Pod was active on the node longer than the specified deadline",
        "DeadlineExceeded",
        None,
        USER,
    ),
    ("SomethingNew", "in a later version", "PodFailed", None, USER),
    (
        "Evicted",
        "The node was low on resource: memory.",
        "Evicted",
        None,
        None,
    ),
    (
        "Preempting",
        "Preempted in order to admit critical pod",
        "Preempted",
        None,
        None,
    ),
    (
        "NodeShutdown",
        "Pod was rejected as the node is shutting down.",
        "NodeLost",
        None,
        None,
    ),
    (
        "Terminated",
        "Pod was terminated in response to imminent node shutdown.",
        "NodeLost",
        None,
        None,
    ),
];

#[test]
fn every_reason_of_a_failed_pod_is_reported_with_its_message() {
    for (code, message, reason, at_once, later) in ROWS {
        let pod = rejected(code, message);
        let sentence = of(std::slice::from_ref(&pod), &[]).expect("a verdict").sentence;
        let words = message.trim_start_matches("Pod was rejected: ");
        assert!(sentence.contains(&format!("({code}): {words}")), "{sentence}");
        assert_eq!(judged(pod), (*reason, *at_once, *later), "{code}");
    }
}

#[test]
fn a_failed_pod_without_a_reason_is_explained_by_its_containers() {
    let failed = PodFacts {
        failed: Some(Reason::default()),
        ..pod(vec![ended("Error", 3, 0)])
    };
    assert_eq!(judged(failed).0, "ContainerExits");
}

#[test]
fn a_pod_that_was_not_looked_at_yet_is_explained_by_its_predecessor() {
    let rejected = |uid: &str, at: i64| EventFacts {
        uid: uid.to_owned(),
        last: Some(second(at)),
        ..event(
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 1, used: 1, capacity: 1",
        )
    };
    let new = || PodFacts {
        created: Some(second(100)),
        node: "n1".into(),
        ..pod(Vec::new())
    };
    let verdict = of(&[new()], &[rejected("earlier", 99)]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::NodeOutOfResources);
    let words = "Pod foo-0 was turned away by node n1 (OutOfcpu): Node didn't have enough resource: cpu";
    assert!(verdict.sentence.starts_with(words), "{}", verdict.sentence);
    // Long ago, or where the pod was let in, it says nothing.
    assert_eq!(of(&[new()], &[rejected("earlier", 50)]), None);
    let starting = PodFacts {
        containers: vec![waiting("ContainerCreating", "")],
        ..new()
    };
    assert_eq!(of(&[starting], &[rejected("earlier", 99)]), None);
}

#[test]
fn a_pod_that_is_turned_away_again_and_again_fails_from_the_first_time_on() {
    let deleted = EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "SuccessfulDelete".to_owned(),
        message: "Delete Pod foo-0 in StatefulSet foo successful".to_owned(),
        first: Some(second(100)),
        last: Some(second(999)),
        ..EventFacts::default()
    };
    let last = PodFacts {
        created: Some(second(999)),
        ..rejected("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu")
    };
    let verdict = of(&[last], &[deleted]).expect("a verdict");
    assert_eq!((failed(&verdict, 999), failed(&verdict, 1000)), (None, USER));
}
