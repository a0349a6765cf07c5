//! How many pods fit, for `tests/cluster/test_fit.py`, which asks the real scheduler the same.
//!
//! `FIT_QUESTIONS` is a file of JSON: the cluster's `nodes` and `pods`, and `questions`, each a `pod` and `replicas`.
//! The answers are printed, one a line.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8sdataservice::scheduling::fit;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Cluster {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    pod: Pod,
    replicas: u32,
}

#[test]
#[ignore = "needs FIT_QUESTIONS, a file that tests/cluster/test_fit.py writes"]
fn answers() {
    let path = std::env::var("FIT_QUESTIONS").expect("FIT_QUESTIONS is set");
    let text = std::fs::read_to_string(path).expect("a file");
    let cluster: Cluster = serde_json::from_str(&text).expect("nodes, pods and questions");
    for question in cluster.questions {
        let fit = fit(&question.pod, question.replicas, &cluster.nodes, &cluster.pods);
        let answer = json!({"fits": fit.fits, "atMost": fit.at_most, "sentence": fit.sentence()});
        println!("answer: {answer}");
    }
}

/// A cluster of some size is looked at in less time than an API server takes to answer.
#[test]
#[ignore = "measures, so it wants --release"]
fn a_thousand_nodes_take_well_under_100_ms() {
    let node = |number: usize| -> Node {
        let labels = json!({"host": number.to_string(), "zone": (number % 3).to_string()});
        let room = json!({"cpu": "16", "memory": "64Gi", "pods": "110"});
        let node = json!({"metadata": {"name": number.to_string(), "labels": labels}, "status": {"allocatable": room}});
        serde_json::from_value(node).expect("a node")
    };
    let pod = |node: Option<usize>| -> Pod {
        let selector = json!({"matchLabels": {"app": "store"}});
        let away = json!([{"topologyKey": "host", "labelSelector": selector}]);
        let spread = |key: &str| json!({"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector});
        let spec = json!({
            "nodeName": node.map(|node| node.to_string()),
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": away}},
            "topologySpreadConstraints": [spread("zone"), spread("host")],
        });
        let labels = json!({"app": if node.is_some() { "web" } else { "store" }});
        let namespace = if node.is_some() { "other" } else { "default" };
        let pod = json!({"metadata": {"namespace": namespace, "labels": labels}, "spec": spec});
        serde_json::from_value(pod).expect("a pod")
    };
    let nodes: Vec<_> = (0..1000).map(node).collect();
    let pods: Vec<_> = (0..10_000).map(|number| pod(Some(number % 1000))).collect();
    let start = std::time::Instant::now();
    let fit = fit(&pod(None), 100, &nodes, &pods);
    let took = start.elapsed();
    println!("{took:?}: {}", fit.sentence());
    assert_eq!(fit.fits, 100);
    assert!(took < std::time::Duration::from_millis(100), "{took:?}");
}
