//! Which pods fit, on clusters of a few words.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{FilterReason, Fit, fit};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of Kubernetes")
}

/// A node of a zone (none where it is empty), with so many CPUs.
fn node(name: &str, zone: &str, cpus: u32) -> Node {
    let mut labels = json!({"host": name});
    if !zone.is_empty() {
        labels["zone"] = json!(zone);
    }
    let room = json!({"cpu": cpus.to_string(), "memory": "64Gi", "pods": "110"});
    read(json!({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": room}}))
}

/// A pod of one CPU that runs on a node.
fn running(app: &str, node: &str) -> Pod {
    pod(app, json!({"nodeName": node}))
}

/// A pod of one CPU.
fn pod(app: &str, mut spec: Value) -> Pod {
    spec["containers"] = json!([{"name": "c", "resources": {"requests": {"cpu": "1"}}}]);
    read(json!({"metadata": {"namespace": "default", "labels": {"app": app}}, "spec": spec}))
}

fn term(app: &str, key: &str) -> Value {
    json!({"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key})
}

fn with(mut term: Value, key: &str, value: Value) -> Value {
    term[key] = value;
    term
}

fn near(terms: &[Value]) -> Value {
    json!({"affinity": {"podAffinity": {REQUIRED: terms}}})
}

fn apart(terms: &[Value]) -> Value {
    json!({"affinity": {"podAntiAffinity": {REQUIRED: terms}}})
}

fn spread(key: &str, max_skew: u32) -> Value {
    json!({"topologyKey": key, "maxSkew": max_skew, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "store"}}})
}

/// Two nodes of zone a, one of zone b, one of none.
fn four() -> Vec<Node> {
    vec![
        node("a1", "a", 4),
        node("a2", "a", 4),
        node("b1", "b", 3),
        node("x1", "", 4),
    ]
}

fn fits(spec: &Value, nodes: &[Node], pods: &[Pod]) -> (u32, u32) {
    let fit = fit(&pod("store", spec.clone()), 20, nodes, pods);
    (fit.fits, fit.at_most)
}

#[test]
fn pods_go_where_the_pods_are_that_they_want_to_be_with() {
    let elsewhere = |namespace: &str| {
        let mut pod = running("web", "a1");
        pod.metadata.namespace = Some(namespace.to_owned());
        pod
    };
    let selector = |labels: Value| with(term("web", "zone"), "namespaceSelector", labels);
    for (spec, pods, expected) in [
        (near(&[term("web", "zone")]), vec![], (0, 0)),
        (near(&[term("web", "zone")]), vec![running("web", "a1")], (7, 7)),
        (near(&[term("web", "host")]), vec![running("web", "a1")], (3, 3)),
        (near(&[term("web", "zone")]), vec![running("web", "x1")], (0, 0)),
        // One pod has to meet all terms.
        (
            near(&[term("web", "zone"), term("db", "zone")]),
            vec![running("web", "a1"), running("db", "a1")],
            (0, 0),
        ),
        (near(&[term("web", "zone")]), vec![elsewhere("other")], (0, 0)),
        (
            near(&[with(term("web", "zone"), "namespaces", json!(["other"]))]),
            vec![elsewhere("other")],
            (7, 7),
        ),
        (
            near(&[with(term("web", "zone"), "namespaces", json!(["other"]))]),
            vec![running("web", "a1")],
            (0, 0),
        ),
        (near(&[selector(json!({}))]), vec![elsewhere("other")], (7, 7)),
        (
            near(&[selector(
                json!({"matchLabels": {"kubernetes.io/metadata.name": "other"}}),
            )]),
            vec![elsewhere("other")],
            (7, 7),
        ),
        (
            near(&[selector(json!({"matchLabels": {"team": "x"}}))]),
            vec![elsewhere("other")],
            (0, 0),
        ),
        (
            near(&[json!({"topologyKey": "zone"})]),
            vec![running("web", "a1")],
            (0, 0),
        ),
    ] {
        assert_eq!(fits(&spec, &four(), &pods), expected, "{spec}");
    }
}

#[test]
fn the_first_of_pods_that_want_each_other_may_go_anywhere_and_decides_for_the_others() {
    let together = near(&[term("store", "zone")]);
    assert_eq!(fits(&together, &four(), &[]), (3, 8));
    assert_eq!(fits(&together, &four(), &[running("store", "b1")]), (2, 2));
    assert_eq!(fits(&near(&[term("store", "host")]), &four(), &[]), (3, 4));
    let alone = four().split_off(3);
    assert_eq!(fits(&together, &alone, &[]), (0, 0));
    let sentence = fit(&pod("store", together), 10, &four(), &[]).sentence();
    assert_eq!(
        sentence,
        "10 pods of 1 CPU: 3 to 8 fit now, depending on where the scheduler puts the first; up to 7 need new nodes: \
         3 nodes lack the pods that the pods want to be with, 1 has too little cpu left."
    );
}

#[test]
fn pods_stay_away_from_pods_that_they_do_not_want() {
    let not_wanted = |key: &str| {
        let mut pod = running("web", "a1");
        pod.spec = pod.spec.map(|spec| {
            read(with(
                json!(spec),
                "affinity",
                apart(&[term("store", key)])["affinity"].clone(),
            ))
        });
        pod
    };
    for (spec, pods, expected) in [
        (apart(&[term("web", "zone")]), vec![running("web", "a1")], 7),
        (apart(&[term("web", "host")]), vec![running("web", "a1")], 11),
        (apart(&[term("web", "zone")]), vec![running("web", "x1")], 14),
        (apart(&[term("store", "host")]), vec![], 4),
        (apart(&[term("store", "host")]), vec![running("store", "b1")], 3),
        // Without the label a node conflicts with nothing.
        (apart(&[term("store", "zone")]), vec![], 6),
        (json!({}), vec![not_wanted("zone")], 7),
        (json!({}), vec![not_wanted("host")], 11),
        (json!({}), vec![not_wanted("rack")], 14),
    ] {
        assert_eq!(fits(&spec, &four(), &pods), (expected, expected), "{spec}");
    }
}

#[test]
fn pods_are_spread_no_more_unevenly_than_they_may() {
    let all = |constraints: &[Value]| json!({"topologySpreadConstraints": constraints});
    let one = |constraint: Value| all(&[constraint]);
    let mut leaving = running("store", "a1");
    leaving.metadata.deletion_timestamp = Some(read(json!("2026-01-01T00:00:00Z")));
    let tainted = |mut nodes: Vec<Node>| {
        nodes[2].spec = Some(read(json!({"taints": [{"key": "away", "effect": "NoSchedule"}]})));
        nodes
    };
    for (spec, nodes, pods, expected) in [
        (one(spread("zone", 1)), four(), vec![], 7),
        (one(spread("zone", 3)), four(), vec![], 9),
        (one(spread("host", 1)), four(), vec![], 15),
        (
            one(with(spread("zone", 1), "whenUnsatisfiable", json!("ScheduleAnyway"))),
            four(),
            vec![],
            15,
        ),
        (one(spread("zone", 1)), four(), vec![running("store", "a1")], 6),
        (
            one(spread("zone", 1)),
            four(),
            vec![running("store", "a1"), running("store", "a1")],
            5,
        ),
        (one(spread("zone", 1)), four(), vec![running("web", "b1")], 5),
        // A pod that is going counts for room, not for the spread.
        (one(spread("zone", 1)), four(), vec![leaving], 7),
        (all(&[spread("zone", 1), spread("host", 1)]), four(), vec![], 5),
        // The pods themselves are not selected: the others' skew decides.
        (
            one(with(
                spread("zone", 1),
                "labelSelector",
                json!({"matchLabels": {"app": "web"}}),
            )),
            four(),
            vec![],
            11,
        ),
        (
            one(with(spread("zone", 1), "labelSelector", json!({}))),
            four(),
            vec![],
            11,
        ),
        (one(with(spread("zone", 2), "minDomains", json!(3))), four(), vec![], 4),
        (one(with(spread("zone", 2), "minDomains", json!(2))), four(), vec![], 8),
        (
            one(with(spread("zone", 1), "matchLabelKeys", json!(["app"]))),
            four(),
            vec![running("store", "a1")],
            6,
        ),
        // By default a node that the pods may not go to for its taint counts, ...
        (one(spread("zone", 1)), tainted(four()), vec![], 1),
        (
            one(with(spread("zone", 1), "nodeTaintsPolicy", json!("Honor"))),
            tainted(four()),
            vec![],
            8,
        ),
        // ... and one that they do not select does not.
        (
            with(one(spread("zone", 1)), "nodeSelector", json!({"zone": "a"})),
            four(),
            vec![],
            8,
        ),
        (
            with(
                one(with(spread("zone", 1), "nodeAffinityPolicy", json!("Ignore"))),
                "nodeSelector",
                json!({"zone": "a"}),
            ),
            four(),
            vec![],
            1,
        ),
        (one(spread("rack", 1)), four(), vec![], 0),
    ] {
        assert_eq!(fits(&spec, &nodes, &pods), (expected, expected), "{spec}");
    }
}

#[test]
fn only_pods_count_that_have_a_node_and_have_not_ended() {
    let mut ended = running("web", "a1");
    ended.status = Some(read(json!({"phase": "Succeeded"})));
    let mut failed = ended.clone();
    failed.status = Some(read(json!({"phase": "Failed"})));
    let waiting = pod("web", json!({}));
    let lost = running("web", "gone");
    assert_eq!(fits(&json!({}), &four(), &[ended, failed, waiting, lost]), (15, 15));
    assert_eq!(fits(&json!({}), &four(), &[running("web", "a1")]), (14, 14));
}

#[test]
fn two_pods_with_a_port_of_the_node_do_not_share_a_node() {
    let mut pod = pod("store", json!({}));
    let ports = json!([{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}]);
    pod.spec = pod.spec.map(|spec| read(with(json!(spec), "containers", ports)));
    let mut other = pod.clone();
    other.spec = other.spec.map(|spec| read(with(json!(spec), "nodeName", json!("a1"))));
    let fit = fit(&pod, 8, &four(), &[other]);
    assert_eq!(fit.fits, 3);
    assert_eq!(fit.refusals, BTreeMap::from([(FilterReason::HostPort, 4)]));
}

fn gpu_node(name: &str, gpus: u32, taint: Option<&str>) -> Node {
    let taints: Vec<_> = taint
        .iter()
        .map(|value| json!({"key": "dedicated", "value": value, "effect": "NoSchedule"}))
        .collect();
    let room = json!({"cpu": "16", "memory": "64Gi", "pods": "110", "nvidia.com/gpu": gpus.to_string()});
    read(json!({"metadata": {"name": name}, "spec": {"taints": taints}, "status": {"allocatable": room}}))
}

fn asking(requests: &Value) -> Pod {
    read(json!({"spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}}))
}

#[test]
fn a_fit_is_described_in_a_sentence() {
    let gpus = asking(&json!({"cpu": "1", "nvidia.com/gpu": "2"}));
    let nodes = || vec![gpu_node("one", 6, None), gpu_node("two", 4, None)];
    let sentence = |pod: &Pod, replicas, nodes: &[Node], pods: &[Pod]| fit(pod, replicas, nodes, pods).sentence();
    assert_eq!(
        sentence(&gpus, 8, &nodes(), &[]),
        "8 pods of 2 GPUs: 5 fit now, 3 need new nodes: 2 nodes have too little nvidia.com/gpu left."
    );
    let mut many = nodes();
    many.extend([
        gpu_node("three", 0, None),
        gpu_node("four", 1, None),
        gpu_node("five", 8, Some("infra")),
    ]);
    let cordoned = Node {
        spec: Some(read(json!({"unschedulable": true}))),
        ..gpu_node("six", 8, None)
    };
    many.extend([gpu_node("seven", 0, None), cordoned]);
    assert_eq!(
        sentence(&gpus, 6, &many, &[]),
        "6 pods of 2 GPUs: 5 fit now, 1 needs a new node: 3 nodes lack nvidia.com/gpu, 2 have too little \
         nvidia.com/gpu left, 2 refuse for other reasons."
    );
    assert_eq!(
        sentence(&gpus, 2, &many[2..5], &[]),
        "2 pods of 2 GPUs: none fits, and none would if the nodes were empty: 2 nodes lack nvidia.com/gpu, 1 has a \
         taint that the pods do not tolerate (dedicated=infra)."
    );
    assert_eq!(
        sentence(&gpus, 4, &nodes(), &[]),
        "4 pods of 2 GPUs: all fit now; 2 nodes have room for them."
    );
    assert_eq!(
        sentence(&gpus, 1, &nodes()[..1], &[]),
        "1 pod of 2 GPUs: fits now; 1 node has room for it."
    );
    assert_eq!(
        sentence(&gpus, 3, &[], &[]),
        "3 pods of 2 GPUs: none fits now, because the cluster has no nodes."
    );
    assert_eq!(
        sentence(&gpus, 0, &nodes(), &[]),
        "0 pods of 2 GPUs: there is nothing to place."
    );
    let mut full = asking(&json!({"memory": "60Gi"}));
    full.spec = full.spec.map(|spec| read(with(json!(spec), "nodeName", json!("one"))));
    let memory = asking(&json!({"cpu": "1500m", "memory": "16Gi"}));
    assert_eq!(
        sentence(&memory, 2, &nodes()[..1], &[full.clone()]),
        "2 pods of 16Gi of memory: none fits now, 2 need new nodes: 1 node has too little memory left."
    );
    assert_eq!(
        sentence(&memory, 1, &nodes()[..1], &[full]),
        "1 pod of 16Gi of memory: it does not fit now and needs a new node: 1 node has too little memory left."
    );
    assert_eq!(
        sentence(&memory, 2, &nodes(), &[]),
        "2 pods of 1.5 CPUs and 16Gi of memory: all fit now; 2 nodes have room for them."
    );
    assert_eq!(
        sentence(&asking(&json!({"memory": "100.05G"})), 1, &nodes(), &[]),
        "1 pod of 93.2Gi of memory: it does not fit, and would not if the nodes were empty: 2 nodes lack memory."
    );
    assert_eq!(
        sentence(&asking(&json!({})), 2, &nodes(), &[]),
        "2 pods: all fit now; 2 nodes have room for them."
    );
    assert_eq!(
        sentence(&asking(&json!({"example.com/fpga": "1"})), 2, &nodes(), &[]),
        "2 pods of 1 example.com/fpga: none fits, and none would if the nodes were empty: 2 nodes lack example.com/fpga."
    );
}

#[test]
fn a_pod_that_waits_for_room_would_fit_on_empty_nodes() {
    let full = running("web", "b1");
    let nodes = vec![node("b1", "b", 1)];
    let fit = fit(&pod("store", json!({})), 1, &nodes, &[full]);
    assert_eq!((fit.fits, fit.possible), (0, true));
}

prop_compose! {
    fn any_node()(number in 0..1000_u32, zone in 0..4_usize, cpus in 0..6_u32, cordoned in prop::bool::weighted(0.1)) -> Node {
        let mut node = node(&format!("n{number}"), ["a", "b", "c", ""][zone], cpus);
        node.spec = Some(read(json!({"unschedulable": cordoned})));
        node
    }
}

fn any_nodes() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(any_node(), 0..8).prop_map(|mut nodes| {
        nodes.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
        nodes.dedup_by(|one, other| one.metadata.name == other.metadata.name);
        nodes
    })
}

fn any_pods(nodes: &[Node]) -> impl Strategy<Value = Vec<Pod>> + use<> {
    let names: Vec<_> = nodes.iter().filter_map(|node| node.metadata.name.clone()).collect();
    let most = if names.is_empty() { 0 } else { 8 };
    prop::collection::vec((any::<prop::sample::Index>(), prop::bool::ANY), 0..=most).prop_map(move |pods| {
        let pods = pods.into_iter();
        pods.map(|(node, ours)| running(if ours { "store" } else { "web" }, node.get::<String>(&names)))
            .collect()
    })
}

fn any_cluster() -> impl Strategy<Value = (Vec<Node>, Vec<Pod>)> {
    any_nodes().prop_flat_map(|nodes| (Just(nodes.clone()), any_pods(&nodes)))
}

fn any_spec() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({}),
        near(&[term("web", "zone")]),
        near(&[term("store", "zone")]),
        apart(&[term("store", "host")]),
        apart(&[term("web", "zone")]),
        json!({"topologySpreadConstraints": [spread("zone", 1)]}),
        json!({"topologySpreadConstraints": [spread("zone", 1), spread("host", 2)]}),
    ])
}

fn of(spec: &Value, replicas: u32, nodes: &[Node], pods: &[Pod]) -> Fit {
    fit(&pod("store", spec.clone()), replicas, nodes, pods)
}

proptest! {
    #[test]
    fn no_more_fit_than_are_wanted_and_a_reason_is_given_for_the_others(
        (nodes, pods) in any_cluster(), spec in any_spec(), replicas in 0..30_u32,
    ) {
        let fit = of(&spec, replicas, &nodes, &pods);
        prop_assert!(fit.fits <= fit.at_most && fit.at_most <= replicas);
        if fit.fits < replicas {
            prop_assert_eq!(fit.refusals.values().sum::<u32>(), fit.nodes, "every node refuses: {:?}", fit);
        }
        prop_assert!(fit.sentence().ends_with('.'));
    }

    #[test]
    fn as_many_fit_of_more_pods_as_of_fewer((nodes, pods) in any_cluster(), spec in any_spec(), replicas in 0..30_u32) {
        let all = of(&spec, 1000, &nodes, &pods);
        let some = of(&spec, replicas, &nodes, &pods);
        prop_assert_eq!(some.at_most, all.at_most.min(replicas));
        prop_assert_eq!(some.fits, all.fits.min(replicas));
    }

    #[test]
    fn another_node_never_lowers_how_many_fit((nodes, pods) in any_cluster(), more in any_node()) {
        let before = of(&json!({}), 1000, &nodes, &pods);
        let mut nodes = nodes;
        nodes.push(Node { metadata: node("another", "a", 0).metadata, ..more });
        let after = of(&json!({}), 1000, &nodes, &pods);
        prop_assert!(after.fits >= before.fits);
    }

    #[test]
    fn another_pod_never_makes_room((nodes, pods) in any_cluster()) {
        let all = of(&json!({}), 1000, &nodes, &pods);
        for number in 0..pods.len() {
            let fewer = of(&json!({}), 1000, &nodes, &pods[..number]);
            prop_assert!(fewer.fits >= all.fits);
        }
    }

    #[test]
    fn the_order_of_nodes_does_not_matter((nodes, pods) in any_cluster(), spec in any_spec()) {
        let there = of(&spec, 1000, &nodes, &pods);
        let reversed: Vec<_> = nodes.into_iter().rev().collect();
        let back = of(&spec, 1000, &reversed, &pods);
        prop_assert_eq!((there.fits, there.at_most), (back.fits, back.at_most));
    }
}
