//! The values that the strict reader accepts and refuses.

use super::*;
use k8s_openapi::api::core::v1::{Container, PodSpec, Probe, Toleration, Volume};
use serde_json::json;

fn problem<T: DeserializeOwned>(value: &Value) -> String {
    match read::<T>("Field", value) {
        Ok(_) => panic!("{value} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn faults_are_reported_with_their_paths() {
    for (message, words) in [
        (
            problem::<PodSpec>(&json!({"nodeSelectr": {"a": "b"}})),
            "Field.nodeSelectr is an unknown field; did you mean `nodeSelector`?",
        ),
        (
            problem::<PodSpec>(&json!({"containers": [{"name": "x"}, {"name": "y", "imagee": "z"}]})),
            "Field.containers[1].imagee is an unknown field; did you mean `image`?",
        ),
        (
            problem::<Vec<Toleration>>(&json!([{"key": 3}])),
            "Field[0].key must be text, not a number.",
        ),
        (
            problem::<Vec<Toleration>>(&json!({})),
            "Field must be a list, not a dictionary.",
        ),
        (
            problem::<Toleration>(&json!({"tolerationSeconds": 1.5})),
            "Field.tolerationSeconds is 1.5, but must be a whole number in range.",
        ),
        (
            problem::<Probe>(&json!({"periodSeconds": 3e9})),
            "Field.periodSeconds is 3000000000, but must be a whole number in range.",
        ),
        (
            problem::<Probe>(&json!({"tcpSocket": {"port": true}})),
            "Field.tcpSocket.port cannot be read:",
        ),
        (
            problem::<Container>(&json!({"stdin": "yes"})),
            "Field.stdin must be true or false, not text.",
        ),
    ] {
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let message = problem::<PodSpec>(&json!({
        "nodeSelectr": {}, "hostNetwork": "yes", "priority": 1.5,
        "containers": [{"name": 1}, {"name": "y", "imagee": "z", "stdin": 3}, 7],
    }));
    let lines: Vec<&str> = message.lines().collect();
    let paths: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    for path in [
        "Field.nodeSelectr",
        "Field.hostNetwork",
        "Field.priority",
        "Field.containers[0].name",
        "Field.containers[1].imagee",
        "Field.containers[1].stdin",
        "Field.containers[2]",
    ] {
        assert!(paths.contains(&path), "{path}: {message}");
    }
    assert_eq!(paths.len(), 7, "nothing follows from another fault: {message}");
}

#[test]
fn only_so_many_faults_are_reported() {
    let many: Map<String, Value> = (0..100).map(|n| (format!("x{n}"), json!(1))).collect();
    assert_eq!(problem::<PodSpec>(&Value::Object(many)).lines().count(), MOST_FAULTS);
}

#[test]
fn whole_floats_are_integers_and_numbers_are_quantities() {
    let probe: Probe = read("p", &json!({"periodSeconds": 5.0, "tcpSocket": {"port": 80.0}})).expect("a probe");
    assert_eq!(
        serde_json::to_value(probe).expect("JSON"),
        json!({"periodSeconds": 5, "tcpSocket": {"port": 80}})
    );
    let volume: Volume = read("v", &json!({"name": "v", "emptyDir": {"sizeLimit": 1e9}})).expect("a volume");
    assert_eq!(
        volume.empty_dir.and_then(|empty| empty.size_limit).map(|size| size.0),
        Some("1000000000".to_owned())
    );
}

#[test]
fn an_amount_is_checked_wherever_kubernetes_has_one() {
    let container = |amount: Value| json!({"name": "x", "resources": {"limits": {"memory": amount}}});
    let place = "Field.containers[0].resources.limits.memory";
    for (amount, words) in [
        (json!("Gi"), "is \"Gi\", not a Kubernetes quantity"),
        (json!(""), "is \"\", not a Kubernetes quantity"),
        (json!("-1"), "is \"-1\", negative"),
        (json!(-1), "is \"-1\", negative"),
        (json!("100E"), "is \"100E\", more than Kubernetes can hold"),
        (json!(true), "must be an amount"),
    ] {
        let message = problem::<PodSpec>(&json!({"containers": [container(amount)]}));
        assert!(message.starts_with(&format!("{place} {words}")), "{message}");
    }
    let message = problem::<Volume>(&json!({"name": "v", "emptyDir": {"sizeLimit": "Mi"}}));
    assert!(
        message.starts_with("Field.emptyDir.sizeLimit is \"Mi\", not a Kubernetes quantity"),
        "{message}"
    );
}

#[test]
fn null_says_nothing_even_under_a_key_that_does_not_exist() {
    let spec: PodSpec = read("p", &json!({"nodeSelector": null, "nothing": null})).expect("a pod");
    assert_eq!(spec, PodSpec::default());
}
