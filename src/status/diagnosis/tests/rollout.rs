//! Rollouts.

use super::*;

#[test]
fn an_ordered_rollout_that_waits_for_a_pod_of_the_old_revision_is_reported() {
    let ordered = StatefulSetFacts {
        revision: Some("foo-2".into()),
        is_ordered: true,
        ..stateful_set()
    };
    // The new revision may mend a fault of the old one, so the service does not fail at once.
    let old = PodFacts {
        revision: "foo-1".into(),
        ..pod(vec![waiting("InvalidImageName", "")])
    };
    let verdict = diagnose(&ordered, std::slice::from_ref(&old), &[]).expect("a verdict");
    assert_eq!(
        (verdict.cause, failed(&verdict, 0), failed(&verdict, 300)),
        (Cause::RolloutStuck, None, USER)
    );
    assert!(
        verdict.sentence.contains("`kubectl delete pod foo-0`"),
        "{}",
        verdict.sentence
    );
    for (stateful_set, revision) in [(ordered, "foo-2"), (stateful_set(), "foo-1")] {
        let pod = PodFacts {
            revision: revision.into(),
            ..old.clone()
        };
        let verdict = diagnose(&stateful_set, &[pod], &[]).expect("a verdict");
        assert_eq!(verdict.cause, Cause::ImageNameInvalid);
    }
}

#[test]
fn a_pod_that_is_replaced_is_not_blamed_for_what_the_new_revision_may_have_mended() {
    let broken = PodFacts {
        revision: "foo-1".into(),
        ..pod(vec![waiting("InvalidImageName", "")])
    };
    let refused = EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "FailedCreate".to_owned(),
        message: "create Pod foo-1 in StatefulSet foo failed error: pods \"foo-1\" is forbidden".to_owned(),
        ..EventFacts::default()
    };
    let updated = StatefulSetFacts {
        revision: Some("foo-2".into()),
        ..stateful_set()
    };
    assert_eq!(diagnose(&updated, std::slice::from_ref(&broken), &[]), None);
    // Until Kubernetes has begun, revisions and events are those of the time before.
    let changed = StatefulSetFacts {
        revision: Some("foo-1".into()),
        is_observed: false,
        ..stateful_set()
    };
    assert_eq!(diagnose(&changed, &[broken], &[refused]), None);
}
