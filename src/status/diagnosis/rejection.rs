//! Pods that have failed as a whole: their node has turned them away, or ended them.

use k8s_openapi::jiff::Timestamp;

use super::super::facts::{EventFacts, PodFacts, Reason, StatefulSetFacts};
use super::{Cause, Verdict};
use crate::wording::sentence;

/// The verdict on a pod that failed with a reason of its own. Without one, its containers say why.
pub(super) fn diagnose(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let failed = pod.failed.as_ref().filter(|failed| !failed.code.is_empty())?;
    let cause = sort(failed);
    let advice = match cause {
        Cause::NodeOutOfResources => {
            "Others use what the scheduler took for free. Kubernetes makes the pod again; ask for less, or let the scheduler \
             choose the node (no nodeName)."
        }
        Cause::PodNotSupportedByNode => "Change what the pod asks for, or choose nodes that support it.",
        Cause::DeadlineExceeded => "Remove activeDeadlineSeconds, which a policy of the cluster may have added.",
        _ => "Kubernetes makes it again.",
    };
    let what = match cause {
        Cause::DeadlineExceeded | Cause::PodFailed => "failed",
        _ => "was turned away",
    };
    let by = match (what, &*pod.node) {
        ("failed", _) | (_, "") => String::new(),
        (_, node) => format!(" by node {node}"),
    };
    let message = failed.message.trim_start_matches("Pod was rejected: ");
    let message = if message.is_empty() {
        String::new()
    } else {
        format!(" {}", sentence(message))
    };
    let words = format!("Pod {} {what}{by} ({}):{message} {advice}", pod.name, failed.code);
    Some(Verdict::of_pod(cause, pod, words).since(since(stateful_set, pod, events)))
}

/// Since when a pod fails: the `StatefulSet` controller deletes one that has failed at once and makes it again, several times
/// in a second. Its event counts from the first deletion.
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
    first.max(stateful_set.changed.filter(|_| first.is_some())).or(pod.created)
}

/// Which cause the reason of a failed pod is.
///
/// What a node lacks may be free on the next try, and on another node. What a kind of node does not support stays so.
fn sort(failed: &Reason) -> Cause {
    match failed.code.as_str() {
        // `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfnvidia.com/gpu`
        code if code.starts_with("OutOf") => Cause::NodeOutOfResources,
        "AppArmor"
        | "PodOSNotSupported"
        | "PodOSSelectorNodeLabelDoesNotMatch"
        | "PodLevelResourcesNotSupported"
        | "SupplementalGroupsPolicyNotSupported"
        | "InitContainerRestartPolicyForbidden"
        | "SysctlForbidden"
        | "FailedNodeDeclaredFeaturesCheck" => Cause::PodNotSupportedByNode,
        code if code.to_lowercase().contains("seccomp") => Cause::PodNotSupportedByNode,
        // The node's CPU manager asks for whole cores, which the pod does not.
        "SMTAlignmentError" if failed.message.contains("not multiple") => Cause::PodNotSupportedByNode,
        "EmptyPodSharedPoolError" => Cause::PodNotSupportedByNode,
        "DeadlineExceeded" => Cause::DeadlineExceeded,
        "NodeAffinity"
        | "NodeName"
        | "NodePorts"
        | "NodeUnschedulable"
        | "NodeNotReady"
        | "TaintToleration"
        | "InvalidNodeInfo"
        | "SMTAlignmentError"
        | "TopologyAffinityError"
        | "UnexpectedAdmissionError"
        | "UnexpectedPredicateFailureType"
        | "UnknownReason"
        | "VolumeAttachmentLimitExceeded" => Cause::PodRejectedByNode,
        _ if failed.message.starts_with("Pod was rejected: ") => Cause::PodRejectedByNode,
        _ => Cause::PodFailed,
    }
}
