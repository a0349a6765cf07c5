//! Errors that no caller gets: each is logged, once per cause and not once per try. And creates that several calls use.

use serde_json::json;
use tokio::time::Duration;
use tracing::Level;

use super::retract::{CallId, Retraction, retract};
use super::retry::Deadline;
use super::stateful_set::roll_back;
use super::verdict_event::recall;
use crate::cluster::{Deleted, Fault};
use crate::identity::labels::{ABANDONED_ANNOTATION, ADOPTED_PREFIX, CALL_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL};
use crate::swallowed::recorder::{Logged, record};
use crate::watch::scripted::{Begun, Scripted, forbidden};

const CALL: &str = "a-call";

/// A cluster that rejects deletions, with a service that the call has made and abandoned.
fn that_deletes_nothing(name: &str) -> Scripted {
    let unavailable = |_: &str, _| Err(Fault::transient("the API server is overloaded"));
    let api = Scripted::with_deletions(|_, _| Ok(()), |_, _| Begun::Stays, unavailable);
    api.add(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {
            "name": name, "namespace": "flyte", "uid": "u", "resourceVersion": "7",
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
            "annotations": {CALL_ANNOTATION: CALL, ABANDONED_ANNOTATION: CALL},
        },
    }));
    api
}

fn warnings(all: Vec<Logged>) -> Vec<Logged> {
    all.into_iter().filter(|logged| logged.level <= Level::WARN).collect()
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_a_failed_create_are_logged_once() {
    let (records, _guard) = record();
    let api = that_deletes_nothing("rolled-back");
    for _ in 0..3 {
        let deadline = Deadline::after(Duration::from_secs(2));
        roll_back(&api, ("flyte", "rolled-back"), "u", &CallId::named(CALL), deadline).await;
    }
    assert!(api.asked("delete rolled-back").len() > 3, "each tries several times");
    let [logged] = &warnings(records.all())[..] else {
        panic!("{:?}", records.all())
    };
    assert!(logged.message.contains("what it made is not deleted yet"), "{logged:?}");
    assert!(logged.message.contains("the API server is overloaded"), "{logged:?}");
    assert_eq!(logged.field("object"), "StatefulSet rolled-back");
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_an_unanswered_create_are_logged_once() {
    let (records, _guard) = record();
    let api = that_deletes_nothing("unanswered");
    retract(
        &api,
        "flyte",
        "unanswered",
        &CallId::named(CALL),
        Duration::from_mins(1),
    )
    .await;
    assert!(api.asked("delete unanswered").len() > 3);
    let [logged] = &warnings(records.all())[..] else {
        panic!("{:?}", records.all())
    };
    assert!(
        logged.message.contains("a create has ended without an answer"),
        "{logged:?}"
    );
    assert_eq!(logged.field("object"), "StatefulSet unanswered");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_verdict_that_may_not_be_read_is_logged_once() {
    let (records, _guard) = record();
    let api = Scripted::new(|_, _| Err(forbidden()), |_, _| Begun::Stays);
    for _ in 0..3 {
        let recalled = recall(
            &api,
            "unread",
            "foo",
            Some("u"),
            Deadline::after(Duration::from_secs(2)),
        )
        .await;
        assert_eq!(recalled.expect("no error"), None);
    }
    let [logged] = &warnings(records.all())[..] else {
        panic!("{:?}", records.all())
    };
    assert!(
        logged.message.contains("an earlier verdict is not looked for"),
        "{logged:?}"
    );
    assert_eq!(logged.field("namespace"), "unread");
}

/// Takes back what a call has adopted that its maker has abandoned, beside these other calls.
async fn retracted(others: &[&str]) -> (Retraction, usize) {
    let api = Scripted::with_deletions(|_, _| Ok(()), |_, _| Begun::Stays, |_, _| Ok(Deleted::Gone));
    let mut annotations = json!({CALL_ANNOTATION: "its maker", ABANDONED_ANNOTATION: "its maker"});
    for call in others.iter().chain(&[CALL]) {
        annotations[format!("{ADOPTED_PREFIX}{call}")] = json!(call);
    }
    api.add(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {
            "name": "shared", "namespace": "flyte", "uid": "u", "resourceVersion": "7",
            "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations,
        },
    }));
    let retraction = retract(&api, "flyte", "shared", &CallId::named(CALL), Duration::from_secs(1)).await;
    (retraction, api.asked("delete").len())
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_deletes_nothing_that_another_has_adopted() {
    assert_eq!(retracted(&["another"]).await, (Retraction::Adopted, 0));
    let (retraction, deletions) = retracted(&[]).await;
    assert_eq!(retraction, Retraction::Gone);
    assert!(deletions > 0);
}
