use serde_json::{Value, json};

use super::*;
use crate::identity::holder::{FLYTE_WORKFLOW, Holder};
use crate::identity::labels::{DELETE_AFTER_ANNOTATION, LIFETIME_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL};
use crate::watch::scripted::{Begun, Scripted, UNLISTED, forbidden};

#[tokio::test(start_paused = true)]
async fn services_that_are_due_are_deleted_and_leave_the_cache() {
    let (api, cache, expiry) = (Scripted::quiet(), Arc::new(Cache::default()), Expiry::default());
    for (name, until) in [("due", "2000-01-01T00:00:00Z"), ("later", "9000-01-01T00:00:00Z")] {
        let labels = json!({MANAGED_BY_LABEL: MANAGED_BY});
        let annotations = json!({DELETE_AFTER_ANNOTATION: until});
        api.add(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {
                "name": name, "uid": name, "resourceVersion": "7", "labels": labels, "annotations": annotations,
            },
        }));
    }
    let key = Key::of_context(Some("any")).expect("a key");
    expiry.enforce(&cache, (&key, &api), (&key, &api), "flyte");
    tokio::time::sleep(Duration::from_mins(1)).await;
    let deletions: Vec<_> = api.asked("delete").into_iter().map(|(_, asked)| asked).collect();
    assert_eq!(deletions, ["delete due due at 7"]);
    let left = cache.bound(&key, "flyte").expect("a watch");
    assert_eq!(left.iter().map(|bound| &*bound.name).collect::<Vec<_>>(), ["later"]);
}

#[tokio::test(start_paused = true)]
async fn the_deletions_of_a_namespace_run_once_and_end_with_its_watch() {
    let (api, cache, expiry) = (Scripted::quiet(), Arc::new(Cache::default()), Expiry::default());
    let key = Key::of_context(Some("any")).expect("a key");
    for _ in 0..2 {
        expiry.enforce(&cache, (&key, &api), (&key, &api), "flyte");
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        api.holders(),
        4,
        "the test, the watch, the deletions and where they look for runs"
    );
    drop(cache);
    tokio::time::sleep(SWEEP).await;
    assert_eq!(api.holders(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_deletions_begin_again_with_the_watch() {
    let (api, cache, expiry) = (Scripted::quiet(), Arc::new(Cache::default()), Expiry::default());
    let key = Key::of_context(Some("any")).expect("a key");
    expiry.enforce(&cache, (&key, &api), (&key, &api), "flyte");
    // Nobody asks, so that the watch ends after a while.
    tokio::time::sleep(Duration::from_mins(11)).await;
    assert_eq!(api.holders(), 1);
    expiry.enforce(&cache, (&key, &api), (&key, &api), "flyte");
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(api.holders(), 4);
}

/// Adds runs that go on, and two services that each of them holds.
fn add_runs(api: &Scripted, runs: usize, labels: &Value) {
    for run in (0..runs).map(|run| format!("f{run}")) {
        api.add(json!({
            "apiVersion": "flyte.lyft.com/v1alpha1", "kind": "FlyteWorkflow",
            "metadata": {"name": run, "namespace": "p-d", "uid": run, "labels": labels},
        }));
        let holder = Holder {
            kind: FLYTE_WORKFLOW.to_owned(),
            namespace: "p-d".to_owned(),
            name: run.clone(),
            uid: run.clone(),
            owner: run.clone(),
            since: "2026-01-01T00:00:00Z".to_owned(),
            identity: None,
        };
        for name in ["a", "b"].map(|suffix| format!("{run}-{suffix}")) {
            let labels = json!({MANAGED_BY_LABEL: MANAGED_BY});
            let annotations = json!({LIFETIME_ANNOTATION: r#"{"bound":"run"}"#, holder.key(): holder.value()});
            api.add(json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {
                    "name": name, "namespace": "flyte", "uid": name, "resourceVersion": "7", "labels": labels,
                    "annotations": annotations,
                },
            }));
        }
    }
}

/// Begins to sweep, and returns how many runs and how many services were looked at after some seconds.
async fn looks_after(api: &Scripted, seconds: u64) -> (usize, usize) {
    let (cache, expiry) = (Arc::new(Cache::default()), Expiry::default());
    let key = Key::of_context(Some("any")).expect("a key");
    expiry.enforce(&cache, (&key, api), (&key, api), "flyte");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let services = cache.bound(&key, "flyte").expect("a watch");
    assert_eq!(services.len(), 40, "a service whose run goes on stays");
    let looks = |kind: &str| api.asked(&format!("read {kind}")).len();
    (looks("FlyteWorkflow"), looks("StatefulSet"))
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_lists_all_runs_and_reads_no_service() {
    let api = Scripted::quiet();
    add_runs(&api, 20, &json!({}));
    assert_eq!(looks_after(&api, 600).await, (0, 0));
    assert_eq!(api.asked("list FlyteWorkflow").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn runs_that_cannot_be_watched_are_looked_at_once_a_minute_each_and_their_services_are_not() {
    let api = Scripted::new(
        |kind, _| match kind {
            "FlyteWorkflow" => Err(forbidden()),
            _ => Ok(()),
        },
        |_, _| Begun::Stays,
    );
    add_runs(&api, 20, &json!({}));
    assert_eq!(looks_after(&api, 40).await, (20, 0));
    assert_eq!(
        looks_after(&api, 60).await,
        (20 + 2 * 20, 0),
        "a look each 50 s, and the first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_list_lacks_is_looked_at_before_its_service_ends() {
    let api = Scripted::quiet();
    add_runs(&api, 20, &json!({UNLISTED: "yes"}));
    let (runs, services) = looks_after(&api, 600).await;
    assert!(runs >= 40 && services >= 40, "{runs} {services}");
    assert_eq!(api.asked("delete"), []);
}
