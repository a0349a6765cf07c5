use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{client, config_map, object};

fn maps() -> Api<ConfigMap> {
    Api::default_namespaced(client())
}

fn owner(map: &ConfigMap, blocks: bool) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": map.metadata.name, "uid": map.metadata.uid,
        "blockOwnerDeletion": blocks,
    })
}

async fn make(maps: &Api<ConfigMap>, name: &str, owners: &[Value]) -> ConfigMap {
    let map = json!({"metadata": {"name": name, "ownerReferences": owners}});
    maps.create(&PostParams::default(), &object(map))
        .await
        .expect("it is made")
}

async fn names(maps: &Api<ConfigMap>) -> Vec<String> {
    let list = maps.list(&kube::api::ListParams::default()).await.expect("a list");
    list.items.into_iter().filter_map(|map| map.metadata.name).collect()
}

#[tokio::test]
async fn dependents_without_an_owner_are_deleted() {
    let maps = maps();
    let one = make(&maps, "one", &[]).await;
    let other = make(&maps, "other", &[]).await;
    let child = make(&maps, "child", &[owner(&one, true), owner(&other, true)]).await;
    make(&maps, "grandchild", &[owner(&child, true)]).await;
    maps.delete("one", &DeleteParams::background())
        .await
        .expect("it is deleted");
    let left = maps
        .get("child")
        .await
        .expect("it has an owner")
        .metadata
        .owner_references
        .expect("owners");
    assert_eq!((left.len(), left[0].name.as_str()), (1, "other"));
    maps.delete("other", &DeleteParams::background())
        .await
        .expect("it is deleted");
    assert!(names(&maps).await.is_empty());
    make(&maps, "late", &[owner(&one, false)]).await;
    assert!(names(&maps).await.is_empty(), "its owner is gone");
    let unknown = json!({"apiVersion": "flyte.org/v1", "kind": "TaskAction", "name": "run", "uid": "1"});
    make(&maps, "kept", &[unknown]).await;
    assert_eq!(names(&maps).await, ["kept"]);
}

#[tokio::test]
async fn dependents_go_first_or_are_orphaned() {
    let maps = maps();
    let one = make(&maps, "one", &[]).await;
    let mut held = config_map("held");
    held.metadata.finalizers = Some(vec!["example.org/hold".to_owned()]);
    held.metadata.owner_references = Some(vec![object(owner(&one, true))]);
    maps.create(&PostParams::default(), &held).await.expect("it is made");
    let left = maps
        .delete("one", &DeleteParams::foreground())
        .await
        .expect("it is deleted")
        .left();
    let finalizers = left.expect("it waits").metadata.finalizers;
    assert_eq!(finalizers, Some(vec!["foregroundDeletion".to_owned()]));
    assert_eq!(names(&maps).await, ["held", "one"]);
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("held", &PatchParams::default(), &release)
        .await
        .expect("it is released");
    assert!(names(&maps).await.is_empty());

    let one = make(&maps, "one", &[]).await;
    make(&maps, "child", &[owner(&one, true)]).await;
    maps.delete("one", &DeleteParams::orphan())
        .await
        .expect("it is deleted");
    assert_eq!(names(&maps).await, ["child"]);
    assert_eq!(
        maps.get("child").await.expect("it is there").metadata.owner_references,
        None
    );
}

#[tokio::test]
async fn a_finalizer_holds_an_object_and_takes_no_company() {
    let maps = maps();
    let mut held = config_map("held");
    held.metadata.finalizers = Some(vec!["example.org/hold".to_owned()]);
    maps.create(&PostParams::default(), &held).await.expect("it is made");
    let left = maps
        .delete("held", &DeleteParams::default())
        .await
        .expect("it is deleted")
        .left();
    assert!(left.is_some_and(|left| left.metadata.deletion_timestamp.is_some()));
    let more = Patch::Merge(json!({"metadata": {"finalizers": ["example.org/hold", "example.org/more"]}}));
    let refused = super::refusal(maps.patch("held", &PatchParams::default(), &more).await);
    assert!(
        refused
            .2
            .contains("no new finalizers can be added if the object is being deleted"),
        "{refused:?}"
    );
    let dry = DeleteParams {
        dry_run: true,
        ..DeleteParams::default()
    };
    make(&maps, "other", &[]).await;
    maps.delete("other", &dry).await.expect("it would be deleted");
    maps.delete_collection(
        &DeleteParams::default(),
        &kube::api::ListParams::default().labels("app"),
    )
    .await
    .expect("a list");
    assert_eq!(names(&maps).await, ["held", "other"]);
}
