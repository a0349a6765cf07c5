//! Pods that have failed as a whole: their node has turned them away, or ended them.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::facts::{EventFacts, PodFacts, StatefulSetFacts};
use super::super::reason::Reason;
use super::{Cause, Verdict};
use crate::text::sentence;

/// How the kubelet's words on a pod begin that it has turned away.
const REJECTED: &str = "Pod was rejected: ";

/// How long before a pod was made the end of its predecessor explains it.
const RECENT: SignedDuration = SignedDuration::from_secs(10);

/// The verdict on a pod that failed with a reason of its own, or whose predecessor of that name has just done so.
/// Without a reason, its containers have it.
pub(super) fn diagnose(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let failed = match &pod.failed {
        Some(failed) => failed.clone(),
        None => predecessor(pod, events)?,
    };
    if failed.code.is_empty() {
        return None;
    }
    let cause = classify(&failed);
    let advice = match cause {
        Cause::NodeOutOfResources => {
            "The resources that the scheduler counted as free are in use. Kubernetes recreates the pod; ask for less, or let the scheduler \
             choose the node (no nodeName)."
        }
        Cause::PodNotSupportedByNode => "Change what the pod asks for, or choose nodes that support it.",
        Cause::DeadlineExceeded => "Remove activeDeadlineSeconds, which a policy of the cluster may have added.",
        _ => "Kubernetes recreates it.",
    };
    let what = match (cause, &*pod.node) {
        (Cause::DeadlineExceeded | Cause::PodFailed, _) => "failed".to_owned(),
        (_, "") => "was turned away".to_owned(),
        (_, node) => format!("was turned away by node {node}"),
    };
    let message = failed.message.trim_start_matches(REJECTED);
    let message = if message.is_empty() {
        String::new()
    } else {
        format!(" {}", sentence(message))
    };
    let words = format!("Pod {} {what} ({}):{message} {advice}", pod.name, failed.code);
    Some(Verdict::of_pod(cause, pod, words).since(since(stateful_set, pod, events)))
}

/// Why the pod that had the name before was turned away, where this one was not looked at yet. The `StatefulSet`
/// controller makes it again at once, and each is turned away within moments.
fn predecessor(pod: &PodFacts, events: &[EventFacts]) -> Option<Reason> {
    if pod.gone_by.is_some() || !pod.containers.is_empty() || pod.unschedulable.is_some() {
        return None;
    }
    let not_before = pod.created?.checked_sub(RECENT).ok()?;
    let of_predecessor = events.iter().filter(|event| {
        event.kind == "Pod"
            && event.name == pod.name
            && !event.is_about(pod)
            && is_rejection(&event.reason)
            && event.last.is_some_and(|last| last >= not_before)
    });
    let last = of_predecessor.max_by_key(|event| event.last)?;
    Some(Reason {
        code: last.reason.clone(),
        message: format!("{REJECTED}{}", last.message),
    })
}

/// Since when a pod fails: the `StatefulSet` controller deletes one that has failed at once and makes it again, several
/// times in a second. Its event counts from the first deletion; without one, the pod's own times count.
fn since(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Option<Timestamp> {
    // `Delete Pod foo-0 in StatefulSet foo successful`
    let deleted = format!("elete Pod {} in ", pod.name);
    let of_pod = events.iter().filter(|event| {
        event.kind == "StatefulSet"
            && *event.uid == *stateful_set.uid
            && event.reason == "SuccessfulDelete"
            && event.message.contains(&deleted)
    });
    let first = of_pod.filter_map(|event| event.first).min();
    // A rollout has deleted the pod too, and not for a fault.
    first.max(stateful_set.changed.filter(|_| first.is_some()))
}

/// Which cause the reason of a failed pod is.
///
/// Resources that a node lacks may be free on the next try, and on another node. A feature that a kind of node does not
/// support stays missing.
fn classify(failed: &Reason) -> Cause {
    match failed.code.as_str() {
        code if is_lack(code) => Cause::NodeOutOfResources,
        // The node's CPU manager asks for whole cores, which the pod does not.
        "SMTAlignmentError" if failed.message.contains("not multiple") => Cause::PodNotSupportedByNode,
        code if UNSUPPORTED.contains(&code) || code.to_lowercase().contains("seccomp") => Cause::PodNotSupportedByNode,
        "DeadlineExceeded" => Cause::DeadlineExceeded,
        code if TURNED_AWAY.contains(&code) || failed.message.starts_with(REJECTED) => Cause::PodRejectedByNode,
        _ => Cause::PodFailed,
    }
}

/// Whether an event of this reason reports that the kubelet has rejected a pod.
fn is_rejection(code: &str) -> bool {
    is_lack(code) || UNSUPPORTED.contains(&code) || TURNED_AWAY.contains(&code)
}

/// `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfnvidia.com/gpu`
fn is_lack(code: &str) -> bool {
    code.starts_with("OutOf")
}

/// Reasons that another try does not change.
const UNSUPPORTED: [&str; 9] = [
    "AppArmor",
    "EmptyPodSharedPoolError",
    "InitContainerRestartPolicyForbidden",
    "PodFeatureUnsupported",
    "PodLevelResourcesNotSupported",
    "PodOSNotSupported",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "SupplementalGroupsPolicyNotSupported",
    "SysctlForbidden",
];

/// Reasons that depend on the state of the node.
const TURNED_AWAY: [&str; 13] = [
    "InvalidNodeInfo",
    "NodeAffinity",
    "NodeName",
    "NodeNotReady",
    "NodePorts",
    "NodeUnschedulable",
    "SMTAlignmentError",
    "TaintToleration",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "UnexpectedPredicateFailureType",
    "UnknownReason",
    "VolumeAttachmentLimitExceeded",
];
