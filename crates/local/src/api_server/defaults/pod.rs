//! The defaults of pods, and of the templates that pods are made from.

use serde_json::{Value, json};

use super::{list, or, or_number};
use crate::api_server::value::{has, items, text};

/// Sources of volumes whose files have a mode.
const WITH_MODE: [&str; 4] = ["secret", "configMap", "downwardAPI", "projected"];

/// Probes of a container.
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// Fills in the defaults of a pod.
pub(super) fn fill(pod: &mut Value) {
    let spec = &mut pod["spec"];
    fill_spec(spec);
    or(spec, "enableServiceLinks", json!(true));
    for containers in ["initContainers", "containers"] {
        for container in list(spec, containers) {
            let limits = container["resources"]["limits"].as_object().cloned();
            for (resource, limit) in limits.into_iter().flatten() {
                or(&mut container["resources"]["requests"], &resource, limit);
            }
        }
    }
}

/// Fills in what admission gives to a new pod.
pub(super) fn admit(pod: &mut Value) {
    let spec = &mut pod["spec"];
    or(spec, "serviceAccountName", json!("default"));
    let account = spec["serviceAccountName"].clone();
    or(spec, "serviceAccount", account);
    or(spec, "priority", json!(0));
    or(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let is_tolerated = items(spec, "/tolerations").iter().any(|toleration| {
            let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
            (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        });
        if !is_tolerated {
            or(spec, "tolerations", json!([]));
            if let Some(tolerations) = spec["tolerations"].as_array_mut() {
                tolerations
                    .push(json!({"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
}

/// The class by which a pod is evicted.
pub(super) fn quality_of_service(pod: &Value) -> &'static str {
    let containers = items(pod, "/spec/initContainers")
        .iter()
        .chain(items(pod, "/spec/containers"));
    let resources: Vec<&Value> = containers.map(|container| &container["resources"]).collect();
    let of = |resources: &Value, side: &str, name: &str| resources[side].get(name).cloned();
    let counted = ["cpu", "memory"];
    let sides = ["limits", "requests"];
    let any = |resources: &&Value| {
        sides
            .iter()
            .any(|side| counted.iter().any(|name| of(resources, side, name).is_some()))
    };
    let is_guaranteed = |resources: &&Value| {
        counted.iter().all(|name| {
            let limit = of(resources, "limits", name);
            limit.is_some() && limit == of(resources, "requests", name)
        })
    };
    if !resources.iter().any(any) {
        "BestEffort"
    } else if resources.iter().all(is_guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Fills in the defaults that pods and templates share.
pub(super) fn fill_spec(spec: &mut Value) {
    or(spec, "restartPolicy", json!("Always"));
    or(spec, "dnsPolicy", json!("ClusterFirst"));
    or(spec, "terminationGracePeriodSeconds", json!(30));
    or(spec, "schedulerName", json!("default-scheduler"));
    or(spec, "securityContext", json!({}));
    // The field's old name is written beside the new one.
    let names = ["serviceAccountName", "serviceAccount"];
    let account = names.map(|name| spec[name].clone());
    if let Some(account) = account.into_iter().find(Value::is_string) {
        for name in names {
            spec[name] = account.clone();
        }
    }
    let is_on_host_network = spec["hostNetwork"] == true;
    for containers in ["initContainers", "containers"] {
        for container in list(spec, containers) {
            fill_container(container, is_on_host_network);
        }
    }
    list(spec, "volumes").for_each(fill_volume);
}

fn fill_container(container: &mut Value, is_on_host_network: bool) {
    let policy = if is_latest(text(container, "/image")) {
        "Always"
    } else {
        "IfNotPresent"
    };
    or(container, "imagePullPolicy", json!(policy));
    or(container, "terminationMessagePath", json!("/dev/termination-log"));
    or(container, "terminationMessagePolicy", json!("File"));
    or(container, "resources", json!({}));
    for port in list(container, "ports") {
        or(port, "protocol", json!("TCP"));
        if is_on_host_network {
            let number = port["containerPort"].clone();
            or(port, "hostPort", number);
        }
    }
    for variable in list(container, "env") {
        fill_references(&mut variable["valueFrom"]);
        remove_null(variable, "valueFrom");
    }
    for probe in PROBES {
        if has(container, &format!("/{probe}")) {
            fill_probe(&mut container[probe]);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(action) = container.pointer_mut(&format!("/lifecycle/{hook}/httpGet")) {
            fill_http(action);
        }
    }
}

/// Whether an image has the tag `latest`, which one without a tag and a digest has.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
}

fn fill_references(source: &mut Value) {
    if let Some(field) = source.get_mut("fieldRef") {
        or(field, "apiVersion", json!("v1"));
    }
    if let Some(resource) = source.get_mut("resourceFieldRef") {
        or(resource, "divisor", json!("0"));
    }
}

/// Indexing writes a null where there is nothing.
fn remove_null(object: &mut Value, key: &str) {
    if let Value::Object(fields) = object
        && fields.get(key).is_some_and(Value::is_null)
    {
        fields.remove(key);
    }
}

fn fill_probe(probe: &mut Value) {
    or_number(probe, "timeoutSeconds", 1);
    or_number(probe, "periodSeconds", 10);
    or_number(probe, "successThreshold", 1);
    or_number(probe, "failureThreshold", 3);
    if let Some(action) = probe.get_mut("httpGet") {
        fill_http(action);
    }
    if let Some(action) = probe.get_mut("grpc") {
        or(action, "service", json!(""));
    }
}

fn fill_http(action: &mut Value) {
    or(action, "path", json!("/"));
    or(action, "scheme", json!("HTTP"));
}

fn fill_volume(volume: &mut Value) {
    let has_source = volume
        .as_object()
        .is_some_and(|fields| fields.keys().any(|key| key != "name"));
    if !has_source {
        volume["emptyDir"] = json!({});
    }
    for source in WITH_MODE {
        if let Some(source) = volume.get_mut(source) {
            or(source, "defaultMode", json!(0o644));
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        or(path, "type", json!(""));
    }
    if let Some(spec) = volume.pointer_mut("/ephemeral/volumeClaimTemplate/spec") {
        or(spec, "volumeMode", json!("Filesystem"));
    }
    if let Some(source) = volume.get_mut("downwardAPI") {
        list(source, "items").for_each(fill_references);
    }
    if let Some(projected) = volume.get_mut("projected") {
        for source in list(projected, "sources") {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                or(token, "expirationSeconds", json!(3600));
            }
            if let Some(source) = source.get_mut("downwardAPI") {
                list(source, "items").for_each(fill_references);
            }
        }
    }
}
