//! The services of a namespace, counted without holding up the polls.

use k8s_openapi::jiff::Timestamp;

use super::super::last_report::WatchState;
use super::super::services::Services;
use super::Store;

impl Store {
    /// The names of the services; `None` while they are not known.
    pub(in super::super) fn names(&self) -> Option<Vec<String>> {
        self.is_settled().then(|| self.services.keys().cloned().collect())
    }

    /// Counts services by their names, as a poll would report them. Those that are gone meanwhile do not count.
    pub(in super::super) fn count(&self, names: &[String], now: Timestamp, into: &mut Services) {
        let as_of = self.as_of(now);
        for known in names.iter().filter_map(|name| self.services.get(name)) {
            let status = known.assessment.at(as_of, &self.grace_periods);
            into.count(status.phase, known.holders);
        }
    }

    /// The states of the watches.
    pub(in super::super) fn watches(&self) -> [WatchState; 3] {
        [
            self.last_report.of("StatefulSet"),
            self.pods.last_report().of("Pod"),
            self.slices.last_report().of("EndpointSlice"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::super::tests::{listed, object, second};
    use super::*;
    use crate::cluster::Fault;
    use crate::identity::labels::{ASLEEP_ANNOTATION, HOLDER_PREFIX, MANAGED_BY, MANAGED_BY_LABEL};
    use crate::metrics::counts;
    use crate::watch::stream::Update;

    fn counted(store: &Store, now: Timestamp) -> Option<Services> {
        let mut services = Services::default();
        store.count(&store.names()?, now, &mut services);
        Some(services)
    }

    fn held_by(name: &str, holders: &[&str]) -> k8s_openapi::api::apps::v1::StatefulSet {
        let mut held = object(name, name, 1);
        let keys = holders.iter().map(|key| format!("{HOLDER_PREFIX}{key}"));
        held.metadata.annotations = Some(keys.map(|key| (key, "{}".to_owned())).collect());
        held
    }

    #[test]
    fn services_are_counted_by_phase_and_by_who_holds_them() {
        let mut sleeps = object("sleeps", "sleeps", 0);
        let asleep = json!({"replicas": 1, "since": "2026-01-01T00:00:00Z"}).to_string();
        sleeps.metadata.labels = Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into());
        sleeps.metadata.annotations = Some([(ASLEEP_ANNOTATION.to_owned(), asleep)].into());
        sleeps.spec.get_or_insert_default().replicas = Some(0);
        let store = listed(vec![
            object("starts", "starts", 0),
            held_by("ready", &["a", "b"]),
            held_by("alone", &[]),
            held_by("one", &["a"]),
            sleeps,
        ]);
        let services = counted(&store, second(0)).expect("services");
        let phases: Vec<_> = services.phases().filter(|(_, count)| *count > 0).collect();
        assert_eq!(phases, [("initializing", 1), ("ready", 3), ("asleep", 1)]);
        assert_eq!((services.held, services.holders), (2, 3));
        assert_eq!(services.phases().count(), 6, "phases without services count, too");
        assert!(counted(&Store::default(), second(0)).is_none(), "nothing is known yet");
    }

    #[test]
    fn a_service_that_is_gone_meanwhile_does_not_count() {
        let mut store = listed(vec![object("foo", "1", 1)]);
        let names = store.names().expect("names");
        store.apply(Event::Delete(object("foo", "1", 1)));
        let mut services = Services::default();
        store.count(&names, second(0), &mut services);
        assert_eq!(services, Services::default());
    }

    #[test]
    fn the_time_to_ready_counts_once_however_often_the_watch_reports_the_service() {
        let mut store = listed(vec![object("foo", "1", 0)]);
        store.look_up("foo", None, second(2));
        store.apply(Event::Apply(object("foo", "1", 1)));
        assert_eq!(counts().ready.count, 0);
        store.look_up("foo", None, second(6));
        store.look_up("foo", None, second(7));
        assert_eq!((counts().ready.count, counts().ready.sum), (1, 6.0));
        // It loses its pod, and then the watch lists again.
        store.apply(Event::Apply(object("foo", "1", 0)));
        store.look_up("foo", None, second(30));
        store.apply(Event::Init);
        store.apply(Event::InitApply(object("foo", "1", 1)));
        store.apply(Event::InitDone);
        store.look_up("foo", None, second(40));
        assert_eq!(counts().ready.count, 1);
        // The next one of that name counts for itself.
        store.apply(Event::Apply(object("foo", "2", 1)));
        store.look_up("foo", None, second(41));
        assert_eq!((counts().ready.count, counts().ready.sum), (2, 47.0));
    }

    #[test]
    fn an_answer_on_stale_evidence_is_not_the_first_that_it_is_ready() {
        let mut store = listed(vec![object("foo", "1", 1)]);
        store.update(Update::Lost(Fault::transient("away")), second(3));
        store.look_up("foo", None, second(4));
        assert_eq!(counts().ready.count, 0);
        store.update(Update::Following, second(8));
        store.look_up("foo", None, second(9));
        assert_eq!((counts().ready.count, counts().ready.sum), (1, 9.0));
    }
}
