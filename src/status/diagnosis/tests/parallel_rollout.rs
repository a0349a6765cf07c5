//! A `Parallel` rollout that waits for a broken pod of the old revision, as with the feature
//! `MaxUnavailableStatefulSet` in Kubernetes 1.35.0 to 1.35.3.

use super::*;

/// When the `StatefulSet` was changed.
const CHANGED: i64 = 1000;

fn parallel() -> StatefulSetFacts {
    StatefulSetFacts {
        revision: Some("foo-2".into()),
        changed: Some(second(CHANGED)),
        min_ready_seconds: 3,
        ..stateful_set()
    }
}

fn of_revision(name: &str, revision: &str, ready: bool) -> PodFacts {
    PodFacts {
        name: name.to_owned(),
        revision: revision.into(),
        ready,
        ready_since: ready.then(|| second(CHANGED + 60)),
        ..pod(vec![])
    }
}

fn reported(pods: &[PodFacts], now: i64) -> Option<(Cause, Option<Blame>)> {
    let causes = causes(&parallel(), pods, &[]);
    let verdict = gravest(&causes, second(now), &GracePeriods::new())?;
    Some((verdict.cause, failed(verdict, now)))
}

#[test]
fn a_rollout_that_replaces_nothing_is_stuck() {
    let broken = of_revision("foo-0", "foo-1", false);
    let pods = [broken.clone(), of_revision("foo-1", "foo-2", true)];
    // The new pod became ready, had to stand for 3 s, and then it was the broken one's turn.
    let turn = CHANGED + 63;
    assert_eq!(
        reported(&pods, turn + 9),
        None,
        "Kubernetes may just not have come to it"
    );
    assert_eq!(reported(&pods, turn + 10), Some((Cause::RolloutStuck, None)));
    assert_eq!(reported(&pods, turn + 299), Some((Cause::RolloutStuck, None)));
    assert_eq!(reported(&pods, turn + 300), Some((Cause::RolloutStuck, USER)));
    let causes = causes(&parallel(), &pods, &[]);
    assert!(
        causes[0].sentence.contains("MaxUnavailableStatefulSet")
            && causes[0].sentence.contains("`kubectl delete pod foo-0`"),
        "{}",
        causes[0].sentence
    );
    // It began with the change, however long the pod was broken before.
    assert_eq!(reported(&[broken], CHANGED + 299), Some((Cause::RolloutStuck, None)));
}

#[test]
fn a_rollout_that_goes_on_is_not_stuck() {
    let broken = of_revision("foo-0", "foo-1", false);
    for other in [
        of_revision("foo-1", "foo-2", false),
        PodFacts {
            gone_by: Some(second(CHANGED)),
            ..of_revision("foo-1", "foo-1", true)
        },
    ] {
        let stuck = causes(&parallel(), &[broken.clone(), other], &[]);
        assert!(
            stuck.iter().all(|verdict| verdict.cause != Cause::RolloutStuck),
            "{stuck:?}"
        );
    }
}
