//! A node beside an API server in memory.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, ContainerStateTerminated, ContainerStatus, Event, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::super::{LogPart, Node, NodeOptions};
use crate::api_server::ApiServer;
use crate::clock::Clock;

/// How long to wait for anything.
const LONGEST: Duration = Duration::from_secs(30);

pub(super) struct Local {
    pub(super) client: Client,
    pub(super) node: Node,
    pub(super) folder: TempDir,
}

impl Local {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(change: impl FnOnce(&mut NodeOptions)) -> Self {
        let clock = Clock::new();
        let client = ApiServer::new(clock).client("flyte");
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = NodeOptions::new(folder.path());
        options.working_folder = Some(folder.path().to_owned());
        options.first_back_off = Duration::from_millis(300);
        change(&mut options);
        let node = Node::start(client.clone(), clock, options).await.expect("a node");
        Self { client, node, folder }
    }

    pub(super) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "flyte")
    }

    /// Makes a pod of one container, which runs a shell line.
    pub(super) async fn run(&self, name: &str, line: &str) -> Pod {
        self.create(name, json!({"containers": [shell("foo", line)]})).await
    }

    pub(super) async fn create(&self, name: &str, spec: Value) -> Pod {
        self.create_with(json!({"name": name, "labels": {"app": "test"}}), spec)
            .await
    }

    /// Makes a pod that this object controls.
    pub(super) async fn create_of(&self, owner: &ConfigMap, name: &str, spec: Value) -> Pod {
        let owner = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": owner.name_any(), "uid": owner.uid(), "controller": true,
        });
        self.create_with(
            json!({"name": name, "labels": {"app": "test"}, "ownerReferences": [owner]}),
            spec,
        )
        .await
    }

    async fn create_with(&self, metadata: Value, mut spec: Value) -> Pod {
        spec["nodeName"] = json!("local");
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = json!("busybox:1");
            }
        }
        let pod = json!({"metadata": metadata, "spec": spec});
        let pod = serde_json::from_value(pod).expect("a pod");
        self.pods().create(&PostParams::default(), &pod).await.expect("created")
    }

    /// Waits until a pod is as it should be.
    pub(super) async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Pod) -> bool) -> Pod {
        let end = Instant::now() + LONGEST;
        loop {
            let pod = self.pods().get(name).await.expect("a pod");
            if is_so(&pod) {
                return pod;
            }
            assert!(
                Instant::now() < end,
                "{name} is not {what}: {:#?}\n{:#?}",
                pod.status,
                self.events(name).await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the container `foo` of a pod is restarted, and returns the pod and how its first run ended.
    pub(super) async fn first_end(&self, name: &str) -> (Pod, ContainerStateTerminated) {
        let pod = self
            .until(name, "restarted", |pod| {
                foo(pod).is_some_and(|foo| foo.restart_count > 0)
            })
            .await;
        let ended = foo(&pod).and_then(|foo| foo.last_state.clone()?.terminated);
        let ended = ended.expect("an end");
        (pod, ended)
    }

    pub(super) async fn ready(&self, name: &str) -> Pod {
        self.until(name, "ready", |pod| condition(pod, "Ready")).await
    }

    pub(super) async fn delete(&self, name: &str, seconds: u32) {
        let params = DeleteParams::default().grace_period(seconds);
        self.pods().delete(name, &params).await.expect("deleted");
    }

    pub(super) async fn until_gone(&self, name: &str) {
        let end = Instant::now() + LONGEST;
        while let Some(pod) = self.pods().get_opt(name).await.expect("an answer") {
            assert!(Instant::now() < end, "{name} is still here: {:#?}", pod.status);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn log(&self, pod: &Pod, previous: bool) -> String {
        let log = self
            .node
            .logs()
            .read(&pod.uid().expect("a uid"), "foo", previous, LogPart::default());
        String::from_utf8(log.expect("a log")).expect("text")
    }

    /// The first log of this pod with this text.
    pub(super) async fn logged(&self, pod: &Pod, text: &str) -> String {
        let end = Instant::now() + LONGEST;
        loop {
            let log = self
                .node
                .logs()
                .read(&pod.uid().expect("a uid"), "foo", false, LogPart::default());
            let log = String::from_utf8(log.unwrap_or_default()).expect("text");
            if log.contains(text) {
                return log;
            }
            assert!(Instant::now() < end, "{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Events on a pod as `reason: message`, in their order.
    pub(super) async fn events(&self, pod: &str) -> Vec<String> {
        let events = Api::<Event>::namespaced(self.client.clone(), "flyte");
        let found = events.list(&ListParams::default()).await.expect("events");
        let mut found: Vec<Event> = found
            .items
            .into_iter()
            .filter(|event| event.involved_object.name.as_deref() == Some(pod))
            .collect();
        found.sort_by_key(ResourceExt::name_any);
        let words = |event: &Event| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{} {}: {}",
                text(&event.type_),
                text(&event.reason),
                text(&event.message)
            )
        };
        found.iter().map(words).collect()
    }
}

pub(super) fn shell(name: &str, line: &str) -> Value {
    json!({"name": name, "command": ["sh", "-c", line]})
}

pub(super) fn condition(pod: &Pod, kind: &str) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == kind && condition.status == "True")
}

/// The status of the container `foo`.
pub(super) fn foo(pod: &Pod) -> Option<&ContainerStatus> {
    let status = pod.status.as_ref()?;
    let mut all = status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses)
        .flatten();
    all.find(|container| container.name == "foo")
}

/// The reason and the message for which the container `foo` waits.
pub(super) fn waits(pod: &Pod) -> Option<(String, String)> {
    let waiting = foo(pod)?.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.clone()?, waiting.message.clone().unwrap_or_default()))
}

/// Whether there is such a process, and more than a zombie of it.
pub(super) fn runs(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
