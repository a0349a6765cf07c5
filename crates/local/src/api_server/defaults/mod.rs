//! The defaults that the server fills in, as Kubernetes 1.36 does.

mod pod;
mod quantity;
mod service;
mod stateful_set;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kinds::KindOfObject;
use super::value::{fields, has, name};

/// Fills in the defaults of an object.
pub(super) fn fill(kind: &KindOfObject, object: &mut Value) {
    if kind.is_custom() {
        return;
    }
    quantity::canonicalize(object);
    match &*kind.kind {
        "Pod" => pod::fill(object),
        "StatefulSet" => stateful_set::fill(object),
        "Service" => service::fill(object),
        "Namespace" => {
            let own = json!(name(object));
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = own;
        }
        "PersistentVolumeClaim" => or(&mut object["spec"], "volumeMode", json!("Filesystem")),
        "NetworkPolicy" => network_policy(&mut object["spec"]),
        "EndpointSlice" => {
            for port in list(object, "ports") {
                or(port, "name", json!(""));
                or(port, "protocol", json!("TCP"));
            }
        }
        "Secret" => secret(object),
        "StorageClass" => {
            or(object, "reclaimPolicy", json!("Delete"));
            or(object, "volumeBindingMode", json!("Immediate"));
        }
        "PriorityClass" => or(object, "preemptionPolicy", json!("PreemptLowerPriority")),
        _ => {}
    }
}

/// Fills in what admission gives to a new object.
pub(super) fn admit(kind: &KindOfObject, object: &mut Value) {
    match &*kind.kind {
        "Pod" if !kind.is_custom() => pod::admit(object),
        "Namespace" if !has(object, "/spec/finalizers") => object["spec"]["finalizers"] = json!(["kubernetes"]),
        _ => {}
    }
}

/// Keeps what the server has given to an object once.
pub(super) fn keep(kind: &KindOfObject, before: &Value, after: &mut Value) {
    if kind.is("", "Service") {
        service::keep(before, after);
    }
    if kind.is("", "Namespace") {
        // The finalizers of a namespace are a subresource of their own.
        after["spec"] = before["spec"].clone();
    }
}

/// The status of a new object.
pub(super) fn begin_status(kind: &KindOfObject, object: &mut Value) {
    // A kubelet makes its node with a status.
    if kind.is("", "Node") || !kind.has_status {
        return;
    }
    let status = match &*kind.kind {
        "Namespace" => json!({"phase": "Active"}),
        "Pod" => json!({"phase": "Pending", "qosClass": pod::quality_of_service(object)}),
        "StatefulSet" => json!({"replicas": 0, "availableReplicas": 0}),
        "Service" => json!({"loadBalancer": {}}),
        "PersistentVolumeClaim" | "PersistentVolume" => json!({"phase": "Pending"}),
        "PodDisruptionBudget" => {
            json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0})
        }
        "ResourceQuota" => json!({}),
        _ => Value::Null,
    };
    if status.is_null() {
        if let Value::Object(fields) = object {
            fields.remove("status");
        }
    } else {
        object["status"] = status;
    }
}

/// Writes a value where there is none.
fn or(object: &mut Value, key: &str, default: Value) {
    if object[key].is_null() {
        object[key] = default;
    }
}

/// Writes a number where there is none, or zero.
fn or_number(object: &mut Value, key: &str, default: i64) {
    if object[key].as_i64().unwrap_or_default() == 0 {
        object[key] = json!(default);
    }
}

/// The items of a list; none where there is none.
fn list<'a>(object: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    let items = object.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten()
}

fn network_policy(spec: &mut Value) {
    let mut types = vec!["Ingress"];
    if has(spec, "/egress") {
        types.push("Egress");
    }
    or(spec, "podSelector", json!({}));
    or(spec, "policyTypes", json!(types));
    for direction in ["ingress", "egress"] {
        for rule in list(spec, direction) {
            for port in list(rule, "ports") {
                or(port, "protocol", json!("TCP"));
            }
        }
    }
}

fn secret(secret: &mut Value) {
    or(secret, "type", json!("Opaque"));
    let Value::Object(all) = secret else { return };
    if let Some(Value::Object(texts)) = all.remove("stringData") {
        let data = fields(secret, "data");
        for (key, text) in texts {
            let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
            data.insert(key, json!(encoded));
        }
    }
}
