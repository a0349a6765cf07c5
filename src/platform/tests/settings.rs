//! Valid and invalid settings.

use std::time::Duration;

use serde_json::json;

use super::super::{Platform, Sources};
use super::{config, platform, refusal};
use crate::config::{Configuration, GpuNames, Place};
use crate::identity::execution::{Execution, Run};
use crate::status::diagnosis::Cause;

#[test]
fn fields_that_are_not_given_stay_unchanged() {
    let read = Platform::parse(&json!({"gpu": null, "limits": {}}), Sources::default());
    assert_eq!(read.expect("settings"), Platform::default());
    assert_eq!(Platform::default().min_ready_seconds, 3);
}

#[test]
fn settings_are_read() {
    let platform = platform(&json!({
        "minReadySeconds": 10.0, "gracePeriods": {"ClaimPending": 90, "ImageNotFound": 0.5},
        "gpu": {"resourceName": "amd.com/gpu"}, "keepFailed": 1, "createTimeout": 2.5, "logLinks": [],
    }));
    assert_eq!(Platform::default().create_timeout, Duration::from_secs(8));
    assert_eq!(platform.create_timeout, Duration::from_millis(2500));
    assert_eq!(platform.min_ready_seconds, 10);
    assert_eq!(platform.grace_periods[&Cause::ClaimPending], Duration::from_secs(90));
    assert_eq!(
        platform.grace_periods[&Cause::ImageNotFound],
        Duration::from_millis(500)
    );
    assert_eq!(
        platform.gpu,
        GpuNames {
            resource_name: "amd.com/gpu".to_owned(),
            device_node_label: "k8s.amazonaws.com/accelerator".to_owned(),
            partition_size_node_label: "k8s.amazonaws.com/gpu-partition-size".to_owned(),
        }
    );
}

#[test]
fn a_setting_at_fault_is_named_with_its_path() {
    for (settings, words) in [
        (json!([]), "The settings must be a dictionary"),
        (
            json!({"minReadySecond": 1}),
            "minReadySecond is an unknown setting; did you mean `minReadySeconds`?",
        ),
        (
            json!({"keepfailed": 1}),
            "keepfailed is an unknown setting; did you mean `keepFailed`?",
        ),
        (json!({"minReadySeconds": -1}), "minReadySeconds is -1, but must be"),
        (json!({"keepFailed": -1}), "keepFailed is -1, but must be"),
        (
            json!({"keepFailed": 1e12}),
            "keepFailed is 1000000000000, but must be a number of seconds from 0 to 2592000, which is 30 days.",
        ),
        (
            json!({"minReadySeconds": 86_401}),
            "minReadySeconds is 86401, but must be",
        ),
        (
            json!({"gracePeriods": {"ClaimPending": 1e12}}),
            "gracePeriods.ClaimPending is 1000000000000, but must be a number of seconds from 0 to 86400",
        ),
        (
            json!({"minReadySeconds": 1.5}),
            "minReadySeconds is 1.5, but must be a whole number",
        ),
        (
            json!({"gracePeriods": 3}),
            "gracePeriods must be a dictionary, not a number.",
        ),
        (
            json!({"gracePeriods": {"ImageNotfound": 3}}),
            "gracePeriods.ImageNotfound is an unknown reason; did you mean `ImageNotFound`?",
        ),
        (
            json!({"gracePeriods": {"Evicted": "1"}}),
            "gracePeriods.Evicted is \"1\", but must be",
        ),
        (
            json!({"createTimeout": 0}),
            "createTimeout is 0 s, but must be more than 0 s",
        ),
        (
            json!({"createTimeout": 61}),
            "createTimeout is 61 s, but must be more than 0 s",
        ),
        (
            json!({"gpu": {"resource": "x"}}),
            "gpu.resource is an unknown setting; did you mean `resourceName`?",
        ),
        (json!({"namespace": "Flyte"}), "namespace is \"Flyte\", which cannot be"),
        (
            json!({"allowedNamespaces": ["ml", "a_*"]}),
            "allowedNamespaces[1] can match no namespace",
        ),
        (json!({"allowedNamespaces": "ml"}), "allowedNamespaces must be a list"),
        (
            json!({"namespace": "flyte", "allowedNamespaces": ["ml-*"]}),
            "namespace is flyte, which allowedNamespaces does not have: ml-*.",
        ),
        (
            json!({"clusters": {"west": {"namespace": "x"}}, "allowedNamespaces": ["y"]}),
            "clusters.west.namespace is x, which",
        ),
        (
            json!({"clusters": {"west": {"kubeconf": "x"}}}),
            "clusters.west.kubeconf is an unknown setting; did you mean `kubeconfig`?",
        ),
        (
            json!({"clusters": {"west": {"kubeconfig": "west.yaml"}}}),
            "clusters.west.kubeconfig is \"west.yaml\", but must begin with /.",
        ),
    ] {
        let message = refusal(&settings);
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn a_default_or_a_limit_at_fault_is_named_with_its_path() {
    for (settings, words) in [
        (
            json!({"defaults": {"Label": {}}}),
            "defaults.Label is an unknown setting; did you mean `Labels`?",
        ),
        (
            json!({"defaults": {"Name": "x"}}),
            "defaults.Name is an unknown setting;",
        ),
        (
            json!({"defaults": {"Labels": {"a": 1}}}),
            "defaults.Labels.a must be text, not a number: write it in quotes.",
        ),
        (
            json!({"defaults": {"Requests": {"memory": "1"}}}),
            "defaults.Requests.memory is not a resource",
        ),
        (
            json!({"defaults": {"Requests": {"cpu": 2}, "Limits": {"cpu": 1}}}),
            "defaults.Requests.cpu is 2, more than defaults.Limits.cpu, which is 1.",
        ),
        (
            json!({"defaults": {"PodTemplate": {"spek": 1}}}),
            "defaults.PodTemplate.spek is an unknown field",
        ),
        (
            json!({"forced": {"PodTemplate": {}}}),
            "forced.PodTemplate is an unknown setting;",
        ),
        (
            json!({"forced": {"ServiceAccount": 1}}),
            "forced.ServiceAccount must be text, not a number.",
        ),
        (
            json!({"forced": {"Tolerations": {}}}),
            "forced.Tolerations must be a list",
        ),
        (
            json!({"forced": {"ImagePullSecrets": [{"name": "x"}]}}),
            "forced.ImagePullSecrets[0] must be text",
        ),
        (
            json!({"limits": {"replica": 1}}),
            "limits.replica is an unknown setting; did you mean `replicas`?",
        ),
        (
            json!({"limits": {"replicas": -1}}),
            "limits.replicas is -1, but must be",
        ),
        (
            json!({"limits": {"perPod": {"gpu": "x"}}}),
            "limits.perPod.gpu is \"x\", not a Kubernetes quantity",
        ),
        (
            json!({"limits": {"imageRegistries": ["org"]}}),
            "limits.imageRegistries[0] is \"org\", but must begin",
        ),
        (
            json!({"limits": {"imageRegistries": ["https://x.y"]}}),
            "limits.imageRegistries[0] is",
        ),
        (
            json!({"limits": {"hostPaths": ["data"]}}),
            "limits.hostPaths[0] is \"data\", but must begin with /",
        ),
        (
            json!({"limits": {"hostPaths": ["/a/../b"]}}),
            "limits.hostPaths[0] is \"/a/../b\"",
        ),
    ] {
        let message = refusal(&settings);
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn a_namespace_is_the_services_own_or_its_clusters_or_the_default() {
    let platform = platform(&json!({
        "namespace": "flyte", "allowedNamespaces": ["flyte", "ml-*", "*-data-*"],
        "clusters": {"west": {"namespace": "ml-west"}, "east": {}},
    }));
    for (fields, namespace) in [
        (json!({}), "flyte"),
        (json!({"Cluster": "west"}), "ml-west"),
        (json!({"Cluster": "east"}), "flyte"),
        (json!({"Cluster": "west", "Namespace": "ml-"}), "ml-"),
        (json!({"Namespace": "a-data-b"}), "a-data-b"),
        (json!({"Namespace": ""}), "flyte"),
    ] {
        let place = Configuration::parse(&config(&fields)).map(|read| read.place);
        let found = place.and_then(|place| platform.namespace(&place, "flyte", &Run::from("x")));
        // Not a name that a namespace can have, though one that the pattern allows.
        if namespace == "ml-" {
            found.expect_err("no name");
        } else {
            assert_eq!(found.expect("a namespace"), namespace, "{fields}");
        }
    }
    let in_namespace = |namespace: &str| Place {
        cluster: None,
        namespace: Some(namespace.to_owned()),
    };
    let error = platform.namespace(&in_namespace("kube-system"), "flyte", &Run::from("x"));
    assert_eq!(
        error.expect_err("refused").to_string(),
        "Namespace is kube-system, but the platform's settings allow services in flyte, ml-*, *-data-* only: \
         /etc/settings.yaml, line 2."
    );
    let anywhere = Platform::default();
    assert_eq!(
        anywhere
            .namespace(&in_namespace("x"), "flyte", &Run::from("x"))
            .expect("any"),
        "x"
    );
}

#[test]
fn a_namespace_per_project_is_filled_from_the_execution_and_has_to_be_allowed() {
    let template = "{{ project }}-{{ domain }}";
    let platform = platform(&json!({
        "namespace": template, "allowedNamespaces": ["*-development", "tools"],
        "clusters": {"west": {"namespace": "{{ project }}"}, "east": {"namespace": "tools"}},
    }));
    let run = Run::Flyte(Execution {
        project: "shop".to_owned(),
        domain: "development".to_owned(),
        name: "f1".to_owned(),
        node_id: None,
    });
    let found = |fields: serde_json::Value, run: &Run| {
        let place = Configuration::parse(&config(&fields)).map(|read| read.place);
        place.and_then(|place| platform.namespace(&place, template, run))
    };
    assert_eq!(found(json!({}), &run).expect("filled"), "shop-development");
    assert_eq!(found(json!({"Namespace": "tools"}), &run).expect("own"), "tools");
    let notebook = Run::from("a notebook");
    assert_eq!(
        found(json!({"Cluster": "east"}), &notebook).expect("its cluster's"),
        "tools"
    );
    assert_eq!(
        found(json!({"Cluster": "west"}), &run)
            .expect_err("not allowed")
            .to_string(),
        "namespace is shop, but the platform's settings allow services in *-development, tools only: \
         /etc/settings.yaml, line 2."
    );
    let error = found(json!({}), &notebook).expect_err("no execution").to_string();
    assert!(error.contains("which only an execution of Flyte fills"), "{error}");
}

#[test]
fn a_cluster_is_one_of_the_settings_where_these_have_any() {
    let platform = platform(&json!({"clusters": {"west": {"context": "w"}, "east": {}}}));
    assert_eq!(platform.cluster(None).expect("the default"), None);
    let west = platform.cluster(Some("west")).expect("known").expect("settings");
    assert_eq!(west.context.as_deref(), Some("w"));
    let error = platform.cluster(Some("wset")).expect_err("unknown").to_string();
    assert_eq!(
        error,
        "Cluster is \"wset\", but the platform's settings know east, west only."
    );
    assert_eq!(Platform::default().cluster(Some("any")).expect("a context"), None);
}
