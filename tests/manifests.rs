//! The objects of a service, compared with golden files.
//!
//! `UPDATE_GOLDEN=1 cargo test --test manifests` writes the files again; read the difference.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8sdataservice::compare::differences;
use k8sdataservice::config::Target;
use k8sdataservice::identity::owner::{Identity, Owner};
use k8sdataservice::manifests::Objects;
use serde::Serialize;
use serde_json::{Value, json};

fn objects(config: &Value) -> Objects {
    match Target::parse(config).expect("a valid configuration") {
        Target::New(spec) => Objects::new(&spec, &identity()),
        Target::Existing(name) => panic!("{name} exists already"),
    }
}

fn stateful_set(config: &Value) -> StatefulSet {
    objects(config).stateful_set
}

fn identity() -> Identity {
    Identity {
        name: "feature-store".to_owned(),
        namespace: "flyte".to_owned(),
        owner: Owner::new(
            "b0f7",
            "execution f1 of project flytesnacks, domain development, node n0",
        ),
        labels: BTreeMap::from([("execution-id".to_owned(), "f1".to_owned())]),
        annotations: BTreeMap::from([("team".to_owned(), "ml".to_owned())]),
    }
}

fn minimal() -> Value {
    json!({"Image": "busybox:latest"})
}

fn full() -> Value {
    json!({
        "Name": "feature-store", "Image": "registry.example/feature-store:3", "Command": ["serve", "--verbose"],
        "Port": 50051.0, "Replicas": 3.0,
        "Requests": {"cpu": "500m", "mem": "1Gi", "gpu": 1.0, "ephemeral_storage": "10Gi"},
        "Limits": {"cpu": 2.0, "mem": "2Gi", "gpu": "1", "ephemeral_storage": null},
    })
}

fn assert_golden(name: &str, object: &impl Serialize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    let made = serde_json::to_string_pretty(object).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let golden = std::fs::read_to_string(&path).expect("a golden file");
    assert_eq!(
        made,
        golden,
        "{} differs; see the head of this file for how to write it again",
        path.display()
    );
}

#[test]
fn a_service_of_the_shortest_configuration() {
    let objects = objects(&minimal());
    assert_golden("minimal-statefulset", &objects.stateful_set);
    assert_golden("minimal-service", &objects.dependents().service);
}

#[test]
fn a_service_with_every_field() {
    let objects = objects(&full());
    assert_golden("full-statefulset", &objects.stateful_set);
    assert_golden("full-service", &objects.dependents_of("0b9b").service);
}

#[test]
fn differences_are_described_in_the_words_of_the_configuration() {
    let minimal = stateful_set(&minimal());
    let full = stateful_set(&full());
    let fields: Vec<String> = differences(&minimal, &full);
    // Without its words, one of which may be a password.
    assert_eq!(fields[0], "Command (from word 1 on; 0 words there, 2 wanted)");
    assert_eq!(
        fields[1],
        "Image (busybox:latest there, registry.example/feature-store:3 wanted)"
    );
    assert_eq!(fields[2], "Port (40000 there, 50051 wanted)");
    assert_eq!(fields[3], "Replicas (1 there, 3 wanted)");
    assert_eq!(fields.len(), 6);
    assert!(differences(&full, &full).is_empty());
}

#[test]
fn an_amount_that_the_api_server_writes_otherwise_is_no_difference() {
    let written = |cpu: &str, mem: &str| {
        let amounts = json!({"cpu": cpu, "mem": mem});
        stateful_set(&json!({"Image": "i", "Requests": amounts, "Limits": amounts}))
    };
    assert!(differences(&written("1", "1Gi"), &written("1000m", "1024Mi")).is_empty());
}

#[test]
fn a_pod_template_lies_under_the_configuration() {
    let config = json!({
        "Image": "busybox:latest", "Port": 80.0,
        "NodeSelector": {"zone": "a"}, "Tolerations": [{"key": "dedicated", "value": "graph"}],
        "PodTemplate": {
            "metadata": {"labels": {"team": "graph", "app.kubernetes.io/managed-by": "me"}, "annotations": {"a": "b"}},
            "spec": {
                "serviceAccountName": "reader",
                "nodeSelector": {"disk": "fast"},
                "terminationGracePeriodSeconds": 5.0,
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}],
                "containers": [
                    {
                        "name": "primary",
                        "image": "overruled",
                        "env": [{"name": "MODE", "value": "fast"}, {"name": "GE_COUNT", "value": "overruled"}],
                        "readinessProbe": {"tcpSocket": {"port": 80.0}},
                        "securityContext": {"capabilities": {"drop": [], "add": ["IPC_LOCK"]}},
                        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                    },
                    {"name": "sidecar", "image": "proxy:1"},
                ],
            },
        },
    });
    assert_golden("template-statefulset", &stateful_set(&config));
}
