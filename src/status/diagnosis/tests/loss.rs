//! Pods that Kubernetes removes.

use super::*;

#[test]
fn a_pod_that_was_taken_away_is_made_again_and_never_a_failure() {
    for (code, reason) in [
        ("Evicted", "Evicted"),
        ("PreemptionByScheduler", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
    ] {
        let lost = Reason {
            code: code.to_owned(),
            message: "The node was low on resource: memory".to_owned(),
        };
        let pod = PodFacts {
            disrupted: Some(lost),
            gone_by: Some(second(30)),
            ..pod(Vec::new())
        };
        assert_eq!(judged(pod), (reason, None, None));
    }
}

#[test]
fn a_pod_that_does_not_go_is_tried_again_elsewhere_after_a_while() {
    let going = PodFacts {
        gone_by: Some(second(100)),
        finalizers: vec!["example.com/hold".to_owned()],
        ..pod(vec![running(true)])
    };
    let verdict = of(&[going], &[]).expect("a verdict");
    assert_eq!(
        (verdict.cause, failed(&verdict, 0), failed(&verdict, 699)),
        (Cause::PodTerminating, None, None)
    );
    assert_eq!(failed(&verdict, 700), SYSTEM);
    assert!(verdict.sentence.contains(
        "should be gone by 00:01:40 UTC; Kubernetes recreates it only then. The finalizer example.com/hold holds it."
    ));
}

#[test]
fn a_node_that_does_not_answer_is_explained_by_pods_that_were_ready() {
    let silent = PodFacts {
        node: "n1".into(),
        ..pod(vec![ContainerFacts {
            ready: true,
            ..running(true)
        }])
    };
    assert_eq!(judged(silent.clone()), ("NodeLost", None, None));
    for other in [
        PodFacts {
            ready: true,
            ..silent.clone()
        },
        PodFacts {
            has_unready_containers: true,
            ..silent
        },
    ] {
        assert_eq!(of(&[other], &[]), None);
    }
}

#[test]
fn a_pod_of_an_earlier_service_of_that_name_is_reported() {
    let of_another = |owner: &str| PodFacts {
        owner: owner.into(),
        ..pod(vec![running(false)])
    };
    let verdict = of(&[of_another("earlier")], &[]).expect("a verdict");
    assert_eq!((verdict.cause, failed(&verdict, 299)), (Cause::PodLeftBehind, None));
    assert_eq!(failed(&verdict, 300), SYSTEM);
    assert!(
        verdict.sentence.contains("`kubectl delete pod foo-0`"),
        "{}",
        verdict.sentence
    );
    assert_eq!(of(&[of_another("set")], &[]), None);
}

#[test]
fn a_node_is_not_silent_where_a_sidecar_is_not_ready() {
    let ready = ContainerFacts {
        ready: true,
        ..running(true)
    };
    let sidecar = ContainerFacts {
        name: "metrics".to_owned(),
        sidecar: true,
        ..ContainerFacts::default()
    };
    // Between its end and its next start nothing is known of the sidecar but that it is not ready.
    assert_eq!(of(&[pod(vec![sidecar.clone(), ready.clone()])], &[]), None);
    let crashed = ContainerFacts {
        name: "metrics".to_owned(),
        sidecar: true,
        ..ended("Error", 3, 1)
    };
    assert_eq!(judged(pod(vec![crashed, ready])).0, "ContainerExits");
}
