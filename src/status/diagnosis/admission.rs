//! Pods that the API server does not let the `StatefulSet` make. There is no pod then, and only an event says so.

use super::super::facts::{EventFacts, PodFacts, StatefulSetFacts};
use super::{Cause, Verdict};
use crate::wording::sentence;

pub(super) fn diagnose(stateful_set: &StatefulSetFacts, event: &EventFacts, pods: &[PodFacts]) -> Option<Verdict> {
    // `create Pod foo-0 in StatefulSet foo failed error: <the API server's words>`
    let message = &event.message;
    // An event stays for an hour, also where the pod could be made in the meantime.
    let made_since = |pod: &PodFacts| message.contains(&format!("create Pod {} in ", pod.name));
    let is_ours = event.kind == "StatefulSet" && *event.uid == *stateful_set.uid;
    if !is_ours || event.reason != "FailedCreate" || pods.iter().any(made_since) {
        return None;
    }
    let words = message
        .split_once("failed error: ")
        .map_or(message.as_str(), |(_, words)| words);
    let (cause, advice) = sort(words);
    let name = &stateful_set.name;
    let sentence = format!(
        "Kubernetes does not let StatefulSet {name} make its pods: {} {advice}",
        sentence(words)
    );
    let verdict = Verdict::new(cause, format!("StatefulSet {name}"), sentence.trim_end().to_owned());
    Some(verdict.since(event.first))
}

/// Which cause the API server's words are, and what to do.
#[must_use]
pub fn sort(words: &str) -> (Cause, &'static str) {
    if words.contains("exceeded quota") {
        // Somebody else's pods may end and make room.
        (Cause::QuotaExceeded, "Ask for less, or have the quota raised.")
    } else if words.contains("violates PodSecurity") {
        (
            Cause::PodSecurityRefused,
            "The namespace's security level does not allow this pod.",
        )
    } else if words.contains("usage per Container") || words.contains("usage per Pod") || words.contains("limit ratio")
    {
        (
            Cause::LimitRangeRefused,
            "Change Requests or Limits to what the namespace's LimitRange allows.",
        )
    } else if words.contains("failed calling webhook") {
        (
            Cause::WebhookUnavailable,
            "An admission webhook of the cluster is away; Kubernetes tries again.",
        )
    } else if words.contains("denied the request") || words.contains("denied request") {
        (
            Cause::AdmissionRefused,
            "A policy of the cluster does not allow this pod.",
        )
    } else if words.contains("serviceaccount") && words.contains("not found") {
        (
            Cause::ServiceAccountMissing,
            "Make the service account, or correct its name.",
        )
    } else if words.contains("being terminated") {
        (
            Cause::NamespaceTerminating,
            "The namespace is being deleted: use another one.",
        )
    } else if words.contains("must be no more than") {
        (Cause::NameTooLong, "Choose a shorter Name.")
    } else if words.contains("is forbidden") {
        (Cause::Forbidden, "The cluster does not allow this pod.")
    } else {
        (Cause::PodNotCreated, "")
    }
}
