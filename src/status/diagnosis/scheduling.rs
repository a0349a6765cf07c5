//! Pods that have no node.

use super::super::facts::{EventFacts, PodFacts};
use super::pod::newest;
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let reason = pod.unschedulable.as_ref()?;
    if reason.code == "SchedulingGated" {
        let words = format!(
            "Pod {} waits until its scheduling gates are removed, as a queue does when its turn has come.",
            pod.name
        );
        return Some(Verdict::of_pod(Cause::SchedulingGated, pod, words));
    }
    let message = &reason.message;
    let (cause, advice) = lack(message);
    let words = format!("No node takes pod {}: {} {advice}", pod.name, sentence(message));
    let words = words.trim_end();
    let scaling = newest(events, pod, |event| has_scaled(event).is_some());
    Some(match scaling.map(|event| (event, has_scaled(event))) {
        Some((event, Some(true))) => {
            let words = format!("{words} The autoscaler is adding a node: {}", sentence(&event.message));
            Verdict::of_pod(Cause::ScaleUpInProgress, pod, words).since(event.last)
        }
        Some((event, _)) => {
            let words = format!("{words} The autoscaler adds no node: {}", sentence(&event.message));
            Verdict::of_pod(cause, pod, words)
        }
        None => Verdict::of_pod(cause, pod, words.to_owned()),
    })
}

/// The report of an autoscaler on a pod: it adds a node, or it does not. `None` is an event of somebody else.
fn has_scaled(event: &EventFacts) -> Option<bool> {
    match event.reason.as_str() {
        // The Kubernetes cluster autoscaler, and Karpenter.
        "TriggeredScaleUp" | "Nominated" => Some(true),
        "NotTriggerScaleUp" => Some(false),
        _ => None,
    }
}

/// The shortage of the nodes, by the scheduler's message, and what to do. Of several shortages, the first is reported.
fn lack(message: &str) -> (Cause, &'static str) {
    let insufficient = |resource: &str| message.contains(&format!("Insufficient {resource}"));
    // Extended resources are named with their vendor's domain.
    let gpu = message.split("Insufficient ").skip(1).any(|rest| {
        let resource = rest.split([',', ' ']).next().unwrap_or_default();
        resource.contains("/gpu")
    });
    if gpu {
        (
            Cause::InsufficientGpu,
            "Ask for fewer GPUs, or wait for a node that has them.",
        )
    } else if insufficient("cpu") {
        (Cause::InsufficientCpu, "Lower Requests.cpu, or wait for room.")
    } else if insufficient("memory") {
        (Cause::InsufficientMemory, "Lower Requests.mem, or wait for room.")
    } else if insufficient("ephemeral-storage") {
        (
            Cause::InsufficientStorage,
            "Lower Requests.ephemeral_storage, or wait for room.",
        )
    } else if message.contains("Too many pods") {
        (
            Cause::TooManyPods,
            "Every node is at its limit of pods: wait, or add a node.",
        )
    } else if message.contains("pod affinity")
        || message.contains("anti-affinity")
        || message.contains("topology spread")
    {
        (
            Cause::PodAffinityUnmatched,
            "No node has the neighbours that the pod asks for.",
        )
    } else if message.contains("node affinity/selector") {
        (Cause::NoMatchingNode, "No node has the labels that the pod asks for.")
    } else if message.contains("untolerated taint") {
        (
            Cause::TaintNotTolerated,
            "Every node has a taint that the pod does not tolerate.",
        )
    } else {
        (Cause::Unschedulable, "")
    }
}
