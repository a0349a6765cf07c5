use serde_json::{Value, json};

use super::*;

fn environment(container: &Value) -> Result<Environment, String> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {
            "name": "foo-0", "namespace": "flyte", "uid": "1-2", "labels": {"app": "foo", "b": "\"x\""},
            "annotations": {"example.com/note": "hello"},
        },
        "spec": {"serviceAccountName": "robot", "containers": [{"name": "foo"}]},
    }))
    .expect("a pod");
    let container: Container = serde_json::from_value(container.clone()).expect("a container");
    let sources = Sources::from([
        (
            (Kind::Secret, "s".to_owned()),
            Some(Values::from([("password".to_owned(), b"secret /data".to_vec())])),
        ),
        (
            (Kind::ConfigMap, "m".to_owned()),
            Some(Values::from([
                ("A".to_owned(), b"1".to_vec()),
                ("B".to_owned(), b"2".to_vec()),
            ])),
        ),
    ]);
    let mut paths = Paths::default();
    paths.add("/data", "/v/data".into());
    let place = Place {
        node: "local".to_owned(),
        host: "127.0.0.1".to_owned(),
        address: "127.77.1.1".to_owned(),
        ports: [(40000, 20001)].into(),
    };
    let facts = Facts {
        pod: &pod,
        place: &place,
        sources: &sources,
        capacity: &BTreeMap::new(),
        paths: &paths,
        given: &Environment::default(),
    };
    of_container(&container, &facts)
}

fn variables(env: &Value) -> Vec<(String, String)> {
    let found = environment(&json!({"name": "foo", "env": env})).expect("an environment");
    found.into_pairs()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn values_refer_to_earlier_ones_and_paths_are_rewritten() {
    let env = json!([
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)-$(LATER)-$(PATH)"},
        {"name": "LATER", "value": "3"},
        {"name": "DIR", "value": "/data/$(A)"},
        {"name": "A", "value": "2"},
        {"name": "EMPTY"},
    ]);
    let wanted = [
        ("A", "2"),
        ("B", "1-$(LATER)-$(PATH)"),
        ("LATER", "3"),
        ("DIR", "/v/data/1"),
        ("EMPTY", ""),
    ];
    assert_eq!(variables(&env), pairs(&wanted));
}

#[test]
fn fields_of_the_pod_are_values() {
    for (path, wanted) in [
        ("metadata.name", "foo-0"),
        ("metadata.namespace", "flyte"),
        ("metadata.uid", "1-2"),
        ("metadata.labels['app']", "foo"),
        ("metadata.labels['nope']", ""),
        ("metadata.labels", "app=\"foo\"\nb=\"\\\"x\\\"\""),
        ("metadata.annotations['example.com/note']", "hello"),
        ("spec.nodeName", "local"),
        ("spec.serviceAccountName", "robot"),
        ("status.hostIP", "127.0.0.1"),
        ("status.podIP", "127.77.1.1"),
    ] {
        let env = json!([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]);
        assert_eq!(variables(&env), pairs(&[("A", wanted)]), "{path}");
    }
}

#[test]
fn values_come_from_secrets_and_config_maps() {
    let container = json!({
        "name": "foo",
        "envFrom": [{"prefix": "M_", "configMapRef": {"name": "m"}}, {"secretRef": {"name": "x", "optional": true}}],
        "env": [
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
            {"name": "M_B", "value": "3$(M_A)"},
            {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "nope", "optional": true}}},
        ],
    });
    let found = environment(&container).expect("an environment").into_pairs();
    let wanted = [("M_A", "1"), ("M_B", "31"), ("P", "secret /data")];
    assert_eq!(found, pairs(&wanted));
}

#[test]
fn missing_objects_are_reported_in_the_words_of_the_kubelet() {
    let of = |source: Value| environment(&json!({"name": "foo", "env": [{"name": "A", "valueFrom": source}]}));
    for (source, wanted) in [
        (
            json!({"secretKeyRef": {"name": "x", "key": "k"}}),
            "secret \"x\" not found",
        ),
        (
            json!({"configMapKeyRef": {"name": "x", "key": "k"}}),
            "configmap \"x\" not found",
        ),
        (
            json!({"secretKeyRef": {"name": "s", "key": "k"}}),
            "couldn't find key k in Secret flyte/s",
        ),
        (
            json!({"configMapKeyRef": {"name": "m", "key": "k"}}),
            "couldn't find key k in ConfigMap flyte/m",
        ),
        (
            json!({"fieldRef": {"fieldPath": "spec.x"}}),
            "unsupported fieldPath: spec.x",
        ),
    ] {
        assert_eq!(of(source), Err(wanted.to_owned()));
    }
}

#[test]
fn variables_win_over_those_of_the_machine_and_what_no_process_can_have_is_left_out() {
    let mut environment = Environment::default();
    environment.set("PATH", "/bin");
    environment.set("HOME", "/root");
    let mut defined = Environment::default();
    defined.set("HOME", "/home");
    defined.set("A=B", "1");
    environment.extend(&defined);
    assert_eq!(environment.into_pairs(), pairs(&[("PATH", "/bin"), ("HOME", "/home")]));
}

#[test]
fn a_server_is_told_the_port_that_it_has_on_this_machine() {
    let env = json!([
        {"name": "SERVER_PORT", "value": "40000"},
        {"name": "GE_BASE_PORT", "value": "$(SERVER_PORT)"},
        {"name": "AT", "value": "0.0.0.0:$(SERVER_PORT)"},
        {"name": "OTHER", "value": "40000"},
    ]);
    let wanted = [
        ("SERVER_PORT", "20001"),
        ("GE_BASE_PORT", "20001"),
        ("AT", "0.0.0.0:20001"),
        ("OTHER", "40000"),
    ];
    assert_eq!(variables(&env), pairs(&wanted));
    let env = json!([{"name": "SERVER_PORT", "value": "40001"}]);
    assert_eq!(
        variables(&env),
        pairs(&[("SERVER_PORT", "40001")]),
        "it is no declared port"
    );
}
