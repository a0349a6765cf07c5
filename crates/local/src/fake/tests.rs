use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::runtime::Runtime;

use super::*;
use crate::script::Cause;

/// How often a test looks whether a pod stays ready.
const LOOKS: usize = 24;

/// How much time passes between two looks: no part of the time in which a pod fails and is made again.
const BETWEEN_LOOKS: Duration = Duration::from_secs(7);

/// A cluster, and what a test asks it.
struct Asked {
    cluster: FakeCluster,
    client: Client,
    runtime: Runtime,
}

impl Asked {
    fn start() -> Self {
        let cluster = FakeCluster::start().expect("a cluster");
        // What is asked in the process goes to no socket.
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = {
            let _guard = runtime.enter();
            cluster.running.api.client("flyte")
        };
        Self {
            cluster,
            client,
            runtime,
        }
    }

    fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }

    fn create(&self, name: &str) {
        let labels = json!({"app": name});
        let set = json!({"metadata": {"name": name}, "spec": {
            "serviceName": name, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "foo", "image": "r/i:1", "command": ["serve"]},
            ]}},
        }});
        let set: StatefulSet = serde_json::from_value(set).expect("a StatefulSet");
        let sets = Api::<StatefulSet>::namespaced(self.client.clone(), "flyte");
        self.ask(sets.create(&PostParams::default(), &set)).expect("created");
        self.cluster.advance(Duration::from_secs(1));
    }

    /// The pods by their names, each with its phase and whether it is ready.
    fn pods(&self) -> BTreeMap<String, (String, bool)> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), "flyte");
        let pods = self.ask(pods.list(&ListParams::default())).expect("pods").items;
        let of = |pod: &Pod| {
            let status = pod.status.clone().unwrap_or_default();
            let mut conditions = status.conditions.into_iter().flatten();
            let is_ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
            (status.phase.unwrap_or_default(), is_ready)
        };
        pods.iter().map(|pod| (pod.name_any(), of(pod))).collect()
    }
}

fn cause(name: &str) -> Cause {
    Cause::named(name).expect("a cause")
}

#[test]
fn time_passes_at_once_and_in_between_as_it_does_elsewhere() {
    let cluster = FakeCluster::start().expect("a cluster");
    let (before, begun) = (cluster.now(), Instant::now());
    cluster.advance(Duration::from_hours(24));
    let passed = cluster.now().duration_since(before);
    assert!(
        passed.as_hours() == 24 && begun.elapsed() < Duration::from_mins(5),
        "{passed}"
    );
    let before = cluster.now();
    std::thread::sleep(Duration::from_millis(30));
    assert!(cluster.now().duration_since(before).as_millis() >= 30);
}

#[test]
fn a_pod_is_ready_once_its_cause_is_over() {
    let asked = Asked::start();
    asked.cluster.script().set(Some("foo"), cause("InsufficientGpu"));
    asked
        .cluster
        .script()
        .then(Some("foo"), Cause::READY, Duration::from_mins(20));
    asked.create("foo");
    asked.create("bar");
    let pod = |name: &str| asked.pods().get(name).cloned().expect("a pod");
    assert_eq!(pod("bar-0"), ("Running".to_owned(), true));
    asked.cluster.advance(Duration::from_mins(19));
    assert_eq!(pod("foo-0"), ("Pending".to_owned(), false));
    asked.cluster.advance(Duration::from_mins(1));
    assert_eq!(pod("foo-0"), ("Running".to_owned(), true));
}

#[test]
fn every_pod_becomes_ready_once_its_cause_is_over() {
    let asked = Asked::start();
    for name in Cause::names() {
        let service = name.to_lowercase();
        asked.cluster.script().set(Some(&service), cause(name));
        asked.create(&service);
    }
    asked.cluster.advance(Duration::from_mins(5));
    // Pods that fail while they run are ready again and again, so what counts is whether they are so all the time.
    let mut ready: BTreeSet<_> = asked.pods().into_keys().collect();
    for _ in 0..LOOKS {
        asked.cluster.advance(BETWEEN_LOOKS);
        let pods = asked.pods();
        ready.retain(|name| pods.get(name).is_some_and(|(_, is_ready)| *is_ready));
    }
    assert_eq!(
        Vec::from_iter(ready),
        ["initcontainerfailed-0", "ready-0"],
        "there is no init container"
    );
    for name in Cause::names() {
        asked.cluster.script().set(Some(&name.to_lowercase()), Cause::READY);
    }
    asked.cluster.advance(Duration::from_mins(1));
    let pods = asked.pods();
    assert_eq!(pods.len(), Cause::names().count(), "{pods:?}");
    let waiting: Vec<_> = pods.iter().filter(|(_, (_, is_ready))| !is_ready).collect();
    assert!(waiting.is_empty(), "{waiting:?}");
}

#[test]
fn nothing_is_left_of_a_service_that_is_deleted() {
    let asked = Asked::start();
    asked.create("foo");
    assert_eq!(asked.cluster.objects().len(), 3, "{:?}", asked.cluster.objects());
    let sets = Api::<StatefulSet>::namespaced(asked.client.clone(), "flyte");
    drop(
        asked
            .ask(sets.delete("foo", &DeleteParams::default()))
            .expect("deleted"),
    );
    asked.cluster.advance(Duration::from_mins(1));
    assert_eq!(asked.cluster.objects(), []);
    let socket = asked.cluster.socket();
    asked.cluster.stop();
    assert!(!socket.exists());
}
