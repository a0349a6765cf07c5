//! The controllers beside an API server, with a node that makes every pod ready at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::api_server::ApiServer;

/// A cluster; what runs in it ends with it.
struct Cluster {
    client: Client,
    _tasks: JoinSet<()>,
}

impl Cluster {
    fn start() -> Self {
        let clock = Clock::new();
        let client = ApiServer::new(clock).client("default");
        let mut tasks = JoinSet::new();
        tasks.spawn(run(client.clone(), clock, None));
        tasks.spawn(node(client.clone(), clock));
        Self { client, _tasks: tasks }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::default_namespaced(self.client.clone())
    }

    async fn create<K>(&self, object: Value)
    where
        K: Watched + kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        let object: K = serde_json::from_value(object).expect("an object");
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
            .expect("is created");
    }

    /// Changes the specification of the `StatefulSet`.
    async fn change(&self, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        let sets = self.api::<StatefulSet>();
        sets.patch("foo", &PatchParams::default(), &patch)
            .await
            .expect("is changed");
    }

    /// The pods, with their images and whether they are ready.
    async fn pods(&self) -> Vec<String> {
        let pods = self.api::<Pod>().list(&ListParams::default()).await.expect("pods");
        let shown = pods.iter().map(|pod| {
            let name = pod.metadata.name.as_deref().unwrap();
            let image = pod.spec.as_ref().unwrap().containers[0].image.as_deref().unwrap();
            let state = if pods::is_terminating(pod) { "ending" } else { "" };
            let ready = if pods::is_ready(pod) { "ready" } else { "" };
            format!("{name} {image} {ready}{state}").trim_end().to_owned()
        });
        shown.collect()
    }

    async fn status(&self) -> Value {
        let set = self.api::<StatefulSet>().get("foo").await.expect("the StatefulSet");
        let mut status = serde_json::to_value(set.status).expect("a status");
        status["generation"] = json!(set.metadata.generation);
        status
    }

    /// How often there were events of a reason.
    async fn events(&self) -> BTreeMap<String, i32> {
        let mut reasons = BTreeMap::new();
        for event in self.api::<Event>().list(&ListParams::default()).await.expect("events") {
            *reasons.entry(event.reason.unwrap()).or_default() += event.count.unwrap_or(1);
        }
        reasons
    }
}

/// Waits until something is so, and fails with what was last.
async fn eventually<T: std::fmt::Debug, F: Future<Output = T>>(ask: impl Fn() -> F, is: impl Fn(&T) -> bool) -> T {
    let mut last = None;
    for _ in 0..500 {
        let found = ask().await;
        if is(&found) {
            return found;
        }
        last = Some(found);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come: {last:#?}");
}

/// A node that makes every pod ready at once, but for those with the image `broken`, which fail.
async fn node(client: Client, clock: Clock) {
    let all: Api<Pod> = Api::all(client.clone());
    let mut pods = watcher(all, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = pods.next().await {
        let Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) = event else {
            continue;
        };
        let of: Api<Pod> = Api::namespaced(client.clone(), pod.metadata.namespace.as_deref().unwrap());
        let name = pod.metadata.name.as_deref().unwrap();
        let spec = pod.spec.as_ref().unwrap();
        if spec.node_name.is_none() {
            continue;
        }
        if pods::is_terminating(&pod) {
            let _ = of.delete(name, &DeleteParams::default().grace_period(0)).await;
        } else if pods::phase(&pod) == "Pending" {
            let broken = spec.containers[0].image.as_deref() == Some("broken");
            let (phase, ready) = if broken {
                ("Failed", "False")
            } else {
                ("Running", "True")
            };
            let now = clock.now().to_string();
            let ready = json!({"type": "Ready", "status": ready, "lastTransitionTime": now});
            let address = format!("127.77.0.{}", pods::parent_and_ordinal(&pod).unwrap().1 + 1);
            let status = json!({"phase": phase, "podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]});
            let patch = Patch::Merge(json!({"metadata": {"uid": pod.metadata.uid}, "status": status}));
            let _ = of.patch_status(name, &PatchParams::default(), &patch).await;
        }
    }
}

fn set(spec: Value) -> Value {
    let container = json!({"name": "c", "image": "one", "ports": [{"name": "grpc", "containerPort": 40000}]});
    let mut of = json!({
        "replicas": 3, "serviceName": "foo", "selector": {"matchLabels": {"app": "foo"}},
        "template": {"metadata": {"labels": {"app": "foo"}}, "spec": {"containers": [container]}},
    });
    if let (Value::Object(of), Value::Object(spec)) = (&mut of, spec) {
        of.extend(spec);
    }
    json!({"metadata": {"name": "foo"}, "spec": of})
}

fn image(image: &str) -> Value {
    let port = json!({"name": "grpc", "containerPort": 40000});
    json!({"template": {"spec": {"containers": [{"name": "c", "image": image, "ports": [port]}]}}})
}

fn ready(replicas: i32) -> impl Fn(&Value) -> bool {
    move |status| {
        let all = [
            "replicas",
            "readyReplicas",
            "availableReplicas",
            "updatedReplicas",
            "currentReplicas",
        ];
        all.iter().all(|number| status[number] == replicas)
            && status["observedGeneration"] == status["generation"]
            && status["currentRevision"] == status["updateRevision"]
    }
}

#[tokio::test(start_paused = true)]
async fn pods_come_are_replaced_and_go() {
    let cluster = Cluster::start();
    let port = json!({"name": "grpc", "port": 40000, "targetPort": "grpc"});
    let selected = json!({"selector": {"app": "foo"}, "clusterIP": "None", "ports": [port]});
    cluster
        .create::<Service>(json!({"metadata": {"name": "foo"}, "spec": selected}))
        .await;
    cluster
        .create::<StatefulSet>(set(json!({"podManagementPolicy": "Parallel"})))
        .await;
    let first = eventually(|| cluster.status(), ready(3)).await;
    assert_eq!(
        cluster.pods().await,
        ["foo-0 one ready", "foo-1 one ready", "foo-2 one ready"]
    );

    let slices = || async {
        cluster
            .api::<EndpointSlice>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    };
    let endpoints = |slices: &[EndpointSlice]| -> Vec<_> {
        let all = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
        let mut all: Vec<_> = all
            .map(|of| format!("{} {}", of.hostname.as_deref().unwrap_or("?"), of.addresses[0]))
            .collect();
        all.sort();
        all
    };
    let all = ["foo-0 127.77.0.1", "foo-1 127.77.0.2", "foo-2 127.77.0.3"];
    eventually(slices, |slices| endpoints(slices) == all && slices.len() == 1).await;

    cluster.change(image("two")).await;
    let second = eventually(
        || cluster.status(),
        |status| ready(3)(status) && status["updateRevision"] != first["updateRevision"],
    )
    .await;
    assert_eq!(
        cluster.pods().await,
        ["foo-0 two ready", "foo-1 two ready", "foo-2 two ready"]
    );

    cluster.change(image("one")).await;
    let third = eventually(
        || cluster.status(),
        |status| ready(3)(status) && status["updateRevision"] != second["updateRevision"],
    )
    .await;
    assert_eq!(
        third["updateRevision"], first["updateRevision"],
        "the earlier revision is used again"
    );
    let revisions = cluster
        .api::<ControllerRevision>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let mut numbers: Vec<_> = revisions.iter().map(|revision| revision.revision).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3]);

    cluster.change(json!({"replicas": 1})).await;
    eventually(|| cluster.status(), ready(1)).await;
    assert_eq!(cluster.pods().await, ["foo-0 one ready"]);
    eventually(slices, |slices| endpoints(slices) == all[..1]).await;

    let events = cluster.events().await;
    assert_eq!(
        (
            events["SuccessfulCreate"],
            events["SuccessfulDelete"],
            events["Scheduled"]
        ),
        (9, 8, 9),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn pods_come_in_order_after_min_ready_seconds() {
    let cluster = Cluster::start();
    let started = tokio::time::Instant::now();
    cluster.create::<StatefulSet>(set(json!({"minReadySeconds": 30}))).await;
    let one = eventually(|| cluster.status(), |status| status["readyReplicas"] == 1).await;
    assert_eq!((&one["availableReplicas"], &one["replicas"]), (&json!(0), &json!(1)));
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(cluster.pods().await, ["foo-0 one ready", "foo-1 one ready"]);
    tokio::time::sleep(Duration::from_mins(1)).await;
    eventually(|| cluster.status(), ready(3)).await;
    assert!(started.elapsed() < Duration::from_secs(101), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fails_or_is_deleted_comes_again() {
    let cluster = Cluster::start();
    cluster.create::<StatefulSet>(set(json!({"replicas": 1}))).await;
    eventually(|| cluster.status(), ready(1)).await;
    let pods = cluster.api::<Pod>();
    let uid = || async {
        pods.get_opt("foo-0")
            .await
            .unwrap()
            .filter(pods::is_ready)
            .and_then(|pod| pod.metadata.uid)
    };
    let first = uid().await;
    let failed = Patch::Merge(json!({"status": {"phase": "Failed"}}));
    pods.patch_status("foo-0", &PatchParams::default(), &failed)
        .await
        .unwrap();
    let second = eventually(uid, |uid| uid.is_some() && *uid != first).await;
    pods.delete("foo-0", &DeleteParams::default()).await.unwrap();
    eventually(uid, |uid| uid.is_some() && *uid != second).await;
}

#[tokio::test(start_paused = true)]
async fn claims_are_bound_and_go_as_the_policy_says() {
    let cluster = Cluster::start();
    let storage = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    cluster
        .create::<StatefulSet>(set(json!({
            "replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": storage}],
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
        })))
        .await;
    eventually(|| cluster.status(), ready(2)).await;
    let claims = || async {
        let claims = cluster
            .api::<PersistentVolumeClaim>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let shown = claims.iter().map(|claim| {
            format!(
                "{} {}",
                claim.metadata.name.as_deref().unwrap(),
                claim.status.as_ref().unwrap().phase.as_deref().unwrap()
            )
        });
        shown.collect::<Vec<_>>()
    };
    eventually(claims, |claims| claims == &["data-foo-0 Bound", "data-foo-1 Bound"]).await;
    cluster.change(json!({"replicas": 1})).await;
    eventually(claims, |claims| claims == &["data-foo-0 Bound"]).await;
    // A pod that comes back gets a new claim.
    cluster.change(json!({"replicas": 2})).await;
    eventually(|| cluster.status(), ready(2)).await;
    eventually(claims, |claims| claims == &["data-foo-0 Bound", "data-foo-1 Bound"]).await;
    cluster
        .api::<StatefulSet>()
        .delete("foo", &DeleteParams::default())
        .await
        .unwrap();
    eventually(|| cluster.pods(), Vec::is_empty).await;
    assert_eq!(claims().await, ["data-foo-0 Bound", "data-foo-1 Bound"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_for_another_node_is_unschedulable_until_the_node_has_the_label() {
    let cluster = Cluster::start();
    let mut of = set(json!({"replicas": 1}));
    of["spec"]["template"]["spec"]["nodeSelector"] = json!({"gpu": "yes"});
    cluster.create::<StatefulSet>(of).await;
    let condition = || async {
        let pod = cluster.api::<Pod>().get_opt("foo-0").await.unwrap()?;
        Some(pods::condition(&pod, "PodScheduled")?.clone())
    };
    let refused = eventually(condition, Option::is_some).await.unwrap();
    assert_eq!(
        (refused.status.as_str(), refused.reason.as_deref()),
        ("False", Some("Unschedulable"))
    );
    assert_eq!(cluster.events().await["FailedScheduling"], 1);
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "local", "labels": {"gpu": "yes"}}})).unwrap();
    Api::all(cluster.client.clone())
        .create(&PostParams::default(), &node)
        .await
        .unwrap();
    eventually(|| cluster.status(), ready(1)).await;
}

#[tokio::test(start_paused = true)]
async fn pods_that_were_kept_are_adopted() {
    let cluster = Cluster::start();
    cluster.create::<StatefulSet>(set(json!({}))).await;
    eventually(|| cluster.status(), ready(3)).await;
    let uids = || async {
        let pods = cluster.api::<Pod>().list(&ListParams::default()).await.unwrap();
        let uid = |pod: &Pod| {
            (
                pod.metadata.uid.clone(),
                owners::controller(&pod.metadata).map(|owner| owner.uid.clone()),
            )
        };
        pods.iter().map(uid).collect::<Vec<_>>()
    };
    let before = uids().await;
    cluster
        .api::<StatefulSet>()
        .delete("foo", &DeleteParams::orphan())
        .await
        .unwrap();
    eventually(uids, |pods| pods.iter().all(|(_, owner)| owner.is_none())).await;
    cluster.create::<StatefulSet>(set(json!({}))).await;
    eventually(|| cluster.status(), ready(3)).await;
    let after = uids().await;
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before.0 == after.0 && before.1 != after.1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_cannot_be_created_is_reported_and_tried_again() {
    let cluster = Cluster::start();
    let storage = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let metadata = json!({"name": "data-foo-0", "finalizers": ["example.com/kept"]});
    cluster
        .create::<PersistentVolumeClaim>(json!({"metadata": metadata, "spec": storage}))
        .await;
    let claims = cluster.api::<PersistentVolumeClaim>();
    claims.delete("data-foo-0", &DeleteParams::default()).await.unwrap();
    let template = json!({"metadata": {"name": "data"}, "spec": storage});
    cluster
        .create::<StatefulSet>(set(json!({"replicas": 1, "volumeClaimTemplates": [template]})))
        .await;
    let events = eventually(|| cluster.events(), |events| events.get("FailedCreate") > Some(&3)).await;
    assert!(!events.contains_key("SuccessfulCreate"), "{events:?}");
    let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
    let message = events.iter().find_map(|event| event.message.clone()).unwrap();
    let expected = "Create Pod foo-0 in StatefulSet foo failed error: pvc data-foo-0 is being deleted";
    assert_eq!(message, expected);
    let done = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    claims
        .patch("data-foo-0", &PatchParams::default(), &done)
        .await
        .unwrap();
    eventually(|| cluster.status(), ready(1)).await;
}
