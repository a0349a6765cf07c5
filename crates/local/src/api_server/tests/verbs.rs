use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams};
use serde_json::json;

use super::{client, config_map, object, refusal};

#[tokio::test]
async fn objects_are_made_read_changed_and_deleted() {
    let maps = Api::<ConfigMap>::default_namespaced(client());
    let made = maps
        .create(&PostParams::default(), &config_map("a"))
        .await
        .expect("it is made");
    assert!(made.metadata.uid.is_some() && made.metadata.creation_timestamp.is_some());
    let again = refusal(maps.create(&PostParams::default(), &config_map("a")).await);
    assert_eq!(
        again,
        (
            409,
            "AlreadyExists".to_owned(),
            "configmaps \"a\" already exists".to_owned()
        )
    );
    let patch = json!({"data": {"a": null, "c": "d"}});
    let patched = maps
        .patch("a", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .expect("it is patched");
    assert_eq!(json!(patched.data), json!({"c": "d"}));
    assert_ne!(patched.metadata.resource_version, made.metadata.resource_version);
    let late = refusal(maps.replace("a", &PostParams::default(), &made).await);
    let words = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
                 changes to the latest version and try again";
    assert_eq!(late, (409, "Conflict".to_owned(), words.to_owned()));
    let wrong = DeleteParams::default().preconditions(Preconditions {
        uid: Some("other".to_owned()),
        resource_version: None,
    });
    assert_eq!(refusal(maps.delete("a", &wrong).await).1, "Conflict");
    let deleted = maps.delete("a", &DeleteParams::default()).await.expect("it is deleted");
    assert!(deleted.right().is_some_and(|status| status.is_success()));
    let gone = refusal(maps.get("a").await);
    assert_eq!(
        gone,
        (404, "NotFound".to_owned(), "configmaps \"a\" not found".to_owned())
    );
}

#[tokio::test]
async fn a_write_that_changes_nothing_makes_no_version() {
    let maps = Api::<ConfigMap>::default_namespaced(client());
    let made = maps
        .create(&PostParams::default(), &config_map("a"))
        .await
        .expect("it is made");
    let patched = maps
        .patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"a": "b"}})))
        .await;
    assert_eq!(
        patched.expect("it is patched").metadata.resource_version,
        made.metadata.resource_version
    );
}

#[tokio::test]
async fn lists_come_in_pages_of_one_point_in_time() {
    let maps = Api::<ConfigMap>::default_namespaced(client());
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &config_map(name))
            .await
            .expect("it is made");
    }
    let first = maps.list(&ListParams::default().limit(2)).await.expect("a page");
    assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(1)));
    maps.delete("c", &DeleteParams::default()).await.expect("it is deleted");
    let token = first.metadata.continue_.expect("there is more");
    let second = maps
        .list(&ListParams::default().limit(2).continue_token(&token))
        .await
        .expect("a page");
    assert_eq!(second.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    let selected = maps
        .list(&ListParams::default().labels("app in (b,c)"))
        .await
        .expect("a list");
    assert_eq!(selected.items.len(), 1);
    let found = maps
        .list_metadata(&ListParams::default().fields("metadata.name=a"))
        .await
        .expect("a list");
    assert_eq!(found.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_reports_what_enters_and_leaves_its_selection() {
    let maps = Api::<ConfigMap>::default_namespaced(client());
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .expect("it is made");
    let version = maps
        .list(&ListParams::default())
        .await
        .expect("a list")
        .metadata
        .resource_version;
    let params = WatchParams::default().labels("app=b").timeout(90);
    let watch = maps
        .watch(&params, &version.expect("a version"))
        .await
        .expect("a watch");
    let relabel = |label: &str| Patch::Merge(json!({"metadata": {"labels": {"app": label}}}));
    for label in ["b", "a"] {
        maps.patch("a", &PatchParams::default(), &relabel(label))
            .await
            .expect("it is patched");
    }
    maps.create(&PostParams::default(), &config_map("b"))
        .await
        .expect("it is made");
    maps.delete("b", &DeleteParams::default()).await.expect("it is deleted");
    let events: Vec<_> = watch
        .map_ok(|event| match event {
            WatchEvent::Added(map) => format!("+{}", map.metadata.name.unwrap_or_default()),
            WatchEvent::Deleted(map) => format!("-{}", map.metadata.name.unwrap_or_default()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            other => format!("{other:?}"),
        })
        .try_collect()
        .await
        .expect("no fault");
    assert_eq!(events, ["+a", "-a", "+b", "-b", "bookmark", "bookmark"]);
}

#[tokio::test]
async fn a_watch_begins_with_what_is_there_or_ends_where_nothing_is_remembered() {
    let server = super::ApiServer::new(super::Clock::new());
    let maps = Api::<ConfigMap>::default_namespaced(server.client("flyte"));
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .expect("it is made");
    let mut watch = maps.watch(&WatchParams::default(), "0").await.expect("a watch").boxed();
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Added(_)))));
    super::super::lock(&server.store).remember(1);
    for name in ["b", "c"] {
        maps.create(&PostParams::default(), &config_map(name))
            .await
            .expect("it is made");
    }
    let mut late = maps.watch(&WatchParams::default(), "1").await.expect("a watch").boxed();
    match late.next().await {
        Some(Ok(WatchEvent::Error(status))) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(late.next().await.is_none());
}

#[tokio::test]
async fn an_unknown_kind_has_no_page_and_an_unknown_namespace_is_not_found() {
    let client = client();
    let request = http::Request::get("/apis/flyte.org/v1/namespaces/flyte/taskactions").body(vec![]);
    let text = client.request_text(request.expect("a request")).await;
    assert!(format!("{text:?}").contains("404 page not found"), "{text:?}");
    let maps = Api::<ConfigMap>::namespaced(client, "nowhere");
    let refused = refusal(maps.create(&PostParams::default(), &config_map("a")).await);
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
}

#[tokio::test]
async fn a_pod_on_a_node_stays_until_its_node_has_ended_it() {
    let pods = Api::<Pod>::default_namespaced(client());
    let pod = |node: Option<&str>| -> Pod {
        let container = json!({"name": "foo", "image": "busybox"});
        object(json!({"metadata": {"name": "foo"}, "spec": {"nodeName": node, "containers": [container]}}))
    };
    pods.create(&PostParams::default(), &pod(None))
        .await
        .expect("it is made");
    pods.delete("foo", &DeleteParams::default())
        .await
        .expect("it is deleted");
    pods.create(&PostParams::default(), &pod(Some("local")))
        .await
        .expect("it is made again");
    let left = pods
        .delete("foo", &DeleteParams::default())
        .await
        .expect("it is deleted")
        .left();
    let metadata = left.expect("it is left").metadata;
    assert_eq!(metadata.deletion_grace_period_seconds, Some(30));
    assert!(metadata.deletion_timestamp > metadata.creation_timestamp);
    pods.get("foo").await.expect("it is there");
    pods.delete("foo", &DeleteParams::default().grace_period(0))
        .await
        .expect("it is deleted");
    assert_eq!(pods.get_opt("foo").await.expect("an answer"), None);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_what_is_in_it() {
    let client = client();
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let mut held = config_map("a");
    held.metadata.finalizers = Some(vec!["example.org/hold".to_owned()]);
    maps.create(&PostParams::default(), &held).await.expect("it is made");
    maps.create(&PostParams::default(), &config_map("b"))
        .await
        .expect("it is made");
    let namespaces = Api::<Namespace>::all(client);
    namespaces
        .delete("flyte", &DeleteParams::default())
        .await
        .expect("it is deleted");
    let refused = refusal(maps.create(&PostParams::default(), &config_map("c")).await);
    assert!(refused.2.ends_with("because it is being terminated"), "{refused:?}");
    assert_eq!(maps.list(&ListParams::default()).await.expect("a list").items.len(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("a", &PatchParams::default(), &release)
        .await
        .expect("it is released");
    assert_eq!(namespaces.get_opt("flyte").await.expect("an answer"), None);
}
