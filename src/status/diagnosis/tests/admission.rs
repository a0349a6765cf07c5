//! Pods that the API server refuses.

use super::*;

fn refused(words: &str) -> EventFacts {
    EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "FailedCreate".to_owned(),
        message: format!("create Pod foo-0 in StatefulSet foo failed error: {words}"),
        first: Some(second(0)),
        ..EventFacts::default()
    }
}

#[test]
fn a_pod_that_may_not_be_made_is_told_by_who_refuses_it() {
    for (words, reason, at_once, later) in [
        (
            "pods \"foo-0\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
            "QuotaExceeded",
            None,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: violates PodSecurity \"restricted:latest\": seccompProfile",
            "PodSecurityRefused",
            USER,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "LimitRangeRefused",
            USER,
            USER,
        ),
        (
            "admission webhook \"w\" denied the request: no",
            "AdmissionRefused",
            USER,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "AdmissionRefused",
            USER,
            USER,
        ),
        (
            "Internal error occurred: failed calling webhook \"w\": connection refused",
            "WebhookUnavailable",
            None,
            None,
        ),
        (
            "pods \"foo-0\" is forbidden: error looking up service account ns/s: serviceaccount \"s\" not found",
            "ServiceAccountMissing",
            None,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: unable to create new content in namespace n because it is being terminated",
            "NamespaceTerminating",
            USER,
            USER,
        ),
        (
            "Pod \"foo-0\" is invalid: metadata.labels: must be no more than 63 bytes",
            "NameTooLong",
            USER,
            USER,
        ),
        ("something new", "PodNotCreated", None, USER),
    ] {
        let verdict = of(&[], &[refused(words)]).expect("a verdict");
        assert!(
            verdict
                .sentence
                .starts_with("Kubernetes does not let StatefulSet foo make its pods: ")
        );
        assert_eq!(verdict.culprit, "StatefulSet foo");
        assert_eq!(
            (verdict.cause.reason(), failed(&verdict, 0), failed(&verdict, 3600)),
            (reason, at_once, later),
            "{words}"
        );
    }
}

#[test]
fn an_event_about_a_pod_that_was_made_since_is_no_cause() {
    assert_eq!(of(&[pod(Vec::new())], &[refused("exceeded quota")]), None);
    let other = EventFacts {
        reason: "SuccessfulCreate".to_owned(),
        ..EventFacts::default()
    };
    assert_eq!(of(&[], &[other]), None);
}
