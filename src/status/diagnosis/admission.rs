//! Objects that the API server refuses to the `StatefulSet`: pods, and the claims of their volumes. There is no pod
//! then, and only an event explains why.

use super::super::facts::{EventFacts, PodFacts, StatefulSetFacts};
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(stateful_set: &StatefulSetFacts, event: &EventFacts, pods: &[PodFacts]) -> Option<Verdict> {
    let is_ours = event.kind == "StatefulSet" && *event.uid == *stateful_set.uid;
    if !is_ours || event.reason != "FailedCreate" {
        return None;
    }
    let refused = Refused::read(&event.message)?;
    // An event stays for an hour, also where the pod could be made in the meantime.
    if pods.iter().any(|pod| pod.name == refused.pod) {
        return None;
    }
    let (cause, advice) = classify(refused.kind(), refused.words);
    let advice = refused.advice(stateful_set, cause).unwrap_or(advice);
    let name = &stateful_set.name;
    let words = format!(
        "Kubernetes rejects the pods of StatefulSet {name}: {}: {} {advice}",
        refused.object(),
        sentence(refused.words)
    );
    let culprit = match refused.claim {
        Some(claim) => format!("PersistentVolumeClaim {claim}"),
        None => format!("StatefulSet {name}"),
    };
    let verdict = Verdict::new(cause, culprit, words.trim_end().to_owned());
    Some(verdict.since(event.first))
}

/// The object that the API server has refused, and its message.
struct Refused<'a> {
    pod: &'a str,
    /// The claim that was refused, where it was not the pod itself.
    claim: Option<&'a str>,
    words: &'a str,
}

impl<'a> Refused<'a> {
    /// Reads the event's message:
    ///
    /// - `create Pod foo-0 in StatefulSet foo failed error: <words>`
    /// - `create Pod foo-0 in StatefulSet foo failed error: failed to create PVC data-foo-0: <words>`
    /// - `create Claim data-foo-0 for Pod foo-0 in StatefulSet foo failed error: <words>`
    fn read(message: &'a str) -> Option<Self> {
        let (what, words) = message.split_once(" failed error: ")?;
        let word_after = |text: &'a str, key: &str| text.split_once(key)?.1.split_whitespace().next();
        let of_claim = words
            .strip_prefix("failed to create PVC ")
            .and_then(|rest| rest.split_once(": "));
        let (claim, words) = match of_claim {
            Some((claim, words)) => (Some(claim), words),
            None => (word_after(what, "Claim "), words),
        };
        Some(Self {
            pod: word_after(what, "Pod ")?,
            claim,
            words,
        })
    }

    fn kind(&self) -> &'static str {
        if self.claim.is_some() {
            "PersistentVolumeClaim"
        } else {
            "Pod"
        }
    }

    fn object(&self) -> String {
        match self.claim {
            Some(claim) => format!("PersistentVolumeClaim {claim} of pod {}", self.pod),
            None => format!("pod {}", self.pod),
        }
    }

    /// The advice about a claim, by the field that it comes from.
    fn advice(&self, stateful_set: &StatefulSetFacts, cause: Cause) -> Option<String> {
        let template = self.claim?.strip_suffix(&format!("-{}", self.pod))?;
        let mut templates = stateful_set.claim_templates.iter();
        let index = templates.position(|name| **name == *template)?;
        let field = format!("VolumeClaimTemplates[{index}]");
        match cause {
            Cause::LimitRangeRefused => Some(format!(
                "Change {field}.size to what the namespace's LimitRange allows."
            )),
            Cause::QuotaExceeded => Some(format!(
                "Ask for less in {field}, delete claims that nobody needs any more, or have the quota raised."
            )),
            _ => None,
        }
    }
}

/// Which cause the API server's words about an object of a kind are, and what to do.
#[must_use]
pub fn classify(kind: &str, words: &str) -> (Cause, String) {
    let object = match kind {
        "Pod" => "pod".to_owned(),
        _ => kind.to_owned(),
    };
    let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if words.contains("exceeded quota") {
        // Somebody else's objects may end and make room.
        return (
            Cause::QuotaExceeded,
            "Ask for less, or have the quota raised.".to_owned(),
        );
    }
    if words.contains("violates PodSecurity") {
        let advice = format!("The namespace's security level does not allow this {object}.");
        return (Cause::PodSecurityRefused, advice);
    }
    if any(&[
        "usage per Container",
        "usage per Pod",
        "usage per PersistentVolumeClaim",
        "limit ratio",
        "limit to request ratio",
    ]) {
        let fields = if kind == "PersistentVolumeClaim" {
            "the size of the claim"
        } else {
            "Requests or Limits"
        };
        let advice = format!("Change {fields} to what the namespace's LimitRange allows.");
        return (Cause::LimitRangeRefused, advice);
    }
    if words.contains("failed calling webhook") {
        let advice = "An admission webhook of the cluster is away; Kubernetes tries again.".to_owned();
        return (Cause::WebhookUnavailable, advice);
    }
    if any(&["denied the request", "denied request"]) {
        let advice = format!("A policy of the cluster does not allow this {object}.");
        return (Cause::AdmissionRefused, advice);
    }
    if words.contains("serviceaccount") && words.contains("not found") {
        let advice = "Make the service account, or correct its name.".to_owned();
        return (Cause::ServiceAccountMissing, advice);
    }
    if words.contains("being terminated") {
        let advice = "The namespace is being deleted: use another one.".to_owned();
        return (Cause::NamespaceTerminating, advice);
    }
    if words.contains("must be no more than") {
        return (Cause::NameTooLong, "Choose a shorter Name.".to_owned());
    }
    if words.contains("failed quota") {
        let advice = "Say the amounts that the quota asks for.".to_owned();
        return (Cause::Forbidden, advice);
    }
    if words.contains("is forbidden") {
        return (Cause::Forbidden, format!("The cluster does not allow this {object}."));
    }
    (Cause::PodNotCreated, String::new())
}
