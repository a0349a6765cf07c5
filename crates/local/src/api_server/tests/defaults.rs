//! Objects as a real server of version 1.36 returns them.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{client, object, refusal};

pub(super) fn stateful_set() -> Value {
    json!({
        "metadata": {"name": "foo"},
        "spec": {
            "serviceName": "foo",
            "selector": {"matchLabels": {"app": "foo"}},
            "template": {
                "metadata": {"labels": {"app": "foo"}},
                "spec": {"containers": [{
                    "name": "foo", "image": "busybox:1", "ports": [{"containerPort": 80}], "stdin": false, "args": [],
                    "resources": {"limits": {"memory": "1024Mi"}}, "readinessProbe": {"httpGet": {"port": 80}},
                    "env": [
                        {"name": "A", "value": ""},
                        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    ],
                }]},
            },
        },
    })
}

#[tokio::test]
async fn a_stateful_set_gets_its_defaults() {
    let sets = Api::<StatefulSet>::default_namespaced(client());
    let made = sets
        .create(&PostParams::default(), &object(stateful_set()))
        .await
        .expect("it is made");
    let spec = json!(made.spec);
    let expected = json!({
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "podManagementPolicy": "OrderedReady",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "foo"}},
        "serviceName": "foo",
        "template": {
            "metadata": {"labels": {"app": "foo"}},
            "spec": {
                "containers": [{
                    "env": [
                        {"name": "A"},
                        {"name": "B", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                    ],
                    "image": "busybox:1",
                    "imagePullPolicy": "IfNotPresent",
                    "name": "foo",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "readinessProbe": {
                        "failureThreshold": 3, "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                        "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
                    },
                    "resources": {"limits": {"memory": "1Gi"}},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }],
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            },
        },
        "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
    });
    assert_eq!(spec, expected);
    assert_eq!(
        (made.metadata.generation, json!(made.status)),
        (Some(1), json!({"availableReplicas": 0, "replicas": 0}))
    );
}

#[tokio::test]
async fn a_generation_counts_changes_of_the_specification() {
    let sets = Api::<StatefulSet>::default_namespaced(client());
    sets.create(&PostParams::default(), &object(stateful_set()))
        .await
        .expect("it is made");
    let patch = async |patch: Value| sets.patch("foo", &PatchParams::default(), &Patch::Merge(patch)).await;
    let noted = patch(json!({"metadata": {"annotations": {"a": "b"}}}))
        .await
        .expect("it is patched");
    assert_eq!(noted.metadata.generation, Some(1));
    let scaled = patch(json!({"spec": {"replicas": 0}})).await.expect("it is patched");
    assert_eq!(
        (scaled.metadata.generation, json!(scaled.spec)["replicas"].as_i64()),
        (Some(2), Some(0))
    );
    let refused = refusal(patch(json!({"spec": {"serviceName": "bar"}})).await);
    let words = "StatefulSet.apps \"foo\" is invalid: spec: Forbidden: updates to statefulset spec for fields other \
                 than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
                 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    assert_eq!(refused, (422, "Invalid".to_owned(), words.to_owned()));
    let strategy = patch(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).await;
    assert!(
        refusal(strategy)
            .2
            .ends_with("only allowed for updateStrategy 'RollingUpdate'")
    );
    let stranger = refusal(patch(json!({"metadata": {"uid": "other", "annotations": {"a": "c"}}})).await);
    assert_eq!(
        stranger.2,
        "StatefulSet.apps \"foo\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable"
    );
}

#[tokio::test]
async fn faults_of_a_template_are_named() {
    let sets = Api::<StatefulSet>::default_namespaced(client());
    let mut set = stateful_set();
    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("");
    set["spec"]["template"]["metadata"]["labels"]["app"] = json!("bar");
    let refused = refusal(sets.create(&PostParams::default(), &object(set)).await);
    let words = "StatefulSet.apps \"foo\" is invalid: [spec.template.metadata.labels: Invalid value: \
                 {\"app\":\"bar\"}: `selector` does not match template `labels`, spec.template.spec.containers[0].image: Required value]";
    assert_eq!(refused, (422, "Invalid".to_owned(), words.to_owned()));
    let name = json!({"metadata": {"name": "Foo"}});
    let refused = refusal(sets.create(&PostParams::default(), &object(name)).await).2;
    assert!(
        refused.contains("metadata.name: Invalid value: \"Foo\": a lowercase RFC 1123 subdomain"),
        "{refused}"
    );
}

#[tokio::test]
async fn services_and_pods_get_their_defaults() {
    let client = client();
    let services = Api::<Service>::default_namespaced(client.clone());
    let service = json!({"metadata": {"name": "foo"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}});
    let made = services
        .create(&PostParams::default(), &object(service))
        .await
        .expect("it is made");
    let expected = json!({
        "clusterIP": "None", "clusterIPs": ["None"], "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None", "type": "ClusterIP",
    });
    assert_eq!(json!(made.spec), expected);
    let pods = Api::<Pod>::default_namespaced(client);
    let container = json!({"name": "foo", "image": "busybox", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}});
    let pod = json!({"metadata": {"generateName": "foo-"}, "spec": {"containers": [container]}});
    let made = json!(
        pods.create(&PostParams::default(), &object(pod))
            .await
            .expect("it is made")
    );
    assert!(
        made["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("foo-") && name.len() == 9)
    );
    let spec = &made["spec"];
    assert_eq!(
        spec["containers"][0]["resources"]["requests"],
        json!({"cpu": "1", "memory": "1Gi"})
    );
    assert_eq!(
        (&spec["enableServiceLinks"], &spec["serviceAccountName"]),
        (&json!(true), &json!("default"))
    );
    assert_eq!(spec["containers"][0]["imagePullPolicy"], "Always");
    assert_eq!(
        (&made["status"]["qosClass"], &made["status"]["phase"]),
        (&json!("Guaranteed"), &json!("Pending"))
    );
}
