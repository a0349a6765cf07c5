use serde_json::{Value, json};

use super::*;

fn pod(spec: Value) -> PodSpec {
    serde_json::from_value(spec).expect("a pod")
}

fn quota(scopes: &Value, hard: &Value, used: &Value) -> ResourceQuota {
    serde_json::from_value(json!({
        "metadata": {"name": "q", "namespace": "flyte"},
        "spec": {"hard": hard, "scopes": scopes},
        "status": {"hard": hard, "used": used},
    }))
    .expect("a quota")
}

/// The paths of what is short, for a service with one container that requests one CPU.
fn short_of(quota: ResourceQuota, replicas: u32) -> Vec<String> {
    let stateful_set: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo"},
        "spec": {
            "selector": {},
            "template": {"spec": {"containers": [{"name": "foo"}]}},
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            ],
        },
    }))
    .expect("a StatefulSet");
    let pod = Pod {
        spec: Some(pod(
            json!({"containers": [{"name": "foo", "resources": {"requests": {"cpu": "1"}}}]}),
        )),
        ..Pod::default()
    };
    let origins = Origins::new(&json!({"Image": "i"}), &stateful_set);
    let found = short(Ok(vec![quota]), "flyte", &stateful_set, &pod, replicas, &origins);
    found.problems.into_iter().map(|problem| problem.path).collect()
}

#[test]
fn all_pods_count_and_not_one() {
    let quota = |used: &str| {
        quota(
            &json!([]),
            &json!({"requests.cpu": "4"}),
            &json!({"requests.cpu": used}),
        )
    };
    assert_eq!(short_of(quota("1"), 3), Vec::<String>::new());
    assert_eq!(short_of(quota("1500m"), 3), ["Replicas"]);
    assert_eq!(short_of(quota("3500m"), 1), ["Requests.cpu"], "not even one fits");
    assert_eq!(short_of(quota("4"), 0), Vec::<String>::new(), "no pods need nothing");
}

#[test]
fn pods_and_claims_are_counted() {
    let pods = quota(&json!([]), &json!({"pods": "2"}), &json!({}));
    assert_eq!(short_of(pods, 3), ["Replicas"]);
    let storage = quota(&json!([]), &json!({"requests.storage": "2Gi"}), &json!({}));
    assert_eq!(short_of(storage.clone(), 2), Vec::<String>::new());
    assert_eq!(short_of(storage, 3), ["Replicas"]);
}

#[test]
fn a_quota_for_other_pods_does_not_count() {
    let hard = json!({"requests.cpu": "0"});
    for (scope, counts) in [
        ("BestEffort", false),
        ("NotBestEffort", true),
        ("Terminating", false),
        ("NotTerminating", true),
        ("CrossNamespacePodAffinity", false),
    ] {
        let short = short_of(quota(&json!([scope]), &hard, &json!({})), 1);
        assert_eq!(!short.is_empty(), counts, "{scope}");
    }
}

#[test]
fn containers_that_run_one_after_the_other_do_not_add_up() {
    let with = |cpu: &str| json!({"requests": {"cpu": cpu}});
    let pod = pod(json!({
        "initContainers": [
            {"name": "sidecar", "restartPolicy": "Always", "resources": with("1")},
            {"name": "init", "resources": with("4")},
        ],
        "containers": [{"name": "a", "resources": with("2")}, {"name": "b", "resources": with("500m")}],
        "overhead": {"cpu": "100m"},
    }));
    let cpu = said(&pod, |side| side.requests.as_ref(), 0)["cpu"];
    // The init container runs beside the sidecar that was started before it: 5, more than 3.5 afterwards.
    assert_eq!(cpu, 5100 * ONE / 1000);
}

#[test]
fn requests_of_the_whole_pod_count_too() {
    let pod = pod(json!({
        "resources": {"requests": {"cpu": "3"}},
        "containers": [{"name": "a", "resources": {"requests": {"cpu": "2"}}}],
    }));
    assert_eq!(amounts_of(&pod)["requests.cpu"], 3 * ONE);
}

#[test]
fn an_amount_is_written_as_people_do() {
    let amounts = [0, ONE / 100, 2 * ONE, ONE << 30, 3 * (ONE << 20), 1000 * ONE].map(written);
    assert_eq!(amounts, ["0", "10m", "2", "1Gi", "3Mi", "1000"]);
}
