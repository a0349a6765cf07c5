//! Which of several causes counts, and for how long.

use super::*;

#[test]
fn of_several_causes_the_gravest_is_reported() {
    let waits = PodFacts {
        unschedulable: Some(unschedulable("0/1 nodes are available: 1 Insufficient cpu.")),
        ..pod(Vec::new())
    };
    let doomed = pod(vec![waiting("InvalidImageName", "")]);
    assert_eq!(
        of(&[waits, doomed], &[]).expect("a verdict").cause.reason(),
        "ImageNameInvalid"
    );
}

#[test]
fn a_grace_period_of_the_platform_counts_instead_of_the_causes_own() {
    let verdict = |reason: &str| of(&[pod(vec![waiting(reason, "429")])], &[]).expect("a verdict");
    let hour = std::time::Duration::from_hours(1);
    for (verdict, later) in [
        (verdict("InvalidImageName"), USER),
        (verdict("ErrImagePull"), SYSTEM),
        (of(&[pod(vec![ended("Error", 1, 3)])], &[]).expect("a verdict"), USER),
    ] {
        let set = GracePeriods::from([(verdict.cause, hour)]);
        assert_eq!(verdict.failed(second(3599), &set), None, "{:?}", verdict.cause);
        assert_eq!(verdict.failed(second(3600), &set), later, "{:?}", verdict.cause);
    }
}
