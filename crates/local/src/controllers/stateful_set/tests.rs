//! What is decided about a `StatefulSet` and its pods.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSetStatus;
use serde_json::{Value, json};

use super::adoption::{Relation, relation};
use super::decide::{Decision, Step, decide};
use super::*;

const CURRENT: &str = "foo-one";
const UPDATE: &str = "foo-two";

/// Three pods by default, with what else is said of their specification.
fn set(spec: Value) -> StatefulSet {
    let mut of = json!({
        "replicas": 3, "serviceName": "foo", "podManagementPolicy": "Parallel", "revisionHistoryLimit": 1,
        "selector": {"matchLabels": {"app": "foo"}},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "template": {"metadata": {"labels": {"app": "foo"}}, "spec": {"containers": [{"name": "c", "image": "one"}]}},
    });
    if let (Value::Object(of), Value::Object(spec)) = (&mut of, spec) {
        of.extend(spec);
    }
    let metadata = json!({"name": "foo", "namespace": "n", "uid": "set", "generation": 2});
    serde_json::from_value(json!({"metadata": metadata, "spec": of})).unwrap()
}

fn ordered(replicas: i32) -> StatefulSet {
    set(json!({"podManagementPolicy": "OrderedReady", "replicas": replicas}))
}

fn revision(name: &str) -> Revision {
    let image = json!({"containers": [{"name": "c", "image": name}]});
    let template = json!({"metadata": {"labels": {"app": "foo"}}, "spec": image});
    Revision {
        name: name.to_owned(),
        template: serde_json::from_value(template).unwrap(),
    }
}

/// A pod in a state: `ready` for a minute, `new`: ready for a second, `pending`, `failed`, `ending` or `unready`.
fn pod(of: &StatefulSet, ordinal: i32, of_revision: &str, state: &str) -> Arc<Pod> {
    let mut pod = pod::of(of, &revision(of_revision), ordinal);
    pod.metadata.uid = Some(format!("uid-{ordinal}"));
    let since = if state == "new" { 59 } else { 0 };
    let phase = match state {
        "pending" => "Pending",
        "failed" => "Failed",
        _ => "Running",
    };
    let ready = if matches!(state, "ready" | "new" | "ending") {
        "True"
    } else {
        "False"
    };
    let since = Timestamp::from_second(since).unwrap().to_string();
    let condition = json!({"type": "Ready", "status": ready, "lastTransitionTime": since});
    pod.status = serde_json::from_value(json!({"phase": phase, "conditions": [condition]})).unwrap();
    if state == "ending" {
        pod.metadata.deletion_timestamp = serde_json::from_value(json!("1970-01-01T00:00:00Z")).unwrap();
    }
    Arc::new(pod)
}

/// The pods of these states, by their ordinals, all of the newest revision.
fn pods(of: &StatefulSet, states: &[&str]) -> Vec<Arc<Pod>> {
    let states = (0..).zip(states).filter(|(_, state)| !state.is_empty());
    states.map(|(ordinal, state)| pod(of, ordinal, UPDATE, state)).collect()
}

fn decision(set: &StatefulSet, pods: &[Arc<Pod>], claims: &[Arc<PersistentVolumeClaim>]) -> Decision {
    decide(&View {
        set,
        current: &revision(CURRENT),
        update: &revision(UPDATE),
        collisions: 0,
        pods,
        claims,
        now: Timestamp::from_second(60).unwrap(),
    })
}

/// The steps in short: `+foo-0` creates a pod, and `-foo-0` deletes it.
fn steps(set: &StatefulSet, pods: &[Arc<Pod>]) -> String {
    let decision = decision(set, pods, &[]);
    let name = |pod: &Pod| pod.metadata.name.clone().unwrap();
    let short = |step: &Step| match step {
        Step::Create(pod) => format!("+{}", name(pod)),
        Step::Delete(pod) => format!("-{}", name(pod)),
        Step::Correct(pod) => format!("~{}", name(pod)),
        Step::CreateClaims(pod) => format!("claims of {}", name(pod)),
        Step::OwnClaims(pod) => format!("owners of {}", name(pod)),
    };
    let stages: Vec<_> = decision.stages.iter().flatten().flatten().map(short).collect();
    let replaced = decision.replace.iter().map(|pod| format!("replace {}", name(pod)));
    stages.into_iter().chain(replaced).collect::<Vec<_>>().join(" ")
}

#[test]
fn pods_come_and_go_all_at_once_or_in_order() {
    let parallel = set(json!({}));
    for (set, states, expected) in [
        (&parallel, &[][..], "+foo-0 +foo-1 +foo-2"),
        (&parallel, &["ready", "", "pending"], "+foo-1"),
        (&parallel, &["ready", "failed", "ending"], "-foo-1"),
        (
            &parallel,
            &["pending", "ready", "ready", "ready", "pending", "ending"],
            "-foo-4 -foo-3",
        ),
        (&ordered(3), &[], "+foo-0"),
        (&ordered(3), &["pending"], ""),
        (&ordered(3), &["unready"], ""),
        (&ordered(3), &["ready"], "+foo-1"),
        (&ordered(3), &["ready", "", "ready"], "+foo-1"),
        (&ordered(3), &["ready", "failed"], "-foo-1"),
        (&ordered(3), &["ready", "ending"], ""),
        (&ordered(1), &["ready", "ready", "ready"], "-foo-2"),
        (&ordered(1), &["ready", "ready", "ending"], ""),
        // One that is not ready holds up the others, and does not keep itself.
        (&ordered(1), &["ready", "ready", "pending"], "-foo-2"),
        (&ordered(1), &["ready", "pending", "pending"], ""),
        (&ordered(1), &["pending", "ready", "ready"], ""),
    ] {
        assert_eq!(steps(set, &pods(set, states)), expected, "{states:?}");
    }
}

#[test]
fn a_pod_counts_only_after_min_ready_seconds() {
    let waiting = set(json!({"podManagementPolicy": "OrderedReady", "minReadySeconds": 10}));
    assert_eq!(steps(&waiting, &pods(&waiting, &["new"])), "");
    assert_eq!(steps(&waiting, &pods(&waiting, &["ready"])), "+foo-1");
    let now = Timestamp::from_second(60).unwrap();
    let left = next_available(&waiting, &pods(&waiting, &["ready", "new"]), now);
    assert_eq!(left, Some(Duration::from_secs(9)));
    let status = decision(&waiting, &pods(&waiting, &["ready", "new"]), &[]).status;
    assert_eq!((status.ready_replicas, status.available_replicas), (Some(2), Some(1)));
}

#[test]
fn ordinals_start_where_they_are_to() {
    let later = set(json!({"ordinals": {"start": 5}, "replicas": 2}));
    assert_eq!(steps(&later, &[]), "+foo-5 +foo-6");
    assert_eq!(
        steps(&later, &pods(&later, &["ready", "", "", "", "", "ready", "ready"])),
        "-foo-0"
    );
}

#[test]
fn pods_of_an_earlier_revision_are_replaced_from_the_last_one_on() {
    let old = |of: &StatefulSet, states: [&str; 3]| -> Vec<_> {
        let pods = (0..).zip(states).filter(|(_, state)| !state.is_empty());
        pods.map(|(ordinal, state)| match state.strip_prefix("old ") {
            Some(state) => pod(of, ordinal, CURRENT, state),
            None => pod(of, ordinal, UPDATE, state),
        })
        .collect()
    };
    let rolling = |partition: i32| {
        set(json!({"updateStrategy": {
            "type": "RollingUpdate", "rollingUpdate": {"partition": partition},
        }}))
    };
    let on_delete = set(json!({"updateStrategy": {"type": "OnDelete"}}));
    let cases = vec![
        (rolling(0), ["old ready", "old ready", "old ready"], "replace foo-2"),
        (rolling(0), ["old ready", "old ready", "old ending"], ""),
        (rolling(0), ["old ready", "old ready", ""], "+foo-2"),
        (rolling(0), ["old ready", "old ready", "pending"], ""),
        (rolling(0), ["old ready", "old ready", "ready"], "replace foo-1"),
        // An earlier one that does not work does not hold it up.
        (rolling(0), ["old unready", "old ready", "ready"], "replace foo-1"),
        (rolling(1), ["old ready", "ready", "ready"], ""),
        (rolling(3), ["old ready", "old ready", "old ready"], ""),
        (on_delete, ["old ready", "old ready", "old ready"], ""),
    ];
    for (set, states, expected) in cases {
        assert_eq!(steps(&set, &old(&set, states)), expected, "{states:?}");
    }
    let missing = |set: &StatefulSet| match &decision(set, &[], &[]).stages[0][0][0] {
        Step::Create(pod) => pods::revision(pod).to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (missing(&rolling(0)).as_str(), missing(&rolling(1)).as_str()),
        (UPDATE, CURRENT)
    );
}

#[test]
fn a_set_that_is_being_deleted_does_nothing_but_count() {
    let mut leaving = set(json!({}));
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("1970-01-01T00:00:00Z")).unwrap();
    assert_eq!(steps(&leaving, &pods(&leaving, &["ready"])), "");
    assert_eq!(decision(&leaving, &pods(&leaving, &["ready"]), &[]).status.replicas, 1);
}

#[test]
fn the_newest_revision_becomes_the_current_one_at_the_end() {
    let set = set(json!({}));
    let mut status = decision(&set, &pods(&set, &["ready", "ready", "pending"]), &[]).status;
    status::complete(&set, &mut status);
    assert_eq!(
        (status.current_revision.as_deref(), status.current_replicas),
        (Some(CURRENT), Some(0))
    );
    let mut status = decision(&set, &pods(&set, &["ready", "ready", "ready"]), &[]).status;
    status::complete(&set, &mut status);
    assert_eq!(
        (status.current_revision.as_deref(), status.current_replicas),
        (Some(UPDATE), Some(3))
    );
    assert!(status::differs(&set, &status));
    let patch = status::patch(&set, &StatefulSetStatus::default());
    assert_eq!(patch["status"]["readyReplicas"], Value::Null);
    assert_eq!(patch["status"]["availableReplicas"], 0);
}

#[test]
fn a_pod_has_its_name_everywhere() {
    let set = set(json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}));
    let pod = serde_json::to_value(pod::of(&set, &revision(UPDATE), 1)).unwrap();
    assert_eq!(pod["metadata"]["name"], "foo-1");
    assert_eq!(pod["metadata"]["generateName"], "foo-");
    let labels = json!({
        "app": "foo", "apps.kubernetes.io/pod-index": "1", "controller-revision-hash": UPDATE,
        "statefulset.kubernetes.io/pod-name": "foo-1",
    });
    assert_eq!(pod["metadata"]["labels"], labels);
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "foo", "uid": "set", "controller": true,
        "blockOwnerDeletion": true,
    });
    assert_eq!(pod["metadata"]["ownerReferences"], json!([owner]));
    assert_eq!(
        (&pod["spec"]["hostname"], &pod["spec"]["subdomain"]),
        (&json!("foo-1"), &json!("foo"))
    );
    let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-foo-1"}});
    assert_eq!(pod["spec"]["volumes"], json!([volume]));
}

#[test]
fn pods_are_adopted_and_released_by_their_labels_and_names() {
    let set = set(json!({}));
    let change = |change: fn(&mut Pod)| {
        let mut pod = (*pod(&set, 0, UPDATE, "ready")).clone();
        change(&mut pod);
        relation(&set, &pod)
    };
    assert_eq!(change(|_| {}), Relation::Own);
    assert_eq!(change(|pod| pod.metadata.labels = None), Relation::Released);
    assert_eq!(change(|pod| pod.metadata.owner_references = None), Relation::Adopted);
    let other = |pod: &mut Pod| {
        pod.metadata.owner_references = None;
        pod.metadata.name = Some("bar-0".to_owned());
    };
    assert_eq!(change(other), Relation::None);
    let foreign = |pod: &mut Pod| pod.metadata.owner_references.as_mut().unwrap()[0].uid = "other".to_owned();
    assert_eq!(change(foreign), Relation::None);
}

#[test]
fn a_revision_is_made_once_for_each_template() {
    let one = set(json!({}));
    let two = set(json!({"template": {"metadata": {"labels": {"app": "foo"}}}}));
    let new = |set: &StatefulSet, revisions: &[Arc<ControllerRevision>]| match revisions::wanted(set, revisions, 0) {
        Wanted::New(revision) => Arc::new(*revision),
        other => panic!("{other:?}"),
    };
    let first = new(&one, &[]);
    assert_eq!(first.revision, 1);
    assert!(matches!(
        revisions::wanted(&one, &[Arc::clone(&first)], 0),
        Wanted::Newest(_)
    ));
    let second = new(&two, &[Arc::clone(&first)]);
    assert_eq!(second.revision, 2);
    assert_ne!(first.metadata.name, second.metadata.name);
    let both = [Arc::clone(&first), Arc::clone(&second)];
    assert_eq!(revisions::wanted(&one, &both, 0), Wanted::Again(Arc::clone(&first), 3));
    assert_ne!(
        revisions::new(&one, 1, 1).metadata.name,
        first.metadata.name,
        "after a collision"
    );
    let used = [second.metadata.name.as_deref().unwrap()];
    assert!(revisions::outdated(&one, &both, &BTreeSet::from(used)).is_empty());
    let none = set(json!({"revisionHistoryLimit": 0}));
    assert_eq!(revisions::outdated(&none, &both, &BTreeSet::from(used)), [first]);
}

#[test]
fn claims_have_the_owners_that_the_policy_says() {
    let owners = |scaled: &str, deleted: &str, ordinal: i32| {
        let set = set(json!({
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": scaled, "whenDeleted": deleted},
        }));
        let pod = pod(&set, ordinal, UPDATE, "ready");
        let claim = claims::of(&set, ordinal).remove(0);
        let mut kinds = Vec::new();
        if let Some(owners) = claims::new_owners(&set, &claim, &pod) {
            kinds.extend(owners.iter().map(|owner| owner.kind.clone()));
            let mut owned = claim.clone();
            owned.metadata.owner_references = Some(owners);
            assert_eq!(claims::new_owners(&set, &owned, &pod), None);
            let mut retaining = set.clone();
            retaining
                .spec
                .as_mut()
                .unwrap()
                .persistent_volume_claim_retention_policy = None;
            assert_eq!(claims::new_owners(&retaining, &owned, &pod), Some(Vec::new()));
            let mut next = (*pod).clone();
            next.metadata.uid = None;
            assert_eq!(claims::is_stale(&set, &owned, &next), kinds == ["Pod"]);
        }
        kinds.join(" ")
    };
    for (scaled, deleted, wanted, scaled_down) in [
        ("Retain", "Retain", "", ""),
        ("Retain", "Delete", "StatefulSet", "StatefulSet"),
        ("Delete", "Retain", "", "Pod"),
        ("Delete", "Delete", "StatefulSet", "Pod"),
    ] {
        let found = (owners(scaled, deleted, 0), owners(scaled, deleted, 3));
        assert_eq!(found, (wanted.to_owned(), scaled_down.to_owned()), "{scaled} {deleted}");
    }
    let claim = &claims::of(
        &set(json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})),
        2,
    )[0];
    assert_eq!(claim.metadata.name.as_deref(), Some("data-foo-2"));
    assert_eq!(claim.metadata.labels.as_ref().unwrap()["app"], "foo");
}
