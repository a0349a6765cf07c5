//! Volumes that do not come to their pod: what is to be mounted does not exist, or cannot be attached. A pod that waits
//! for its volumes shows only `ContainerCreating`; the cause is in its events, and in those of its claims.

use super::super::facts::{EventFacts, PodFacts};
use super::pod::{is_creating, newest};
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    unscheduled(pod, events).or_else(|| mounting(pod, events))
}

/// A pod that gets no node before its claims have volumes.
fn unscheduled(pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let message = &pod.unschedulable.as_ref()?.message;
    let names_claim = message.contains("persistentvolumeclaim") || message.contains("PersistentVolumeClaim");
    if message.contains("persistentvolumeclaim") && message.contains("not found") {
        let words = format!(
            "Pod {} waits for a claim that does not exist: {} Make it, or correct its name.",
            pod.name,
            sentence(message)
        );
        return Some(Verdict::of_pod(Cause::ClaimMissing, pod, words));
    }
    let of_claim = |event: &&EventFacts| event.kind == "PersistentVolumeClaim" && pod.claims.contains(&event.name);
    let trouble = events
        .iter()
        .filter(of_claim)
        .filter(|event| matches!(event.reason.as_str(), "ProvisioningFailed" | "FailedBinding"))
        .max_by_key(|event| event.last);
    let report = trouble.map_or(message.as_str(), |event| &event.message);
    let claim = trouble.map_or_else(|| "its claim".to_owned(), |event| format!("claim {}", event.name));
    if report.contains("storageclass") && report.contains("not found") {
        let words = format!(
            "Pod {} waits for a volume, and the StorageClass of {claim} does not exist: {} Choose one of `kubectl get \
             storageclasses`.",
            pod.name,
            sentence(report)
        );
        return Some(Verdict::of_pod(Cause::StorageClassMissing, pod, words));
    }
    let waits = names_claim || message.contains("persistent volumes to bind") || trouble.is_some();
    waits.then(|| {
        let words = format!("Pod {} waits for the volume of {claim}: {}", pod.name, sentence(report));
        Verdict::of_pod(Cause::ClaimPending, pod, words)
    })
}

/// A pod that has a node, which cannot mount its volumes.
fn mounting(pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    if !is_creating(pod) {
        return None;
    }
    let event = newest(events, pod, |event| {
        matches!(event.reason.as_str(), "FailedMount" | "FailedAttachVolume")
            // The summary of several, which gives no cause.
            && !event.message.starts_with("Unable to attach or mount volumes")
    })?;
    let message = &event.message;
    let missing = message.contains("not found");
    let cause = if event.reason == "FailedAttachVolume" {
        Cause::VolumeAttachFails
    } else if message.contains("secret ") && missing {
        Cause::SecretMissing
    } else if message.contains("configmap ") && missing {
        Cause::ConfigMapMissing
    } else if message.contains("references non-existent") {
        Cause::KeyMissing
    } else {
        Cause::VolumeMountFails
    };
    // `MountVolume.SetUp failed for volume "v" : secret "s" not found`
    let volume = message
        .split_once("for volume \"")
        .and_then(|(_, rest)| rest.split('"').next());
    let advice = match (cause, volume) {
        (Cause::VolumeAttachFails, _) => "Kubernetes tries again.".to_owned(),
        (Cause::VolumeMountFails, _) => String::new(),
        (_, Some(volume)) => format!("Create it, or correct its name in volume {volume}."),
        (_, None) => "Create it, or correct its name.".to_owned(),
    };
    let words = format!("Pod {} cannot mount a volume: {} {advice}", pod.name, sentence(message));
    Some(Verdict::of_pod(cause, pod, words.trim_end().to_owned()))
}
