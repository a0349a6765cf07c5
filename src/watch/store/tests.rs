//! The answers of the store, event by event.

use super::*;
use crate::cluster::Fault;
use crate::identity::labels::{ASLEEP_ANNOTATION, DELETE_AFTER_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::{ContainerFacts, Host, Phase, Reason};
use serde_json::json;

pub(super) fn object(name: &str, uid: &str, ready: i32) -> StatefulSet {
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": uid, "generation": 1, "creationTimestamp": "1970-01-01T00:00:00Z"},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"replicas": 1, "observedGeneration": 1, "readyReplicas": ready},
    }))
    .expect("a StatefulSet")
}

pub(super) fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

pub(super) fn listed(objects: Vec<StatefulSet>) -> Store {
    let mut store = Store::default();
    store.apply(Event::Init);
    for object in objects {
        store.apply(Event::InitApply(object));
    }
    store.apply(Event::InitDone);
    store.link.follow();
    store.pods.refuse();
    store.slices.refuse();
    store
}

impl Store {
    fn apply_pod(&mut self, event: Event<PodFacts>) {
        self.update_pods(Update::Event(event), second(0));
        if !self.pods.is_known() {
            self.update_pods(Update::Following, second(0));
        }
    }

    fn apply_slice(&mut self, event: Event<SliceFacts>) {
        self.update_slices(Update::Event(event), second(0));
    }

    fn lose(&mut self, now: Timestamp) {
        self.update(Update::Lost(Fault::transient("away")), now);
    }
}

fn phase(store: &Store, name: &str, uid: Option<&str>) -> Option<Phase> {
    store.look_up(name, uid, second(0)).map(|answer| answer.status.phase)
}

#[test]
fn nothing_is_known_before_the_first_list_is_complete() {
    let mut store = Store::default();
    store.apply(Event::Init);
    store.apply(Event::InitApply(object("foo", "1", 1)));
    assert_eq!(phase(&store, "foo", None), None);
    store.apply(Event::InitDone);
    store.pods.refuse();
    store.slices.refuse();
    assert_eq!(phase(&store, "foo", None), None, "the watch has not begun");
    store.update(Update::Following, second(0));
    assert!(phase(&store, "foo", None).is_some());
    store.pods = Members::default();
    store.slices = Members::default();
    assert_eq!(phase(&store, "foo", None), None, "its pods and its names are not known");
    store.pods.refuse();
    assert_eq!(phase(&store, "foo", None), None, "its names are not known");
    store.apply_slice(Event::Init);
    store.apply_slice(Event::InitApply(SliceFacts {
        name: "foo-1".to_owned(),
        service: "foo".to_owned(),
        hosts: vec![Host {
            name: "foo-0".to_owned(),
            addresses: Vec::new(),
        }],
        ..SliceFacts::default()
    }));
    assert_eq!(phase(&store, "foo", None), None, "not all names are known");
    store.apply_slice(Event::InitDone);
    assert_eq!(
        phase(&store, "foo", None),
        None,
        "names may have gone since they were listed"
    );
    store.update_slices(Update::Following, second(0));
    assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
}

#[test]
fn changes_and_deletions_are_followed() {
    let mut store = listed(vec![object("foo", "1", 0)]);
    assert_eq!(phase(&store, "foo", None), Some(Phase::Initializing));
    store.apply(Event::Apply(object("foo", "1", 1)));
    assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
    store.apply(Event::Delete(object("foo", "1", 1)));
    assert_eq!(phase(&store, "foo", None), None);
}

#[test]
fn a_service_that_was_changed_here_is_unknown_until_the_watch_tells_of_the_change() {
    let changed = |generation: i64| {
        let mut object = object("foo", "1", 1);
        object.metadata.generation = Some(generation);
        object
    };
    let mut store = listed(vec![changed(1)]);
    store.outdate("1", 2);
    assert_eq!(phase(&store, "foo", None), None);
    store.apply(Event::Apply(changed(1)));
    assert_eq!(phase(&store, "foo", None), None);
    store.apply(Event::Apply(changed(2)));
    assert_eq!(
        phase(&store, "foo", None),
        Some(Phase::Pending),
        "and is not observed yet"
    );
    // A change that the watch has already reported needs no waiting.
    store.outdate("1", 2);
    assert!(phase(&store, "foo", None).is_some());
    for (listed, known) in [(2, false), (3, true)] {
        store.outdate("1", 3);
        store.apply(Event::Init);
        store.apply(Event::InitApply(changed(listed)));
        store.apply(Event::InitDone);
        assert_eq!(phase(&store, "foo", None).is_some(), known, "{listed}");
    }
}

#[test]
fn a_complete_list_removes_missing_objects() {
    let mut store = listed(vec![object("foo", "1", 1), object("bar", "2", 1)]);
    store.apply(Event::Init);
    store.apply(Event::InitApply(object("bar", "2", 1)));
    assert!(
        phase(&store, "foo", None).is_some(),
        "the old list counts until the new one is complete"
    );
    store.apply(Event::InitDone);
    assert_eq!(phase(&store, "foo", None), None);
    assert_eq!(phase(&store, "bar", None), Some(Phase::Ready));
}

#[test]
fn a_service_that_was_deleted_here_is_gone_before_the_watch_reports_it() {
    let mut store = listed(vec![object("foo", "1", 1)]);
    store.forget("1", second(0));
    assert_eq!(phase(&store, "foo", None), None);
    store.apply(Event::Apply(object("foo", "1", 1)));
    assert_eq!(phase(&store, "foo", None), None, "a late word of the old one");
    store.apply(Event::Apply(object("foo", "2", 1)));
    assert_eq!(
        phase(&store, "foo", None),
        Some(Phase::Ready),
        "the next one of that name"
    );
    store.forget("1", second(1));
    assert_eq!(
        phase(&store, "foo", None),
        Some(Phase::Ready),
        "which its predecessor's end does not concern"
    );
    store.forget("3", second(1000));
    assert_eq!(store.deleted.len(), 1, "what has long been gone is not remembered");
}

#[test]
fn another_service_of_that_name_is_no_answer() {
    let store = listed(vec![object("foo", "old", 1)]);
    assert_eq!(phase(&store, "foo", Some("old")), Some(Phase::Ready));
    assert_eq!(phase(&store, "foo", Some("new")), None);
}

#[test]
fn a_broken_watch_answers_with_what_it_knew_and_reports_since_when() {
    let mut store = listed(vec![object("foo", "1", 1)]);
    store.lose(second(100));
    store.lose(second(103));
    // A list that begins is no answer yet, and neither is one change of many.
    store.apply(Event::Init);
    store.apply(Event::Apply(object("foo", "1", 1)));
    let answer = store.look_up("foo", None, second(112)).expect("known");
    assert!(
        answer.status.message.contains("has not answered since 00:01:40 UTC"),
        "{}",
        answer.status.message
    );
    assert!(!answer.is_complete(), "the service has to be looked at");
    assert_eq!(
        answer.provisional().phase,
        Phase::Initializing,
        "and is not ready before"
    );
    store.update(Update::Following, second(113));
    let mended = store.look_up("foo", None, second(113)).expect("known");
    assert!(mended.is_complete());
    assert!(
        !mended.status.message.contains("has not answered"),
        "{}",
        mended.status.message
    );
    assert_eq!(mended.provisional().phase, Phase::Ready);
}

#[test]
fn no_grace_period_runs_out_while_any_watch_is_cut_off() {
    let unschedulable = || pod(Some("0/1 nodes are available: 1 Insufficient cpu."));
    let long_after = second(3600);
    for which in ["stateful sets", "pods", "slices"] {
        let mut store = listed(vec![object("foo", "1", 0)]);
        store.apply_pod(Event::Apply(unschedulable()));
        store.apply_slice(Event::InitDone);
        store.update_slices(Update::Following, second(0));
        let lost = || Fault::transient("away");
        match which {
            "stateful sets" => store.update(Update::Lost(lost()), second(600)),
            "pods" => store.update_pods(Update::Lost(lost()), second(600)),
            _ => store.update_slices(Update::Lost(lost()), second(600)),
        }
        let answer = store.look_up("foo", None, long_after).expect("known");
        assert_eq!(answer.status.phase, Phase::WaitingForResources, "{which}");
        assert!(
            !answer.is_complete(),
            "{which}: after an hour the service should be looked at"
        );
        match which {
            "stateful sets" => store.update(Update::Following, long_after),
            "pods" => store.update_pods(Update::Following, long_after),
            _ => store.update_slices(Update::Following, long_after),
        }
        let fresh = store.look_up("foo", None, long_after).expect("known");
        assert_eq!(fresh.status.phase, Phase::Failed, "{which}: it has lasted");
    }
}

#[test]
fn a_verdict_that_was_final_before_the_watch_was_cut_off_is_not_final_any_more() {
    let mut store = listed(vec![object("foo", "1", 0)]);
    store.apply_pod(Event::Apply(pod(Some("Insufficient cpu"))));
    store.lose(second(3600));
    let answer = store.look_up("foo", None, second(3601)).expect("known");
    assert_eq!(answer.status.phase, Phase::Failed);
    assert!(!answer.is_complete());
    assert_eq!(answer.provisional().phase, Phase::Initializing);
}

#[test]
fn a_refusal_that_lasts_leaves_nothing_known_until_all_is_listed_again() {
    let mut store = listed(vec![object("foo", "1", 1)]);
    store.link.refuse();
    assert_eq!(phase(&store, "foo", None), None);
    store.apply(Event::Init);
    store.apply(Event::InitApply(object("foo", "1", 1)));
    store.apply(Event::InitDone);
    assert_eq!(phase(&store, "foo", None), None, "it may be listed and not watched");
    store.update(Update::Following, second(0));
    assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
}

#[test]
fn a_kept_service_is_known_and_not_while_that_may_have_changed() {
    let mut kept = object("foo", "1", 1);
    kept.metadata.labels = Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into());
    let until = (DELETE_AFTER_ANNOTATION.to_owned(), "1970-01-01T00:01:00Z".to_owned());
    kept.metadata.annotations = Some([until].into());
    let mut store = listed(vec![kept, object("bar", "2", 1)]);
    let names = |store: &Store| {
        store
            .bound()
            .iter()
            .map(|bound| bound.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&store), ["foo"]);
    store.lose(second(10));
    assert!(names(&store).is_empty());
    assert!(store.ends_any(), "and the watch goes on for it");
}

fn pod(unschedulable: Option<&str>) -> PodFacts {
    PodFacts {
        name: "foo-0".to_owned(),
        service: "foo".to_owned(),
        unschedulable: unschedulable.map(|message| Reason {
            code: "Unschedulable".to_owned(),
            message: message.to_owned(),
        }),
        created: Some(second(0)),
        ..PodFacts::default()
    }
}

#[test]
fn an_event_of_a_pod_explains_its_service_until_it_passes() {
    let mut store = listed(vec![object("foo", "1", 0)]);
    let status = |store: &Store| store.look_up("foo", None, second(0)).expect("known").status;
    store.apply_pod(Event::Apply(pod(Some("0/1 nodes are available: 1 Insufficient cpu."))));
    assert_eq!(
        (status(&store).phase, status(&store).reason),
        (Phase::WaitingForResources, "InsufficientCpu")
    );
    store.apply_pod(Event::Apply(pod(None)));
    assert_eq!(
        (status(&store).phase, status(&store).reason),
        (Phase::Initializing, "ReplicasNotReady")
    );
    store.apply_pod(Event::Apply(pod(Some("Insufficient cpu"))));
    store.apply_pod(Event::Delete(pod(None)));
    assert_eq!(status(&store).reason, "ReplicasNotReady");
}

#[test]
fn a_container_that_was_started_again_between_two_reports_has_to_stand_again() {
    let mut stateful_set = object("foo", "1", 1);
    let spec = stateful_set.spec.as_mut().expect("a spec");
    spec.min_ready_seconds = Some(3);
    let status = stateful_set.status.as_mut().expect("a status");
    status.available_replicas = Some(1);
    let mut store = listed(vec![stateful_set]);
    let status = |store: &Store, now: i64| store.look_up("foo", None, second(now)).expect("known").status;
    let running_since = |since: i64| PodFacts {
        ready: true,
        ready_since: Some(second(10)),
        owner: "1".into(),
        containers: vec![ContainerFacts {
            name: "foo".to_owned(),
            running_since: Some(second(since)),
            ..ContainerFacts::default()
        }],
        ..pod(None)
    };
    store.apply_pod(Event::Apply(running_since(10)));
    assert_eq!(
        status(&store, 15).phase,
        Phase::Initializing,
        "its end may not have been reported"
    );
    assert_eq!(status(&store, 16).phase, Phase::Ready);
    store.apply_pod(Event::Apply(running_since(14)));
    let waits = status(&store, 19);
    assert_eq!(
        (waits.phase, waits.reason),
        (Phase::Initializing, "ReplicasNotAvailable")
    );
    assert_eq!(
        waits.message,
        "StatefulSet foo has 0 of 1 pod that have been ready for long enough."
    );
    assert_eq!(status(&store, 20).phase, Phase::Ready, "it has stood for three seconds");
    let going = PodFacts {
        gone_by: Some(second(20)),
        ..running_since(16)
    };
    store.apply_pod(Event::Apply(going));
    let ends = status(&store, 17);
    assert_eq!(
        (ends.phase, ends.reason),
        (Phase::Initializing, "PodTerminating"),
        "the pod that comes after it counts"
    );
    store.apply_pod(Event::Apply(running_since(10)));
    assert_eq!(status(&store, 17).phase, Phase::Ready);
    let mut careless = object("foo", "1", 1);
    careless.spec.as_mut().expect("a spec").min_ready_seconds = Some(0);
    careless.metadata.labels = Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into());
    store.apply(Event::Apply(careless));
    store.apply_pod(Event::Apply(running_since(16)));
    assert_eq!(status(&store, 16).phase, Phase::Ready, "it need not stand");
}

#[test]
fn pods_that_are_reported_before_their_service_are_not_forgotten() {
    let mut store = Store::default();
    store.apply_pod(Event::Init);
    store.apply_pod(Event::InitApply(pod(Some("Insufficient cpu"))));
    store.apply_pod(Event::InitDone);
    store.apply(Event::Init);
    store.apply(Event::InitApply(object("foo", "1", 0)));
    store.apply(Event::InitDone);
    store.link.follow();
    store.slices.refuse();
    assert_eq!(
        store.look_up("foo", None, second(0)).expect("known").status.reason,
        "InsufficientCpu"
    );
}

#[test]
fn a_service_is_ready_only_when_its_slices_have_its_names_once_slices_are_known() {
    let mut ours = object("foo", "1", 1);
    ours.metadata.labels = Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into());
    let mut store = listed(vec![ours]);
    assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
    store.apply_slice(Event::Init);
    store.apply_slice(Event::InitDone);
    store.update_slices(Update::Following, second(0));
    assert_eq!(phase(&store, "foo", None), Some(Phase::Initializing));
    let host = Host {
        name: "foo-0".to_owned(),
        ..Host::default()
    };
    let slice = SliceFacts {
        name: "foo-x".to_owned(),
        service: "foo".to_owned(),
        hosts: vec![host],
        ..SliceFacts::default()
    };
    store.apply_slice(Event::Apply(slice));
    assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
}

#[test]
fn events_are_needed_where_nothing_else_explains() {
    let mut store = listed(vec![object("foo", "1", 0)]);
    let needs = |store: &Store, at: Timestamp| store.look_up("foo", None, at).expect("known").needs_events;
    assert!(!needs(&store, second(0)), "its pods are on their way");
    assert!(needs(&store, second(1)));
    store.apply_pod(Event::Apply(pod(None)));
    assert!(!needs(&store, second(4)), "a pod takes a moment to start");
    assert!(needs(&store, second(20)));
    store.lose(second(20));
    assert!(!needs(&store, second(21)), "nobody answers");
}

/// An event of the controller that a pod could not be made.
fn refused_pod(id: &str, service: &str, uid: &str) -> Note {
    let message = format!("create Pod {service}-0 in StatefulSet {service} failed error: exceeded quota: team");
    let event: k8s_openapi::api::core::v1::Event = serde_json::from_value(json!({
        "metadata": {"name": id},
        "involvedObject": {"kind": "StatefulSet", "name": service, "uid": uid},
        "reason": "FailedCreate",
        "message": message,
        "firstTimestamp": "1970-01-01T00:00:01Z",
        "lastTimestamp": "1970-01-01T00:00:02Z",
    }))
    .expect("an event");
    Note::from(&event)
}

#[test]
fn events_explain_their_service_until_they_are_forgotten() {
    let mut store = listed(vec![object("foo", "1", 0), object("bar", "2", 0)]);
    let status = |store: &Store, name: &str| store.look_up(name, None, second(3)).expect("known").status.reason;
    store.apply_event(Event::Init);
    store.apply_event(Event::InitApply(refused_pod("e1", "foo", "1")));
    assert_eq!(status(&store, "foo"), "ReplicasNotReady", "the list is not complete");
    store.apply_event(Event::InitDone);
    assert_eq!(
        (status(&store, "foo"), status(&store, "bar")),
        ("QuotaExceeded", "ReplicasNotReady")
    );
    store.apply_event(Event::Apply(refused_pod("e2", "bar", "2")));
    assert_eq!(status(&store, "bar"), "QuotaExceeded");
    store.apply_event(Event::Delete(refused_pod("e2", "bar", "2")));
    assert_eq!(status(&store, "bar"), "ReplicasNotReady");
    store.forget_events();
    assert_eq!(status(&store, "foo"), "ReplicasNotReady");
}

#[test]
fn an_event_that_is_reported_before_its_service_is_not_lost() {
    let mut store = listed(vec![]);
    store.apply_event(Event::Apply(refused_pod("e1", "foo", "1")));
    store.apply(Event::Apply(object("foo", "1", 0)));
    let status = store.look_up("foo", None, second(3)).expect("known").status;
    assert_eq!(status.reason, "QuotaExceeded");
}

#[test]
fn a_service_that_sleeps_is_known_to_sleep_until_it_has_replicas() {
    let note = r#"{"replicas":1,"since":"1970-01-01T00:00:00Z"}"#;
    let with = |replicas: i32| {
        let mut set = serde_json::to_value(object("foo", "1", 1)).expect("JSON");
        set["metadata"]["labels"] = json!({MANAGED_BY_LABEL: MANAGED_BY});
        set["metadata"]["annotations"] = json!({LIFETIME_ANNOTATION: "{}", ASLEEP_ANNOTATION: note});
        set["spec"]["replicas"] = replicas.into();
        serde_json::from_value::<StatefulSet>(set).expect("a StatefulSet")
    };
    let mut store = listed(vec![with(0)]);
    let status = |store: &Store| {
        let answer = store.look_up("foo", None, second(100)).expect("known");
        let of_end = store.bound()[0].metadata.annotations.clone().unwrap_or_default();
        assert!(answer.is_complete());
        (answer.status.phase, of_end.contains_key(ASLEEP_ANNOTATION))
    };
    assert_eq!(status(&store), (Phase::Asleep, true));
    store.apply(Event::Apply(with(1)));
    assert_eq!(status(&store), (Phase::Ready, false), "what is written is void");
}
