//! The Node object, by which others know that there is a node.

use std::time::Duration;

use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::sleep;

use super::options::NodeOptions;
use crate::clock::Clock;

const RETRY: Duration = Duration::from_secs(1);

/// Makes the object, however often it takes.
pub(super) async fn register(client: Client, clock: Clock, options: NodeOptions) {
    let nodes = Api::<k8s_openapi::api::core::v1::Node>::all(client);
    loop {
        match create(&nodes, clock, &options).await {
            Ok(()) => return,
            Err(error) => tracing::debug!("the local node cannot be registered: {error}"),
        }
        sleep(RETRY).await;
    }
}

async fn create(
    nodes: &Api<k8s_openapi::api::core::v1::Node>,
    clock: Clock,
    options: &NodeOptions,
) -> Result<(), kube::Error> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": options.name, "labels": {
            "kubernetes.io/hostname": options.name, "kubernetes.io/arch": architecture, "kubernetes.io/os": system,
        }},
    });
    let node = serde_json::from_value(node).map_err(kube::Error::SerdeError)?;
    match nodes.create(&PostParams::default(), &node).await {
        Err(kube::Error::Api(answer)) if answer.is_already_exists() => {}
        answer => drop(answer?),
    }
    let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(clock.now());
    let status = json!({"status": {
        "capacity": options.capacity, "allocatable": options.capacity,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": options.name}],
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the node runs processes",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
        "nodeInfo": {
            "architecture": architecture, "operatingSystem": system, "bootID": "",
            "containerRuntimeVersion": "process://1",
            "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.36.0", "machineID": "", "osImage": "",
            "systemUUID": "",
        },
    }});
    nodes
        .patch_status(&options.name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .map(drop)
}
