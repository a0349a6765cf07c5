//! Pods that no node takes.

use super::super::facts::PodFacts;
use super::{Blame, Fails, Verdict, minutes};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts) -> Option<Verdict> {
    let message = pod.unschedulable.as_ref()?;
    // A cluster that grows needs minutes for a node, and other pods may make room at any time.
    let fails = Fails::After(minutes(15), Blame::User);
    let lack = |resource: &str| message.contains(&format!("Insufficient {resource}"));
    let (reason, advice) = if message.contains("nvidia.com/gpu") {
        (
            "InsufficientGpu",
            "Ask for fewer GPUs, or wait for a node that has them.",
        )
    } else if lack("cpu") {
        ("InsufficientCpu", "Lower Requests.cpu, or wait for room.")
    } else if lack("memory") {
        ("InsufficientMemory", "Lower Requests.mem, or wait for room.")
    } else if lack("ephemeral-storage") {
        (
            "InsufficientStorage",
            "Lower Requests.ephemeral_storage, or wait for room.",
        )
    } else if message.contains("Too many pods") {
        ("TooManyPods", "The nodes run as many pods as they may: wait for room.")
    } else if message.contains("unbound immediate PersistentVolumeClaims") || message.contains("persistentvolumeclaim")
    {
        ("ClaimPending", "Its volume is not there: see the claim's events.")
    } else if message.contains("node affinity/selector") {
        ("NoMatchingNode", "No node has the labels that the pod asks for.")
    } else if message.contains("untolerated taint") {
        ("TaintNotTolerated", "Every node keeps such pods away.")
    } else {
        ("Unschedulable", "")
    };
    let words = format!("No node takes pod {}: {} {advice}", pod.name, sentence(message));
    Some(Verdict::of_pod(reason, pod, fails, words.trim_end().to_owned()).waiting_for_resources())
}
