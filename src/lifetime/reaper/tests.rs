use serde_json::json;

use super::*;
use crate::cluster::{Deleted, Fault};
use crate::identity::labels::{DELETE_AFTER_ANNOTATION, LIFETIME_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL};
use crate::swallowed::recorder::record;
use crate::watch::scripted::{Begun, Scripted, forbidden};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn cluster(delete: impl Fn(&str, usize) -> std::result::Result<Deleted, Fault> + Send + Sync + 'static) -> Scripted {
    Scripted::with_deletions(|_, _| Ok(()), |_, _| Begun::Stays, delete)
}

/// Adds a service that has failed and is kept until a second, and returns it as the watch reports it.
fn kept(api: &Scripted, name: &str, until: i64) -> Arc<Bound> {
    let annotations = json!({DELETE_AFTER_ANNOTATION: second(until).to_string()});
    let object = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {
            "name": name, "namespace": "flyte", "uid": format!("uid of {name}"), "resourceVersion": "7",
            "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations,
        },
    });
    api.add(object.clone());
    let metadata = serde_json::from_value(object["metadata"].clone()).expect("metadata");
    Arc::new(Bound {
        name: name.into(),
        uid: format!("uid of {name}").into(),
        metadata,
    })
}

/// Sweeps every five seconds for some time, and returns what is gone.
async fn swept(api: &Scripted, mut services: Vec<Arc<Bound>>, seconds: u64) -> Vec<Box<str>> {
    let mut reaper = Reaper::default();
    let mut all = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        reaper.note(services.clone());
        let gone = reaper.sweep((api, api), "flyte", &[], second(100)).await;
        services.retain(|service| !gone.contains(&service.uid));
        all.extend(gone);
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_kept_for_long_enough_is_deleted_at_the_version_that_was_read() {
    let api = cluster(|_, _| Ok(Deleted::Gone));
    let services = vec![kept(&api, "foo", 60), kept(&api, "later", 4_000_000_000)];
    assert_eq!(swept(&api, services, 5).await, ["uid of foo".into()]);
    assert_eq!(api.asked("delete")[0].1, "delete foo uid of foo at 7");
    assert_eq!(api.asked("delete").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_deleted_holds_up_no_other_and_is_tried_less_and_less() {
    let api = cluster(|name, _| {
        if name == "foo" {
            Err(forbidden())
        } else {
            Ok(Deleted::Gone)
        }
    });
    let services = vec![kept(&api, "foo", 60), kept(&api, "hangs", 60), kept(&api, "bar", 60)];
    assert_eq!(swept(&api, services, 3600).await, ["uid of bar".into()]);
    assert!(api.asked("delete bar")[0].0 < Duration::from_secs(10));
    let tries = api.asked("delete foo").len();
    assert!((10..40).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn why_one_cannot_be_deleted_is_logged_once_per_cause() {
    let refused = |message: &str| Fault::Refused {
        code: 422,
        reason: "Invalid".to_owned(),
        message: message.to_owned(),
    };
    let api = cluster(move |_, before| match before {
        0..3 => Err(refused("one")),
        3..6 => Err(refused("two")),
        _ => Ok(Deleted::Gone),
    });
    let service = kept(&api, "foo", 60);
    let (records, guard) = record();
    swept(&api, vec![service], 3600).await;
    drop(guard);
    let warnings: Vec<_> = records
        .all()
        .into_iter()
        .filter(|record| record.message.contains("tried again"))
        .collect();
    let causes: Vec<_> = warnings.iter().map(|record| record.field("cause")).collect();
    assert_eq!(causes.len(), 2, "{causes:?}");
    assert!(causes[0].contains("one") && causes[1].contains("two"), "{causes:?}");
    let first = &warnings[0];
    assert_eq!(
        (first.field("namespace"), first.field("object")),
        ("flyte".to_owned(), "StatefulSet foo".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_runs_were_looked_at_ends_in_time_when_its_ttl_is_over() {
    let metadata = json!({
        "name": "foo", "namespace": "flyte", "uid": "u", "resourceVersion": "7",
        "creationTimestamp": second(98).to_string(), "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        "annotations": {LIFETIME_ANNOTATION: r#"{"bound":"run","ttl":"10s"}"#},
    });
    let bound = Arc::new(Bound {
        name: "foo".into(),
        uid: "u".into(),
        metadata: serde_json::from_value(metadata).expect("metadata"),
    });
    let mut known = Known {
        terms: Terms::of(&bound.metadata),
        bound,
        seen: None,
        next: None,
        pause: Duration::ZERO,
        trouble: LastCause::default(),
    };
    let used = Reaped {
        namespace: "flyte".to_owned(),
        name: "foo".to_owned(),
        uid: "u".to_owned(),
        decision: Decision::Used(vec!["f1".to_owned()]),
        is_deleted: false,
        deleted: None,
        is_put_to_sleep: false,
    };
    known.take("flyte", Vec::new(), Ok(Some(used)), second(100));
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(known.due(&[], second(107)).is_none());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(known.due(&[], second(108)).is_some());
}
