use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::config::Target;
use crate::identity::owner::{Identity, Owner};
use crate::manifests::Objects;

/// Where the places in the objects of a configuration come from.
fn origins(config: &Value) -> Origins {
    let Ok(Target::New(spec)) = Target::parse(config) else {
        panic!("no new service: {config}");
    };
    let identity = Identity {
        name: "foo".to_owned(),
        namespace: "flyte".to_owned(),
        owner: Owner::new("me", "a test"),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    };
    Origins::new(config, &Objects::new(&spec, &identity).stateful_set)
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"team": "ml"}},
        "spec": {
            "nodeSelector": {"disk": "fast"},
            "containers": [
                {"name": "helper", "image": "helper:1", "resources": {"requests": {"cpu": "1"}}},
                {"name": "primary", "image": "overridden", "env": [{"name": "A", "value": "b"}],
                 "resources": {"requests": {"ephemeral-storage": "1Gi", "cpu": "7"}}},
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    })
}

#[test]
fn a_place_is_named_as_the_field_that_says_it() {
    let origins = origins(&json!({"Name": "foo", "Image": "i", "Command": ["c"], "PodTemplate": template()}));
    for (kind, path, field) in [
        ("StatefulSet", "metadata.name", "Name"),
        ("Service", "metadata.name", "Name"),
        ("StatefulSet", "spec.replicas", "Replicas"),
        ("StatefulSet", "spec.template.spec.containers[0].image", "Image"),
        ("Pod", "spec.containers[0].image", "Image"),
        ("Pod", "spec.containers[0].command[0]", "Command[0]"),
        ("Pod", "spec.containers[0].ports[0].containerPort", "Port"),
        ("Service", "spec.ports[0].port", "Port"),
        ("Pod", "spec.containers[0].resources.requests[cpu]", "Requests.cpu"),
        ("Pod", "spec.containers[0].resources.limits[memory]", "Limits.mem"),
        ("Pod", "spec.containers[0].resources.limits", "Limits"),
    ] {
        assert_eq!(origins.field(kind, path), field, "{path}");
    }
}

#[test]
fn a_place_that_has_no_field_is_named_as_its_place_in_the_template() {
    let origins = origins(&json!({"Image": "i", "PodTemplate": template()}));
    for (kind, path, field) in [
        // The service's own container is called `primary` there, and stands where the user has put it.
        (
            "Pod",
            "spec.containers[0].env[0].name",
            "PodTemplate.spec.containers[1].env[0].name",
        ),
        (
            "Pod",
            "spec.containers[0].resources.requests[ephemeral-storage]",
            "PodTemplate.spec.containers[1].resources.requests.ephemeral-storage",
        ),
        (
            "Pod",
            "spec.containers[1].image",
            "PodTemplate.spec.containers[0].image",
        ),
        (
            "Pod",
            "spec.containers[1].livenessProbe",
            "PodTemplate.spec.containers[0].livenessProbe",
        ),
        ("Pod", "spec.volumes[0].name", "PodTemplate.spec.volumes[0].name"),
        ("Pod", "spec.nodeSelector", "PodTemplate.spec.nodeSelector"),
        ("Pod", "metadata.labels", "PodTemplate.metadata.labels"),
        ("StatefulSet", "spec.template.labels", "PodTemplate.metadata.labels"),
        (
            "Pod",
            "spec.nodeSelector[a.b/c]",
            "PodTemplate.spec.nodeSelector[a.b/c]",
        ),
        ("StatefulSet", "spec.selector", "StatefulSet.spec.selector"),
        ("StatefulSet", "", "DataServiceConfig"),
    ] {
        assert_eq!(origins.field(kind, path), field, "{path}");
    }
}

#[test]
fn a_missing_value_is_named_by_its_field() {
    let origins = origins(&json!({"Image": "i"}));
    assert_eq!(
        origins.field("Pod", "spec.containers[0].resources.limits[memory]"),
        "Limits.mem"
    );
    assert_eq!(origins.field("StatefulSet", "spec.replicas"), "Replicas");
    assert_eq!(origins.field("Service", "spec.ports[0]"), "Port");
}

#[test]
fn an_element_is_found_by_its_name_in_the_fields_own_list() {
    let stateful_set = serde_json::from_value(json!({
        "metadata": {"name": "foo"},
        "spec": {
            "selector": {},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "template": {"spec": {
                "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
                "containers": [{"name": "foo", "env": [{"name": "GE_COUNT"}, {"name": "PASSWORD"}],
                                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "v", "mountPath": "/v"}]}],
                "volumes": [{"name": "of-template"}, {"name": "v"}],
            }},
        },
    }))
    .expect("a StatefulSet");
    let config = json!({
        "Env": {"PASSWORD": {"secretKeyRef": {"name": "db", "key": "password"}}},
        "ImagePullSecrets": ["two"],
        "Volumes": [{"name": "v", "mountPath": "/v"}],
        "VolumeClaimTemplates": [{"name": "data", "mountPath": "/data"}],
        "PodTemplate": {"spec": {"volumes": [{"name": "of-template"}], "imagePullSecrets": [{"name": "one"}]}},
    });
    let origins = Origins::new(&config, &stateful_set);
    for (path, field) in [
        ("spec.containers[0].env[1].valueFrom.secretKeyRef.name", "Env.PASSWORD"),
        ("spec.imagePullSecrets[1].name", "ImagePullSecrets[0]"),
        (
            "spec.imagePullSecrets[0].name",
            "PodTemplate.spec.imagePullSecrets[0].name",
        ),
        ("spec.volumes[0]", "VolumeClaimTemplates[0]"),
        ("spec.volumes[1]", "PodTemplate.spec.volumes[0]"),
        ("spec.volumes[2].secret", "Volumes[0].secret"),
        ("spec.containers[0].volumeMounts[1].mountPath", "Volumes[0].mountPath"),
        (
            "spec.containers[0].volumeMounts[0].mountPath",
            "VolumeClaimTemplates[0].mountPath",
        ),
    ] {
        assert_eq!(origins.field("Pod", path), field, "{path}");
    }
    let storage = "spec.volumeClaimTemplates[0].spec.resources.requests[storage]";
    assert_eq!(origins.field("StatefulSet", storage), "VolumeClaimTemplates[0].size");
}
