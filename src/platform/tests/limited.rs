//! The values that are refused in a finished `StatefulSet`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::Platform;
use super::{config, platform};
use crate::config::Target;
use crate::identity::owner::{Identity, Owner};
use crate::manifests::Objects;

fn checked(platform: &Platform, fields: &Value) -> Result<(), String> {
    let Target::New(spec) = platform.resolve(&config(fields)).expect("resolved").target else {
        panic!("a service to be made");
    };
    let identity = Identity {
        name: "foo".to_owned(),
        namespace: "flyte".to_owned(),
        owner: Owner::new("me", "a test"),
        labels: BTreeMap::from([("execution-label".to_owned(), "mine".to_owned())]),
        annotations: BTreeMap::new(),
    };
    let check = platform.check(&Objects::new(&spec, &identity).stateful_set, &config(fields));
    check.map_err(|error| error.to_string())
}

/// A configuration with a pod template.
fn template(spec: &Value) -> Value {
    json!({"PodTemplate": {"spec": spec}})
}

fn side(resources: &Value) -> Value {
    json!({"name": "side", "image": "busybox", "resources": resources})
}

#[test]
fn more_than_is_allowed_is_refused_with_its_source() {
    let with_side = |resources: &Value| {
        let mut fields = template(&json!({"containers": [side(resources)]}));
        fields["Requests"] = json!({"cpu": "3"});
        fields["Limits"] = json!({"cpu": "3"});
        fields
    };
    for (limits, fields, words) in [
        (
            json!({"maxTtl": "7d"}),
            json!({"Lifetime": {"ttl": "8d"}}),
            "Lifetime.ttl is 8d, more than the 7d that the platform's settings allow as limits.maxTtl",
        ),
        (
            json!({"replicas": 2}),
            json!({"Replicas": 3}),
            "Replicas is 3, more than the 2 that the platform's settings allow as limits.replicas: \
             /etc/settings.yaml, line 30.",
        ),
        (
            json!({"perPod": {"cpu": 4}}),
            json!({"Requests": {"cpu": "5"}}),
            "Requests.cpu is 5 in each pod, more than the 4 that the platform's settings allow as limits.perPod.cpu",
        ),
        (
            json!({"perPod": {"mem": "1Gi"}}),
            json!({"Limits": {"mem": "2Gi"}}),
            "Limits.mem is 2Gi in each pod, more than the 1Gi that",
        ),
        (
            json!({"perPod": {"gpu": 0}}),
            json!({"Requests": {"gpu": 1}}),
            "Requests.gpu is 1 in each pod, more than the 0 that",
        ),
        (
            json!({"total": {"gpu": 16}}),
            json!({"Limits": {"gpu": 8}, "Replicas": 3}),
            "Limits.gpu is 8 in each of 3 pods, together 24, more than the 16 that the platform's settings allow as \
             limits.total.gpu",
        ),
        (
            json!({"perPod": {"cpu": 4}}),
            with_side(&json!({"requests": {"cpu": "1500m"}})),
            "Requests.cpu is 4500m in each pod, more than the 4 that",
        ),
    ] {
        let message = checked(&platform(&json!({"limits": limits})), &fields).expect_err(words);
        assert!(message.starts_with(words), "{message}");
    }
    checked(
        &platform(&json!({"limits": {"perPod": {"cpu": 4}, "replicas": 2, "total": {"cpu": 8}}})),
        &json!({"Requests": {"cpu": "4"}, "Limits": {"cpu": 4.0}, "Replicas": 2}),
    )
    .expect("just as much as is allowed");
}

#[test]
fn every_field_that_exceeds_a_limit_is_named_once() {
    let platform = platform(&json!({
        "limits": {"replicas": 2, "perPod": {"cpu": 1}, "total": {"cpu": 2}, "imageRegistries": ["ghcr.io/org"]},
        "forced": {"Labels": {"execution-label": "theirs"}},
    }));
    let mut fields = template(&json!({
        "containers": [side(&json!({}))],
        "volumes": [{"name": "v", "hostPath": {"path": "/data"}}],
    }));
    fields["Replicas"] = json!(3);
    fields["Image"] = json!("evil/x");
    fields["Requests"] = json!({"cpu": 2});
    let message = checked(&platform, &fields).expect_err("faults");
    let named: Vec<_> = message.lines().filter_map(|line| line.split(' ').next()).collect();
    let expected = [
        "Replicas",
        "Requests.cpu",
        "Limits.cpu",
        "Labels.execution-label",
        "Image",
        "PodTemplate.spec.containers[0].image",
        "PodTemplate.spec.volumes[0].hostPath.path",
    ];
    assert_eq!(named, expected, "{message}");
}

#[test]
fn a_service_without_a_ttl_ends_when_the_platform_sets() {
    let platform = platform(&json!({"limits": {"maxTtl": "7d"}}));
    let ttl = |fields: Value| match platform.resolve(&config(&fields)).expect("resolved").target {
        Target::New(spec) => spec.lifetime.ttl.map(|ttl| ttl.to_string()),
        Target::Existing(_) => None,
    };
    assert_eq!(ttl(json!({})).as_deref(), Some("7d"));
    assert_eq!(ttl(json!({"Name": "foo"})).as_deref(), Some("7d"));
    assert_eq!(ttl(json!({"Lifetime": {"ttl": "1h"}})).as_deref(), Some("1h"));
}

#[test]
fn a_pod_takes_what_the_scheduler_counts() {
    let platform = platform(&json!({"limits": {"perPod": {"cpu": 4}}}));
    let starting = |name: &str, cpu: &str, always: bool| {
        let mut container = json!({"name": name, "image": "i", "resources": {"requests": {"cpu": cpu}}});
        if always {
            container["restartPolicy"] = json!("Always");
        }
        container
    };
    let with = |containers: Vec<Value>| {
        let mut fields = template(&json!({"initContainers": containers}));
        fields["Requests"] = json!({"cpu": "2"});
        fields["Limits"] = json!({"cpu": "2"});
        fields
    };
    for (containers, allowed) in [
        // One after the other, before the service.
        (vec![starting("a", "4", false), starting("b", "4", false)], true),
        (vec![starting("a", "5", false)], false),
        // Beside the service.
        (vec![starting("a", "2", true)], true),
        (vec![starting("a", "3", true)], false),
        (vec![starting("a", "1", true), starting("b", "4", false)], false),
        (vec![starting("a", "9E", true)], false),
    ] {
        let fields = with(containers);
        assert_eq!(checked(&platform, &fields).is_ok(), allowed, "{fields}");
    }
    // Pod-level resources count, too.
    let whole = template(&json!({"resources": {"limits": {"cpu": "8"}}}));
    checked(&platform, &whole).expect_err("the pod's own resources");
}

#[test]
fn gpus_are_counted_under_the_platforms_name_for_them() {
    let platform = platform(&json!({"gpu": {"resourceName": "amd.com/gpu"}, "limits": {"perPod": {"gpu": 1}}}));
    checked(&platform, &json!({"Requests": {"gpu": 2}})).expect_err("two");
    let limits = json!({"limits": {"amd.com/gpu": "2"}});
    checked(&platform, &template(&json!({"containers": [side(&limits)]}))).expect_err("two");
    checked(&platform, &json!({"Requests": {"gpu": 1}})).expect("one");
}

#[test]
fn images_come_from_where_the_platform_sets() {
    for (allowed, image, is_allowed) in [
        ("registry.example", "registry.example/a/b:1", true),
        ("registry.example", "Registry.Example/a", true),
        ("registry.example", "registry.example.evil/a", false),
        ("registry.example", "registry.example:5000/a", false),
        ("registry.example", "registry.example", false),
        ("registry.example:5000", "registry.example:5000/a@sha256:00", true),
        ("localhost", "localhost/a", true),
        ("ghcr.io/org", "ghcr.io/org/a", true),
        ("ghcr.io/org/", "ghcr.io/org/a/b:tag@sha256:00", true),
        ("ghcr.io/org", "ghcr.io/organisation/a", false),
        ("ghcr.io/org/a", "ghcr.io/org/a:1", true),
        ("docker.io", "busybox", true),
        ("docker.io/library", "busybox:1", true),
        ("docker.io/library", "docker.io/busybox", true),
        ("docker.io/library/busybox", "index.docker.io/library/busybox", true),
        ("docker.io/library", "bitnami/redis", false),
        ("docker.io/bitnami", "bitnami/redis", true),
        ("docker.io/bitnami", "bitnami", false),
        ("registry.example", "busybox", false),
    ] {
        let platform = platform(&json!({"limits": {"imageRegistries": [allowed]}}));
        let found = checked(&platform, &json!({"Image": image}));
        assert_eq!(found.is_ok(), is_allowed, "{image} under {allowed}: {found:?}");
    }
}

#[test]
fn the_image_of_every_container_and_volume_counts() {
    let platform = platform(&json!({"limits": {"imageRegistries": ["docker.io/library", "ghcr.io/org"]}}));
    let message = checked(&platform, &json!({"Image": "evil/x"})).expect_err("another registry");
    assert_eq!(
        message,
        "Image is \"evil/x\", but the platform's settings allow images from docker.io/library, ghcr.io/org only: \
         /etc/settings.yaml, line 30."
    );
    let container = json!({"name": "other", "image": "evil/x"});
    for (spec, words) in [
        (
            json!({"containers": [container]}),
            "PodTemplate.spec.containers[0].image is",
        ),
        (
            json!({"initContainers": [container]}),
            "PodTemplate.spec.initContainers[0].image is",
        ),
        (
            json!({"volumes": [{"name": "v", "image": {"reference": "evil/x"}}]}),
            "PodTemplate.spec.volumes[0].image.reference is",
        ),
    ] {
        let message = checked(&platform, &template(&spec)).expect_err(words);
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn folders_of_nodes_are_mounted_where_the_platform_allows_it() {
    let mounts = |path: &str| template(&json!({"volumes": [{"name": "v", "hostPath": {"path": path}}]}));
    let nowhere = checked(&Platform::default(), &mounts("/data")).expect_err("refused");
    assert_eq!(
        nowhere,
        "PodTemplate.spec.volumes[0].hostPath.path is \"/data\", and the platform does not let pods mount folders of \
         their nodes: use another kind of volume, or have it listed as limits.hostPaths in the platform's settings."
    );
    let platform = platform(&json!({"limits": {"hostPaths": ["/mnt/data/"]}}));
    for (path, allowed) in [
        ("/mnt/data", true),
        ("/mnt//data/./a", true),
        ("/mnt/database", false),
        ("/mnt", false),
        ("/mnt/data/../secrets", false),
        ("mnt/data", false),
    ] {
        let found = checked(&platform, &mounts(path));
        assert_eq!(found.is_ok(), allowed, "{path}: {found:?}");
    }
    let message = checked(&platform, &mounts("/etc")).expect_err("refused");
    assert!(
        message.ends_with("mount no folders of their nodes but /mnt/data: /etc/settings.yaml, line 30."),
        "{message}"
    );
}

#[test]
fn no_container_and_no_execution_takes_back_what_is_forced() {
    let platform = platform(&json!({"forced": {
        "SecurityContext": {"runAsNonRoot": true}, "PodSecurityContext": {"runAsUser": 7}, "Labels": {"a": "b"},
    }}));
    checked(&platform, &json!({})).expect("all of it arrives");
    let side =
        |context: Value| template(&json!({"containers": [{"name": "side", "image": "i", "securityContext": context}]}));
    checked(&platform, &side(json!({"runAsNonRoot": true, "runAsUser": 7}))).expect("what is forced");
    for (fields, words) in [
        (
            side(json!({"runAsNonRoot": false})),
            "PodTemplate.spec.containers[0].securityContext.runAsNonRoot is false, but the platform's settings force it \
             to true: /etc/settings.yaml, line 3.",
        ),
        (
            side(json!({})),
            "PodTemplate.spec.containers[0].securityContext.runAsNonRoot is missing, but",
        ),
        (
            side(json!({"runAsNonRoot": true, "runAsUser": 0})),
            "PodTemplate.spec.containers[0].securityContext.runAsUser is 0, but the platform's settings force it to 7",
        ),
        (
            json!({"SecurityContext": {"runAsUser": 0}}),
            "SecurityContext.runAsUser is 0, but",
        ),
    ] {
        let message = checked(&platform, &fields).expect_err(words);
        assert!(message.starts_with(words), "{message}");
    }
    let platform = super::platform(&json!({"forced": {"Labels": {"execution-label": "theirs"}}}));
    assert_eq!(
        checked(&platform, &json!({})).expect_err("the execution's own label"),
        "Labels.execution-label is \"mine\" for this execution, but the platform's settings force it to \"theirs\": \
         /etc/settings.yaml, line 3."
    );
}

#[test]
fn a_process_that_is_to_run_as_root_and_not_to_is_refused() {
    let plain = super::platform(&json!({}));
    let side = json!({"name": "side", "image": "i", "securityContext": {"runAsUser": 0}});
    for fields in [
        json!({"PodSecurityContext": {"runAsUser": 0}}),
        json!({"SecurityContext": {"runAsUser": 0}}),
        json!({"Sidecars": [side]}),
        json!({"PodSecurityContext": {"runAsUser": 0, "runAsNonRoot": false}}),
        json!({"PodSecurityContext": {"runAsUser": 0, "runAsNonRoot": true}, "SecurityContext": {"runAsNonRoot": false}}),
        json!({"PodSecurityContext": {"runAsUser": 0, "runAsNonRoot": true}, "SecurityContext": {"runAsUser": 7}}),
    ] {
        checked(&plain, &fields).expect("the default gives way");
    }
    let never = "is 0, which is root, but runAsNonRoot is true, so that it would never start. Say another user, or leave \
                 runAsNonRoot out.";
    for (fields, path) in [
        (
            json!({"PodSecurityContext": {"runAsUser": 0, "runAsNonRoot": true}}),
            "PodSecurityContext.runAsUser",
        ),
        (
            json!({"PodSecurityContext": {"runAsNonRoot": true}, "SecurityContext": {"runAsUser": 0}}),
            "SecurityContext.runAsUser",
        ),
        (
            json!({"PodSecurityContext": {"runAsNonRoot": true}, "Sidecars": [side]}),
            "Sidecars[0].securityContext.runAsUser",
        ),
        (
            template(&json!({"securityContext": {"runAsUser": 0, "runAsNonRoot": true}})),
            "PodTemplate.spec.securityContext.runAsUser",
        ),
    ] {
        let message = checked(&plain, &fields).expect_err(path);
        assert_eq!(message, format!("{path} {never}"));
    }
    let strict = super::platform(&json!({"forced": {"SecurityContext": {"runAsNonRoot": true}}}));
    assert_eq!(
        checked(&strict, &json!({"PodSecurityContext": {"runAsUser": 0}})).expect_err("forced"),
        "PodSecurityContext.runAsUser is 0, which is root, but the platform's settings force runAsNonRoot to true: \
         /etc/settings.yaml, line 3. Say another user."
    );
}
