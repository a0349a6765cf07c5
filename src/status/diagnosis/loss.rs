//! Pods that Kubernetes has removed, or is about to remove.

use super::super::facts::{EventFacts, PodFacts, StatefulSetFacts};
use super::super::reason::Reason;
use super::{Cause, Verdict, rejection};
use crate::text::sentence;

pub(super) fn diagnose(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let lost = [&pod.failed, &pod.disrupted];
    lost.into_iter()
        .flatten()
        .find_map(|lost| removed(pod, lost))
        // The new revision may have other requests than a pod of the old one.
        .or_else(|| rejection::diagnose(stateful_set, pod, events).filter(|_| !pod.is_outdated(stateful_set)))
        .or_else(|| terminating(pod))
        .or_else(|| left_behind(stateful_set, pod))
        .or_else(|| silent(pod))
}

fn removed(pod: &PodFacts, lost: &Reason) -> Option<Verdict> {
    let cause = match lost.code.as_str() {
        "Evicted" | "TerminationByKubelet" | "EvictionByEvictionAPI" => Cause::Evicted,
        "PreemptionByScheduler" | "Preempting" => Cause::Preempted,
        "NodeLost"
        | "NodeShutdown"
        | "Shutdown"
        | "Terminated"
        | "DeletionByTaintManager"
        | "DeletionByDeviceTaintManager"
        | "DeletionByPodGC" => Cause::NodeLost,
        _ => return None,
    };
    let words = format!(
        "Pod {} was removed ({}): {} Kubernetes recreates it.",
        pod.name,
        lost.code,
        sentence(&lost.message)
    );
    Some(Verdict::of_pod(cause, pod, words))
}

/// A pod that is being deleted, which a `StatefulSet` makes again only once it is gone.
fn terminating(pod: &PodFacts) -> Option<Verdict> {
    let gone_by = pod.gone_by?;
    let held = if pod.finalizers.is_empty() {
        String::new()
    } else {
        format!(" The finalizer {} holds it.", pod.finalizers.join(", "))
    };
    let words = format!(
        "Pod {} is being deleted and should be gone by {}; Kubernetes recreates it only then.{held} If its node is lost, \
         `kubectl delete pod {} --force` removes it from the API server.",
        pod.name,
        gone_by.strftime("%H:%M:%S UTC"),
        pod.name
    );
    Some(Verdict::of_pod(Cause::PodTerminating, pod, words).since(Some(gone_by)))
}

/// A pod of a `StatefulSet` that had the name before. Mostly the garbage collector is about to take it; where the
/// watches of Kubernetes's controllers were broken in between, it stays, and the new one waits for ever (kubernetes
/// issue 120862).
fn left_behind(stateful_set: &StatefulSetFacts, pod: &PodFacts) -> Option<Verdict> {
    if pod.owner.is_empty() || stateful_set.uid.is_empty() || pod.owner == stateful_set.uid {
        return None;
    }
    let words = format!(
        "Pod {0} belongs to an earlier StatefulSet {1} that is gone, and the new one waits until it is gone too: if that \
         lasts, `kubectl delete pod {0}` removes it.",
        pod.name, stateful_set.name
    );
    let since = stateful_set.created.max(pod.created);
    Some(Verdict::of_pod(Cause::PodLeftBehind, pod, words).since(since))
}

/// A pod whose containers, sidecars included, were all ready when its node last reported, and which Kubernetes has
/// called not ready since. The kubelet itself reports that together with the container that is not ready.
fn silent(pod: &PodFacts) -> Option<Verdict> {
    let mut serving = pod.containers.iter().filter(|container| !container.init).peekable();
    let were_ready = serving.peek().is_some() && serving.all(|container| container.ready);
    if pod.ready || !pod.closed_gates.is_empty() || pod.has_unready_containers || !were_ready {
        return None;
    }
    let words = format!(
        "Node {} of pod {} does not answer. Kubernetes recreates the pod elsewhere if that lasts.",
        pod.node, pod.name
    );
    Some(Verdict::of_pod(Cause::NodeLost, pod, words))
}
