//! Pods that Kubernetes has taken away.

use super::super::facts::PodFacts;
use super::{Fails, Verdict};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts) -> Option<Verdict> {
    let lost = pod.failed.as_ref().or(pod.disrupted.as_ref())?;
    let reason = match lost.code.as_str() {
        "Evicted" | "TerminationByKubelet" | "EvictionByEvictionAPI" => "Evicted",
        "PreemptionByScheduler" | "Preempting" => "Preempted",
        "NodeLost" | "DeletionByTaintManager" | "DeletionByPodGC" | "NodeShutdown" | "Terminated" => "NodeLost",
        _ => return None,
    };
    let words = format!(
        "Pod {} was taken away ({}): {} Kubernetes makes it again.",
        pod.name,
        lost.code,
        sentence(&lost.message)
    );
    Some(Verdict::of_pod(reason, pod, Fails::Never, words))
}
