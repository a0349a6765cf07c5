//! How the pods of a service are reached, and what their specification asks for and a process on this machine does not
//! have, as one log line per service.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::addresses::Addressing;
use crate::controllers::selector::selects;

/// Fields of a pod, by their names in Kubernetes.
const OF_POD: [&str; 18] = [
    "activeDeadlineSeconds",
    "affinity",
    "dnsConfig",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "imagePullSecrets",
    "nodeSelector",
    "overhead",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "runtimeClassName",
    "securityContext",
    "shareProcessNamespace",
    "tolerations",
    "topologySpreadConstraints",
];

/// Fields of a container.
const OF_CONTAINER: [&str; 3] = ["resizePolicy", "securityContext", "volumeDevices"];

/// The services whose line is logged.
#[derive(Debug)]
pub(super) struct Logged {
    addressing: Addressing,
    /// By the uid of what controls the pods.
    services: Mutex<BTreeSet<String>>,
}

impl Logged {
    pub(super) fn new(addressing: Addressing) -> Self {
        Self {
            addressing,
            services: Mutex::default(),
        }
    }

    fn is_new(&self, uid: String) -> bool {
        self.services.lock().unwrap_or_else(PoisonError::into_inner).insert(uid)
    }

    /// Logs the line of a pod's service, unless that was done.
    pub(super) async fn log(&self, client: &Client, pod: &Pod) {
        let owner = pod
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true));
        let (name, uid) = owner.map_or_else(
            || (pod.name_any(), pod.uid().unwrap_or_default()),
            |owner| (owner.name.clone(), owner.uid.clone()),
        );
        if !self.is_new(uid) {
            return;
        }
        let mut without = missing(pod);
        without.extend(policies(client, pod).await);
        let without = match without.join(", ") {
            without if without.is_empty() => without,
            without => format!(" Local mode runs them without: {without}."),
        };
        let (namespace, each) = (pod.namespace().unwrap_or_default(), self.addressing.words());
        tracing::info!(
            service = %name,
            %namespace,
            "The replicas of data service {name} are processes on this machine, {each}.{without}"
        );
    }
}

/// What a pod asks for, in the order of its specification. Values that the API server fills in ask for nothing.
fn missing(pod: &Pod) -> Vec<String> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let mut missing = images(spec);
    let resources: BTreeSet<String> = containers(spec).flat_map(resources).collect();
    missing.extend(resources);
    let mut object = serde_json::to_value(spec).unwrap_or_default();
    // Every pod tolerates a lost node for a while.
    let tolerations = spec.tolerations.iter().flatten();
    let own = tolerations.filter(|toleration| {
        let key = toleration.key.as_deref().unwrap_or_default();
        !key.starts_with("node.kubernetes.io/")
    });
    object["tolerations"] = serde_json::to_value(own.collect::<Vec<_>>()).unwrap_or_default();
    missing.extend(
        OF_POD
            .iter()
            .filter(|field| asks(&object[**field]))
            .map(|field| (*field).to_owned()),
    );
    for field in OF_CONTAINER {
        let is_asked = containers(spec)
            .filter_map(|container| serde_json::to_value(container).ok())
            .any(|container| asks(&container[field]));
        if is_asked && !missing.iter().any(|known| known == field) {
            missing.push(field.to_owned());
        }
    }
    missing
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

fn images(spec: &PodSpec) -> Vec<String> {
    let images: BTreeSet<&str> = containers(spec)
        .filter_map(|container| container.image.as_deref())
        .collect();
    images.into_iter().map(|image| format!("image {image}")).collect()
}

/// The amounts that a container asks for or is limited to, and its accelerators by name.
fn resources(container: &Container) -> Vec<String> {
    let resources = container.resources.clone().unwrap_or_default();
    let kinds = [("limits", resources.limits), ("requests", resources.requests)];
    let mut found = Vec::new();
    for (kind, amounts) in kinds {
        for resource in amounts.unwrap_or_default().into_keys() {
            // Kubernetes's own resources have no domain.
            let accelerator = resource.contains('/') && !resource.starts_with("kubernetes.io/");
            found.push(if accelerator { resource } else { kind.to_owned() });
        }
    }
    found
}

fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(|value| !value.is_null()),
        _ => true,
    }
}

/// The network policies that a pod has.
async fn policies(client: &Client, pod: &Pod) -> Vec<String> {
    let policies = Api::<NetworkPolicy>::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let Ok(policies) = policies.list(&ListParams::default()).await else {
        return Vec::new();
    };
    let of_pod = policies.items.into_iter().filter(|policy| {
        let selector = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
        selector.is_none_or(|selector| selects(selector, pod.metadata.labels.as_ref()))
    });
    of_pod
        .map(|policy| format!("NetworkPolicy {}", policy.name_any()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn missing(spec: &Value) -> Vec<String> {
        super::missing(&serde_json::from_value(json!({"metadata": {}, "spec": spec})).expect("a pod"))
    }

    #[test]
    fn each_thing_is_named_once() {
        let container = json!({
            "name": "a", "image": "r/i:1", "resources": {
                "limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"},
            },
            "securityContext": {"runAsUser": 1001},
        });
        let spec = json!({
            "containers": [container, container], "nodeSelector": {"disk": "ssd"}, "runtimeClassName": "gvisor",
            "tolerations": [{"key": "gpu", "operator": "Exists"}], "securityContext": {"fsGroup": 1},
        });
        let wanted = [
            "image r/i:1",
            "limits",
            "nvidia.com/gpu",
            "nodeSelector",
            "runtimeClassName",
            "securityContext",
            "tolerations",
        ];
        assert_eq!(missing(&spec), wanted);
    }

    #[test]
    fn defaults_of_the_api_server_count_as_unset() {
        let spec = json!({
            "containers": [{"name": "a", "resources": {}, "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}],
            "dnsPolicy": "ClusterFirst", "hostNetwork": false, "schedulerName": "default-scheduler", "securityContext": {},
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}], "enableServiceLinks": true, "terminationGracePeriodSeconds": 30, "restartPolicy": "Always",
        });
        assert_eq!(missing(&spec), Vec::<String>::new());
    }
}
