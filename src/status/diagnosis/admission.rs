//! Pods that the API server does not let the `StatefulSet` make. There is no pod then, and only an event says so.

use super::super::facts::{EventFacts, PodFacts};
use super::{Blame, Fails, Verdict, minutes};
use crate::wording::sentence;

pub(super) fn diagnose(name: &str, event: &EventFacts, pods: &[PodFacts]) -> Option<Verdict> {
    // `create Pod foo-0 in StatefulSet foo failed error: <the API server's words>`
    let message = &event.message;
    // An event stays for an hour, also where the pod could be made in the meantime.
    let made_since = |pod: &PodFacts| message.contains(&format!("create Pod {} in ", pod.name));
    if event.reason != "FailedCreate" || pods.iter().any(made_since) {
        return None;
    }
    let words = message
        .split_once("failed error: ")
        .map_or(message.as_str(), |(_, words)| words);
    let user = Fails::AtOnce(Blame::User);
    let (reason, fails, advice) = if words.contains("exceeded quota") {
        // Somebody else's pods may end and make room.
        (
            "QuotaExceeded",
            Fails::After(minutes(15), Blame::User),
            "Ask for less, or have the quota raised.",
        )
    } else if words.contains("violates PodSecurity") {
        (
            "PodSecurityRefused",
            user,
            "The namespace's security level does not allow this pod.",
        )
    } else if words.contains("usage per Container") || words.contains("usage per Pod") || words.contains("limit ratio")
    {
        (
            "LimitRangeRefused",
            user,
            "Change Requests or Limits to what the namespace's LimitRange allows.",
        )
    } else if words.contains("failed calling webhook") {
        (
            "WebhookUnavailable",
            Fails::Never,
            "An admission webhook of the cluster is away; Kubernetes tries again.",
        )
    } else if words.contains("denied the request") || words.contains("denied request") {
        (
            "AdmissionRefused",
            user,
            "A policy of the cluster does not allow this pod.",
        )
    } else if words.contains("serviceaccount") && words.contains("not found") {
        (
            "ServiceAccountMissing",
            Fails::After(minutes(1), Blame::User),
            "Make the service account, or correct its name.",
        )
    } else if words.contains("being terminated") {
        (
            "NamespaceTerminating",
            user,
            "The namespace is being deleted: use another one.",
        )
    } else if words.contains("must be no more than") {
        ("NameTooLong", user, "Choose a shorter Name.")
    } else if words.contains("is forbidden") {
        (
            "Forbidden",
            Fails::After(minutes(1), Blame::User),
            "The cluster does not allow this pod.",
        )
    } else {
        ("PodNotCreated", Fails::After(minutes(5), Blame::User), "")
    };
    let sentence = format!(
        "Kubernetes does not let StatefulSet {name} make its pods: {} {advice}",
        sentence(words)
    );
    let verdict = Verdict::new(
        reason,
        format!("StatefulSet {name}"),
        fails,
        sentence.trim_end().to_owned(),
    );
    Some(
        Verdict {
            since: event.first,
            ..verdict
        }
        .waiting_for_resources(),
    )
}
