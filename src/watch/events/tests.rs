//! Which events are kept.

use super::*;
use serde_json::json;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn note(id: &str, kind: &str, name: &str, reason: &str, message: &str, seconds: (i64, i64)) -> Note {
    Note {
        id: id.into(),
        facts: EventFacts {
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: "1".to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            first: Some(second(seconds.0)),
            last: Some(second(seconds.1)),
        },
    }
}

fn unhealthy(id: &str, message: &str, seconds: (i64, i64)) -> Note {
    note(id, "Pod", "foo-0", "Unhealthy", message, seconds)
}

fn applied(notes: impl IntoIterator<Item = Note>) -> EventLog {
    let mut log = EventLog::default();
    for note in notes {
        log.apply(Event::Apply(note), |service| service == "foo");
    }
    log
}

fn messages(log: &EventLog) -> Vec<String> {
    let mut messages: Vec<String> = log.of("foo", &[]).into_iter().map(|facts| facts.message).collect();
    messages.sort();
    messages
}

#[test]
fn of_each_trouble_the_last_event_is_kept_with_the_time_of_the_first() {
    let log = applied([
        unhealthy("a", "Readiness probe failed: 1", (10, 20)),
        unhealthy("b", "Readiness probe failed: 2", (30, 40)),
        unhealthy("c", "Liveness probe failed: 3", (25, 26)),
        unhealthy("d", "Readiness probe failed: an older one", (5, 6)),
    ]);
    assert_eq!(
        messages(&log),
        ["Liveness probe failed: 3", "Readiness probe failed: 2"]
    );
    let facts = log.of("foo", &[]);
    assert!(
        facts
            .iter()
            .any(|facts| facts.first == Some(second(5)) && facts.last == Some(second(40)))
    );
}

#[test]
fn a_trouble_that_comes_back_after_a_long_time_is_a_new_one() {
    let log = applied([
        unhealthy("a", "Readiness probe failed: 1", (0, 10)),
        unhealthy("b", "Readiness probe failed: 2", (2000, 2010)),
    ]);
    assert_eq!(log.of("foo", &[])[0].first, Some(second(2000)));
}

#[test]
fn events_on_what_is_not_of_a_service_are_not_kept_for_it() {
    let log = applied([
        note("a", "Pod", "bar-0", "Unhealthy", "x", (0, 1)),
        note("b", "Pod", "foo-x", "Unhealthy", "x", (0, 1)),
        note("c", "Node", "foo", "NodeNotReady", "x", (0, 1)),
        note("d", "StatefulSet", "bar", "FailedCreate", "x", (0, 1)),
    ]);
    assert!(messages(&log).is_empty());
    assert!(log.current.services.is_empty());
}

#[test]
fn a_namespace_full_of_other_events_takes_little_memory() {
    let others = (0..5000).map(|number| note("x", "Pod", &format!("other{number}-0"), "BackOff", "x", (0, 1)));
    let claims = (0..5000).map(|number| {
        let name = format!("claim-{number}");
        note(
            "x",
            "PersistentVolumeClaim",
            &name,
            "ProvisioningFailed",
            "x",
            (0, number),
        )
    });
    let many = (0..5000).map(|number| {
        let words = format!("w{number} w w w");
        note(
            "x",
            "Pod",
            &format!("foo-{}", number % 100),
            "Failed",
            &words,
            (0, number),
        )
    });
    let log = applied(others.chain(claims).chain(many));
    assert_eq!(log.current.unclaimed.len(), UNCLAIMED);
    assert_eq!(log.current.claims.len(), CLAIMS);
    assert!(log.current.claims.contains_key("claim-4999"), "the last ones are kept");
    assert_eq!(log.current.services["foo"].len(), OF_SERVICE);
    let newest = log.current.services["foo"]
        .iter()
        .filter_map(|note| note.facts.last)
        .max();
    assert_eq!(newest, Some(second(4999)));
}

#[test]
fn an_event_that_the_api_server_forgets_is_forgotten() {
    let mut log = applied([unhealthy("a", "Readiness probe failed: 1", (10, 20))]);
    log.apply(
        Event::Delete(unhealthy("b", "Readiness probe failed: 1", (10, 20))),
        |_| true,
    );
    assert_eq!(messages(&log).len(), 1, "another event");
    log.apply(
        Event::Delete(unhealthy("a", "Readiness probe failed: 1", (10, 20))),
        |_| true,
    );
    assert!(messages(&log).is_empty());
}

#[test]
fn the_events_on_a_claim_are_those_of_the_pods_that_use_it() {
    let log = applied([note(
        "a",
        "PersistentVolumeClaim",
        "data",
        "ProvisioningFailed",
        "x",
        (0, 1),
    )]);
    assert!(messages(&log).is_empty());
    let pod = PodFacts {
        claims: vec!["data".to_owned()],
        ..PodFacts::default()
    };
    assert_eq!(log.of("foo", &[pod]).len(), 1);
}

#[test]
fn a_message_is_cut_between_characters() {
    let event: Object = serde_json::from_value(json!({
        "metadata": {"name": "e"}, "involvedObject": {}, "message": "ö".repeat(5000),
    }))
    .expect("an event");
    assert_eq!(Note::from(&event).facts.message.len(), MESSAGE);
}
