use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::defaults::stateful_set;
use super::{client, object, refusal};

const MANAGER: &str = "me";

fn sets() -> Api<StatefulSet> {
    Api::default_namespaced(client())
}

/// A `StatefulSet` to apply.
fn manifest() -> Value {
    let mut manifest = stateful_set();
    manifest["apiVersion"] = json!("apps/v1");
    manifest["kind"] = json!("StatefulSet");
    manifest
}

async fn apply(sets: &Api<StatefulSet>, manifest: &Value) -> kube::Result<Value> {
    let params = PatchParams::apply(MANAGER).force();
    sets.patch("foo", &params, &Patch::Apply(manifest))
        .await
        .map(|set| json!(set))
}

fn container(set: &Value) -> &Value {
    &set["spec"]["template"]["spec"]["containers"][0]
}

#[tokio::test]
async fn fields_that_are_no_longer_applied_are_removed_and_those_of_others_stay() {
    let sets = sets();
    let mut manifest = manifest();
    manifest["metadata"]["labels"] = json!({"mine": "1", "ours": "1"});
    let made = apply(&sets, &manifest).await.expect("it is made");
    let entry = &made["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["operation"], &entry["manager"]),
        (&json!("Apply"), &json!(MANAGER))
    );
    assert_eq!(
        entry["fieldsV1"]["f:metadata"],
        json!({"f:labels": {"f:mine": {}, "f:ours": {}}})
    );
    let containers = &entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    let own = &containers["k:{\"name\":\"foo\"}"];
    assert_eq!((&own["."], &own["f:image"]), (&json!({}), &json!({})));
    assert_eq!(
        own["f:ports"],
        json!({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}})
    );

    let theirs = json!({"metadata": {"labels": {"ours": "2", "theirs": "1"}}, "spec": {"replicas": 4}});
    let params = PatchParams {
        field_manager: Some("other".to_owned()),
        ..PatchParams::default()
    };
    let patched = json!(
        sets.patch("foo", &params, &Patch::Merge(theirs))
            .await
            .expect("it is patched")
    );
    let entries = patched["metadata"]["managedFields"].as_array().expect("entries");
    let of_other = entries
        .iter()
        .find(|entry| entry["manager"] == "other")
        .expect("an entry");
    assert_eq!(
        of_other["fieldsV1"],
        json!({"f:metadata": {"f:labels": {"f:ours": {}, "f:theirs": {}}}, "f:spec": {"f:replicas": {}}})
    );

    manifest["metadata"]["labels"] = json!({});
    let own = &mut manifest["spec"]["template"]["spec"]["containers"][0];
    own["env"] = json!([{"name": "B", "value": "x"}]);
    own.as_object_mut().expect("a container").remove("readinessProbe");
    own.as_object_mut().expect("a container").remove("resources");
    let applied = apply(&sets, &manifest).await.expect("it is applied");
    assert_eq!(applied["metadata"]["labels"], json!({"ours": "2", "theirs": "1"}));
    assert_eq!(applied["spec"]["replicas"], 4);
    assert_eq!(container(&applied)["env"], json!([{"name": "B", "value": "x"}]));
    assert_eq!(container(&applied)["readinessProbe"], Value::Null);
    assert_eq!(container(&applied)["resources"], json!({}));
    assert_eq!(applied["metadata"]["generation"], 3);
    let again = apply(&sets, &manifest).await.expect("it is applied");
    assert_eq!(again["metadata"], applied["metadata"], "nothing has changed");
}

#[tokio::test]
async fn an_apply_without_force_conflicts() {
    let sets = sets();
    apply(&sets, &manifest()).await.expect("it is made");
    let theirs = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"serviceName": "foo", "replicas": 3}});
    let params = PatchParams::apply("other");
    sets.patch("foo", &params, &Patch::Apply(&theirs))
        .await
        .expect("both may own equal values");
    let mut mine = manifest();
    mine["spec"]["replicas"] = json!(2);
    let refused = refusal(
        sets.patch("foo", &PatchParams::apply(MANAGER), &Patch::Apply(&mine))
            .await,
    );
    let words = "Apply failed with 1 conflict: conflict with \"other\" using apps/v1: .spec.replicas";
    assert_eq!(refused, (409, "Conflict".to_owned(), words.to_owned()));
    let forced = apply(&sets, &mine).await.expect("it is applied");
    assert_eq!(forced["spec"]["replicas"], 2);
}

#[tokio::test]
async fn created_objects_have_managed_fields_as_on_kubernetes() {
    let sets = sets();
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let mut set = stateful_set();
    set["metadata"]["labels"] = json!({"a": "b"});
    let made = json!(sets.create(&params, &object(set)).await.expect("it is made"));
    let entry = &made["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["operation"], &entry["manager"]),
        (&json!("Update"), &json!(MANAGER))
    );
    let expected = json!({
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:spec": {
            "f:persistentVolumeClaimRetentionPolicy": {".": {}, "f:whenDeleted": {}, "f:whenScaled": {}},
            "f:podManagementPolicy": {}, "f:replicas": {}, "f:revisionHistoryLimit": {}, "f:selector": {},
            "f:serviceName": {},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {"k:{\"name\":\"foo\"}": {
                        ".": {},
                        "f:env": {
                            ".": {},
                            "k:{\"name\":\"A\"}": {".": {}, "f:name": {}},
                            "k:{\"name\":\"B\"}": {".": {}, "f:name": {}, "f:valueFrom": {".": {}, "f:fieldRef": {}}},
                        },
                        "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
                        "f:ports": {
                            ".": {},
                            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}":
                                {".": {}, "f:containerPort": {}, "f:protocol": {}},
                        },
                        "f:readinessProbe": {
                            ".": {}, "f:failureThreshold": {},
                            "f:httpGet": {".": {}, "f:path": {}, "f:port": {}, "f:scheme": {}},
                            "f:periodSeconds": {}, "f:successThreshold": {}, "f:timeoutSeconds": {},
                        },
                        "f:resources": {".": {}, "f:limits": {".": {}, "f:memory": {}}},
                        "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                    }},
                    "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {},
                },
            },
            "f:updateStrategy": {"f:rollingUpdate": {".": {}, "f:partition": {}}, "f:type": {}},
        },
    });
    assert_eq!(entry["fieldsV1"], expected);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_late_apply_conflicts() {
    let sets = sets();
    let made = apply(&sets, &manifest()).await.expect("it is made");
    let mut wanted = manifest();
    wanted["spec"]["replicas"] = json!(7);
    let params = PatchParams {
        dry_run: true,
        ..PatchParams::apply(MANAGER).force()
    };
    let preview = sets
        .patch("foo", &params, &Patch::Apply(&wanted))
        .await
        .expect("it is previewed");
    assert_eq!(json!(preview)["spec"]["replicas"], 7);
    let there = json!(sets.get("foo").await.expect("a set"));
    assert_eq!(
        there["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    wanted["metadata"]["resourceVersion"] = json!("1");
    assert_eq!(refusal(apply(&sets, &wanted).await).1, "Conflict");
    wanted["metadata"] = json!({"name": "foo", "uid": "other"});
    assert!(
        refusal(apply(&sets, &wanted).await)
            .2
            .contains("metadata.uid: Invalid value")
    );
    sets.delete("foo", &kube::api::DeleteParams::default())
        .await
        .expect("it is deleted");
    let gone = refusal(apply(&sets, &wanted).await);
    assert_eq!(gone.0, 409);
    assert!(gone.2.ends_with("and no existing object was found"), "{}", gone.2);
}

#[tokio::test]
async fn notes_can_be_rewritten() {
    let sets = sets();
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let mut set = stateful_set();
    set["metadata"]["annotations"] = json!({"a": "b"});
    let made = json!(sets.create(&params, &object(set)).await.expect("it is made"));
    let mut entries = made["metadata"]["managedFields"].clone();
    entries[0]["operation"] = json!("Apply");
    let patch = Patch::Merge(json!({"metadata": {"managedFields": entries}}));
    let noted = json!(
        sets.patch("foo", &PatchParams::default(), &patch)
            .await
            .expect("it is patched")
    );
    assert_eq!(noted["metadata"]["managedFields"], entries);
    let applied = apply(&sets, &manifest()).await.expect("it is applied");
    assert_eq!(applied["metadata"]["annotations"], Value::Null);
    assert_eq!(applied["spec"], made["spec"]);
}
