//! What a watch has told, reduced to what is asked: the state of each service.

use std::collections::{HashMap, HashSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::members::{Concerned, Member, Members};
use crate::status::{Assessment, EventFacts, Evidence, PodFacts, SliceFacts, Status, readiness_of};

/// For how long after its last fault a watch counts as broken. A watch that works again stays silent until something
/// changes; one that does not fails again within this time.
const SETTLED: SignedDuration = SignedDuration::from_secs(6);

/// For how long events that were read count as new. More often they are not read for one service.
const EVENTS: SignedDuration = SignedDuration::from_secs(1);

/// The services of one namespace, as far as its watches have told.
#[derive(Default)]
pub(super) struct Store {
    services: HashMap<String, Known>,
    /// What a watch that begins anew has listed so far. It counts only once the list is complete.
    listing: HashMap<String, Known>,
    pods: Members<PodFacts>,
    slices: Members<SliceFacts>,
    /// The uids of services that were deleted, until the watch has told of that too.
    deleted: HashSet<Box<str>>,
    /// Whether a list has ever been complete.
    complete: bool,
    /// When the watch broke and when it failed last.
    lost: Option<(Timestamp, Timestamp)>,
}

/// One service.
struct Known {
    uid: Box<str>,
    readiness: Status,
    events: Vec<EventFacts>,
    events_read: Option<Timestamp>,
    assessment: Assessment,
}

/// What is known of a service at a moment.
pub struct Answer {
    /// How it is doing, as far as is known.
    pub status: Status,
    /// Whether events should be read before the status is told.
    pub needs_events: bool,
    /// What the status was judged from, where a log should be read before it is told.
    pub needs_log: Option<Assessment>,
}

impl Store {
    /// Takes in what the watch over `StatefulSet`s tells.
    pub(super) fn apply(&mut self, event: Event<StatefulSet>) {
        self.lost = None;
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                let (name, known) = self.reduce(&object);
                self.listing.insert(name, known);
            }
            Event::InitDone => {
                self.services = std::mem::take(&mut self.listing);
                self.deleted
                    .retain(|uid| self.services.values().any(|known| known.uid == *uid));
                self.services.retain(|_, known| !self.deleted.contains(&known.uid));
                self.complete = true;
            }
            Event::Apply(object) => {
                let (name, known) = self.reduce(&object);
                if !self.deleted.contains(&known.uid) {
                    self.services.insert(name, known);
                }
            }
            Event::Delete(object) => {
                let uid = object.metadata.uid.as_deref().unwrap_or_default();
                let name = object.metadata.name.as_deref().unwrap_or_default();
                self.deleted.remove(uid);
                // The next one of that name may have been told of already.
                if self.services.get(name).is_some_and(|known| *known.uid == *uid) {
                    self.services.remove(name);
                }
            }
        }
    }

    /// Notes that a service was deleted, before the watch tells of it: who deletes and then asks must not be told that it
    /// is there.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some(known) = self.services.remove(name) {
            self.deleted.insert(known.uid);
        }
    }

    /// Takes in what the watch over pods tells.
    pub(super) fn apply_pod(&mut self, event: Event<PodFacts>) {
        let concerned = self.pods.apply(event);
        self.assess(&concerned);
    }

    /// Takes in what the watch over endpoint slices tells.
    pub(super) fn apply_slice(&mut self, event: Event<SliceFacts>) {
        let concerned = self.slices.apply(event);
        self.assess(&concerned);
    }

    /// Takes in the events on a service's `StatefulSet`.
    pub(super) fn apply_events(&mut self, name: &str, events: Vec<EventFacts>, now: Timestamp) {
        if let Some(known) = self.services.get_mut(name) {
            known.events = events;
            known.events_read = Some(now);
        }
        self.assess(&Concerned::One(name.to_owned()));
    }

    /// Notes that the watch has broken, or is still broken.
    pub(super) fn lose(&mut self, now: Timestamp) {
        let since = self.lost.map_or(now, |(since, _)| since);
        self.lost = Some((since, now));
    }

    /// What is known of a service; while the watch is broken, the last that was known, which says so.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>, now: Timestamp) -> Option<Answer> {
        if !self.complete {
            return None;
        }
        let known = self
            .services
            .get(name)
            .filter(|known| uid.is_none_or(|uid| *uid == *known.uid))?;
        let mut status = known.assessment.at(now);
        let lost = self.lost.filter(|(_, last)| now.duration_since(*last) < SETTLED);
        if let Some((since, _)) = lost {
            let since = since.strftime("%H:%M:%S UTC");
            status.message.push_str(" The API server has not answered since ");
            status.message.push_str(&since.to_string());
            status.message.push_str(": this is what was known then.");
        }
        let are_fresh = known.events_read.is_some_and(|read| now.duration_since(read) < EVENTS);
        Some(Answer {
            needs_events: lost.is_none() && known.assessment.needs_events() && !are_fresh,
            needs_log: (lost.is_none() && known.assessment.needs_log(now).is_some()).then(|| known.assessment.clone()),
            status,
        })
    }

    fn reduce(&self, object: &StatefulSet) -> (String, Known) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let uid = object.metadata.uid.clone().unwrap_or_default().into_boxed_str();
        let readiness = readiness_of(object);
        let before = self.services.get(&name).filter(|before| before.uid == uid);
        let events = before.map(|before| before.events.clone()).unwrap_or_default();
        let events_read = before.and_then(|before| before.events_read);
        let assessment = self.judge(&name, &readiness, &events);
        let known = Known {
            uid,
            readiness,
            events,
            events_read,
            assessment,
        };
        (name, known)
    }

    /// Judges services anew.
    fn assess(&mut self, concerned: &Concerned) {
        let names = match concerned {
            Concerned::None => return,
            Concerned::One(name) => vec![name.clone()],
            Concerned::All => self.services.keys().cloned().collect(),
        };
        for name in names {
            let Some(known) = self.services.get(&name) else {
                continue;
            };
            let assessment = self.judge(&name, &known.readiness, &known.events);
            if let Some(known) = self.services.get_mut(&name) {
                known.assessment = assessment;
            }
        }
    }

    fn judge(&self, name: &str, readiness: &Status, events: &[EventFacts]) -> Assessment {
        let slices = self.slices.of(name);
        let evidence = Evidence {
            pods: &self.pods.of(name),
            events,
            slices: self.slices.is_complete().then_some(&slices),
        };
        Assessment::of(readiness.clone(), name, evidence)
    }
}

impl Member for PodFacts {
    fn service(&self) -> &str {
        &self.service
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Member for SliceFacts {
    fn service(&self) -> &str {
        &self.service
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Phase;
    use serde_json::json;

    fn object(name: &str, uid: &str, ready: i32) -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": uid, "generation": 1},
            "spec": {"replicas": 1, "selector": {}, "template": {}},
            "status": {"replicas": 1, "observedGeneration": 1, "readyReplicas": ready},
        }))
        .expect("a StatefulSet")
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn listed(objects: Vec<StatefulSet>) -> Store {
        let mut store = Store::default();
        store.apply(Event::Init);
        for object in objects {
            store.apply(Event::InitApply(object));
        }
        store.apply(Event::InitDone);
        store
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
    fn what_a_new_list_does_not_have_is_forgotten_when_it_is_complete() {
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
    fn a_service_that_was_deleted_here_is_gone_before_the_watch_tells_of_it() {
        let mut store = listed(vec![object("foo", "1", 1)]);
        store.forget("foo");
        assert_eq!(phase(&store, "foo", None), None);
        store.apply(Event::Apply(object("foo", "1", 1)));
        assert_eq!(phase(&store, "foo", None), None, "a late word of the old one");
        store.apply(Event::Apply(object("foo", "2", 1)));
        assert_eq!(
            phase(&store, "foo", None),
            Some(Phase::Ready),
            "the next one of that name"
        );
        store.forget("foo");
        store.apply(Event::Delete(object("foo", "2", 1)));
        assert!(!store.deleted.contains("2"), "nothing is kept once the watch has told");
        store.apply(Event::Init);
        store.apply(Event::InitDone);
        assert!(store.deleted.is_empty(), "nor once a new list does not have it");
    }

    #[test]
    fn another_service_of_that_name_is_no_answer() {
        let store = listed(vec![object("foo", "old", 1)]);
        assert_eq!(phase(&store, "foo", Some("old")), Some(Phase::Ready));
        assert_eq!(phase(&store, "foo", Some("new")), None);
    }

    #[test]
    fn a_broken_watch_answers_with_what_it_knew_and_says_since_when() {
        let mut store = listed(vec![object("foo", "1", 1)]);
        store.lose(second(100));
        store.lose(second(103));
        let status = store.look_up("foo", None, second(104)).expect("known").status;
        assert_eq!(status.phase, Phase::Ready);
        assert!(
            status.message.contains("has not answered since 00:01:40 UTC"),
            "{}",
            status.message
        );
        let settled = store.look_up("foo", None, second(110)).expect("known").status;
        assert!(!settled.message.contains("has not answered"), "{}", settled.message);
        store.lose(second(111));
        store.apply(Event::Apply(object("foo", "1", 1)));
        let mended = store.look_up("foo", None, second(112)).expect("known").status;
        assert!(!mended.message.contains("has not answered"), "{}", mended.message);
    }

    fn pod(unschedulable: Option<&str>) -> PodFacts {
        PodFacts {
            name: "foo-0".to_owned(),
            service: "foo".to_owned(),
            unschedulable: unschedulable.map(str::to_owned),
            ..PodFacts::default()
        }
    }

    #[test]
    fn what_is_told_of_a_pod_explains_its_service_until_it_passes() {
        let mut store = listed(vec![object("foo", "1", 0)]);
        let told = |store: &Store| store.look_up("foo", None, second(0)).expect("known").status;
        store.apply_pod(Event::Apply(pod(Some("0/1 nodes are available: 1 Insufficient cpu."))));
        assert_eq!(
            (told(&store).phase, told(&store).reason),
            (Phase::WaitingForResources, "InsufficientCpu")
        );
        store.apply_pod(Event::Apply(pod(None)));
        assert_eq!(
            (told(&store).phase, told(&store).reason),
            (Phase::Initializing, "ReplicasNotReady")
        );
        store.apply_pod(Event::Apply(pod(Some("Insufficient cpu"))));
        store.apply_pod(Event::Delete(pod(None)));
        assert_eq!(told(&store).reason, "ReplicasNotReady");
    }

    #[test]
    fn pods_that_are_told_of_before_their_service_are_not_forgotten() {
        let mut store = Store::default();
        store.apply_pod(Event::Init);
        store.apply_pod(Event::InitApply(pod(Some("Insufficient cpu"))));
        store.apply_pod(Event::InitDone);
        store.apply(Event::Init);
        store.apply(Event::InitApply(object("foo", "1", 0)));
        store.apply(Event::InitDone);
        assert_eq!(
            store.look_up("foo", None, second(0)).expect("known").status.reason,
            "InsufficientCpu"
        );
    }

    #[test]
    fn a_service_is_ready_only_when_its_slices_have_its_names_once_slices_are_known() {
        let mut store = listed(vec![object("foo", "1", 1)]);
        assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
        store.apply_slice(Event::Init);
        store.apply_slice(Event::InitDone);
        assert_eq!(phase(&store, "foo", None), Some(Phase::Initializing));
        let hostnames = vec!["foo-0".to_owned()];
        let slice = SliceFacts {
            name: "foo-x".to_owned(),
            service: "foo".to_owned(),
            hostnames,
        };
        store.apply_slice(Event::Apply(slice));
        assert_eq!(phase(&store, "foo", None), Some(Phase::Ready));
    }

    #[test]
    fn events_are_asked_for_where_pods_are_missing_and_not_twice_in_a_second() {
        let mut store = listed(vec![object("foo", "1", 0)]);
        let asks = |store: &Store, at: Timestamp| store.look_up("foo", None, at).expect("known").needs_events;
        assert!(asks(&store, second(0)));
        store.apply_events("foo", Vec::new(), second(10));
        assert!(!asks(&store, second(10)));
        assert!(asks(&store, second(11)));
        store.apply_pod(Event::Apply(pod(None)));
        assert!(!asks(&store, second(20)));
    }
}
