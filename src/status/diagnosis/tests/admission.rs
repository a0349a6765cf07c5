//! Pods that the API server refuses.

use super::*;

fn refused(words: &str) -> EventFacts {
    EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "FailedCreate".to_owned(),
        message: format!("Create Pod foo-0 in StatefulSet foo failed error: {words}"),
        first: Some(second(0)),
        ..EventFacts::default()
    }
}

#[test]
fn a_pod_that_may_not_be_made_is_explained_by_who_refuses_it() {
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
                .starts_with("Kubernetes rejects the pods of StatefulSet foo: ")
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

/// A service with one claim template.
fn with_claims() -> StatefulSetFacts {
    StatefulSetFacts {
        claim_templates: Box::new(["data".into()]),
        ..stateful_set()
    }
}

#[test]
fn a_claim_that_may_not_be_made_is_named_as_what_it_is() {
    for (words, reason, advice) in [
        (
            "persistentvolumeclaims \"data-foo-0\" is forbidden: exceeded quota: q, requested: persistentvolumeclaims=1, used: \
             persistentvolumeclaims=0, limited: persistentvolumeclaims=0",
            "QuotaExceeded",
            "Ask for less in VolumeClaimTemplates[0], delete claims that nobody needs any more, or have the quota raised.",
        ),
        (
            "persistentvolumeclaims \"data-foo-0\" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but \
             request is 1Mi",
            "LimitRangeRefused",
            "Change VolumeClaimTemplates[0].size to what the namespace's LimitRange allows.",
        ),
        (
            "persistentvolumeclaims \"data-foo-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "AdmissionRefused",
            "A policy of the cluster does not allow this PersistentVolumeClaim.",
        ),
        (
            "admission webhook \"w\" denied the request: no",
            "AdmissionRefused",
            "A policy of the cluster does not allow this PersistentVolumeClaim.",
        ),
        (
            "persistentvolumeclaims \"data-foo-0\" is forbidden: something new",
            "Forbidden",
            "The cluster does not allow this PersistentVolumeClaim.",
        ),
    ] {
        for message in [
            format!("Create Claim data-foo-0 for Pod foo-0 in StatefulSet foo failed error: {words}"),
            format!("Create Pod foo-0 in StatefulSet foo failed error: failed to create PVC data-foo-0: {words}"),
        ] {
            let event = EventFacts { message, ..refused("") };
            let verdict = diagnose(&with_claims(), &[], std::slice::from_ref(&event)).expect("a verdict");
            assert_eq!(verdict.cause.reason(), reason, "{words}");
            assert_eq!(verdict.culprit, "PersistentVolumeClaim data-foo-0");
            let sentence = format!("PersistentVolumeClaim data-foo-0 of pod foo-0: {words}. {advice}");
            assert!(verdict.sentence.ends_with(&sentence), "{}", verdict.sentence);
            assert_eq!(diagnose(&with_claims(), &[pod(Vec::new())], &[event]), None);
        }
    }
}
