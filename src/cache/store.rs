//! What a watch has told, reduced to what is asked: the state of each service.

use std::collections::HashMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use crate::status::{Status, judge};

/// For how long after its last fault a watch counts as broken. A watch that works again stays silent until something
/// changes; one that does not fails again within this time.
const SETTLED: SignedDuration = SignedDuration::from_secs(6);

/// The services of one namespace, as far as its watch has told.
#[derive(Default)]
pub(super) struct Store {
    services: HashMap<String, Known>,
    /// What a watch that begins anew has listed so far. It counts only once the list is complete.
    listing: HashMap<String, Known>,
    /// Whether a list has ever been complete.
    complete: bool,
    /// When the watch broke and when it failed last.
    lost: Option<(Timestamp, Timestamp)>,
}

/// One service.
struct Known {
    uid: Box<str>,
    status: Status,
}

impl Store {
    /// Takes in what the watch tells.
    pub(super) fn apply(&mut self, event: Event<StatefulSet>) {
        self.lost = None;
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                let (name, known) = reduce(&object);
                self.listing.insert(name, known);
            }
            Event::InitDone => {
                self.services = std::mem::take(&mut self.listing);
                self.complete = true;
            }
            Event::Apply(object) => {
                let (name, known) = reduce(&object);
                self.services.insert(name, known);
            }
            Event::Delete(object) => {
                self.services
                    .remove(object.metadata.name.as_deref().unwrap_or_default());
            }
        }
    }

    /// Notes that the watch has broken, or is still broken.
    pub(super) fn lose(&mut self, now: Timestamp) {
        let since = self.lost.map_or(now, |(since, _)| since);
        self.lost = Some((since, now));
    }

    /// The state of a service, if it is known; while the watch is broken, the last one, which says so.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>, now: Timestamp) -> Option<Status> {
        if !self.complete {
            return None;
        }
        let known = self
            .services
            .get(name)
            .filter(|known| uid.is_none_or(|uid| *uid == *known.uid))?;
        let mut status = known.status.clone();
        if let Some((since, last)) = self.lost
            && now.duration_since(last) < SETTLED
        {
            let since = since.strftime("%H:%M:%S UTC");
            status.message.push_str(" The API server has not answered since ");
            status.message.push_str(&since.to_string());
            status.message.push_str(": this is what was known then.");
        }
        Some(status)
    }
}

fn reduce(object: &StatefulSet) -> (String, Known) {
    let name = object.metadata.name.clone().unwrap_or_default();
    let uid = object.metadata.uid.clone().unwrap_or_default().into_boxed_str();
    (
        name,
        Known {
            uid,
            status: judge(object),
        },
    )
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
        store.look_up(name, uid, second(0)).map(|status| status.phase)
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
        let status = store.look_up("foo", None, second(104)).expect("known");
        assert_eq!(status.phase, Phase::Ready);
        assert!(
            status.message.contains("has not answered since 00:01:40 UTC"),
            "{}",
            status.message
        );
        let settled = store.look_up("foo", None, second(110)).expect("known");
        assert!(!settled.message.contains("has not answered"), "{}", settled.message);
        store.lose(second(111));
        store.apply(Event::Apply(object("foo", "1", 1)));
        let mended = store.look_up("foo", None, second(112)).expect("known");
        assert!(!mended.message.contains("has not answered"), "{}", mended.message);
    }
}
