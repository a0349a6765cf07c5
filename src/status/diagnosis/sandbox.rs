//! Pods whose sandbox, which holds the network and the limits of the whole pod, cannot be created on their node. Only
//! events explain that: the containers show `ContainerCreating`.

use super::super::facts::{EventFacts, PodFacts};
use super::containers::is_limit_too_small;
use super::pod::{is_creating, newest};
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    if pod.has_sandbox || !is_creating(pod) {
        return None;
    }
    let last = newest(events, pod, |event| is_of_sandbox(event) || is_of_volume(event))
        .filter(|event| is_of_sandbox(event))?;
    let first = events
        .iter()
        .filter(|event| event.is_about(pod) && is_of_sandbox(event));
    let first = first.filter_map(|event| event.first).min();
    let message = last.message.trim_start_matches("(combined from similar events): ");
    let (cause, advice) = classify(&last.reason, message);
    let node = if pod.node.is_empty() {
        "Its node".to_owned()
    } else {
        format!("Node {}", pod.node)
    };
    let words = format!("{node} cannot set up pod {}: {} {advice}", pod.name, sentence(message));
    Some(Verdict::of_pod(cause, pod, words).since(first.or(pod.created)))
}

pub(super) fn is_of_sandbox(event: &EventFacts) -> bool {
    matches!(
        event.reason.as_str(),
        "FailedCreatePodSandBox"
            | "FailedPodSandBoxStatus"
            | "FailedCreatePodContainer"
            | "FailedPrepareDynamicResources"
            | "NetworkNotReady"
    )
}

fn is_of_volume(event: &EventFacts) -> bool {
    matches!(
        event.reason.as_str(),
        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume"
    )
}

/// Which cause the kubelet's words are, and what to do.
fn classify(reason: &str, message: &str) -> (Cause, &'static str) {
    let words = message.to_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if is_limit_too_small(message) {
        return (
            Cause::MemoryLimitTooSmall,
            "The memory limit is too small for the pod to start: raise Limits.mem.",
        );
    }
    // containerd, CRI-O and the kubelet.
    if any(&["no runtime for ", "runtime handler", "runtimeclass"]) {
        return (
            Cause::RuntimeHandlerMissing,
            "The node does not have the handler of the pod's RuntimeClass: correct RuntimeClass, or choose nodes that have it.",
        );
    }
    if any(&[
        "no ip addresses available",
        "no available ip",
        "no more ip",
        "no free ip",
        "failed to assign an ip address",
        "range is full",
        "not enough ip",
        "pool exhausted",
        "pool is exhausted",
    ]) {
        return (
            Cause::PodAddressesExhausted,
            "The node's network plugin has no address left. Kubernetes tries again; fewer pods on the node or a larger range \
             of addresses help.",
        );
    }
    if reason == "NetworkNotReady" || any(&["setup network", "set up network", "cni", "network plugin"]) {
        return (
            Cause::PodNetworkFails,
            "The node's network plugin cannot connect the pod. Kubernetes tries again.",
        );
    }
    (Cause::PodSandboxFails, "Kubernetes tries again.")
}
