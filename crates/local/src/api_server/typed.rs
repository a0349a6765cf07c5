//! Objects as Kubernetes's types have them: without fields that they do not know, and without empty ones.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, ResourceQuota, Secret,
    Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kinds::KindOfObject;
use super::refusal::Refusal;

/// Maps whose values are texts or amounts. An empty one is no value; an empty one of another type may be a choice.
pub(super) const MAPS: [&str; 17] = [
    "allocatable",
    "annotations",
    "binaryData",
    "capacity",
    "data",
    "hard",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "overhead",
    "parameters",
    "requests",
    "selector",
    "stringData",
    "used",
    "volumeAttributes",
];

/// Switches that are off where they are not set.
const OFF: [&str; 9] = [
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "publishNotReadyAddresses",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
    "unschedulable",
];

/// Numbers that are zero where they are not set.
const ZERO: [&str; 15] = [
    "count",
    "currentReplicas",
    "failureThreshold",
    "hostPort",
    "initialDelaySeconds",
    "minReadySeconds",
    "nodePort",
    "observedGeneration",
    "periodSeconds",
    "readyReplicas",
    "signal",
    "successThreshold",
    "timeoutSeconds",
    "updatedReplicas",
    "terminatingReplicas",
];

/// Texts that mean something if they are empty, or are always there.
const KEPT_TEXTS: [&str; 4] = [
    "storageClassName",
    "serviceName",
    "reportingComponent",
    "reportingInstance",
];

/// Reads an object of a kind as the server does.
pub(super) fn read(kind: &KindOfObject, mut object: Value) -> Result<Value, Refusal> {
    if !object.is_object() {
        return Err(Refusal::bad_request(
            "the object provided is unrecognized (must be of type Object)",
        ));
    }
    for (key, expected) in [("kind", kind.kind.to_string()), ("apiVersion", kind.api_version())] {
        match object[key].as_str() {
            None | Some("") => object[key] = json!(expected),
            Some(found) if found == expected => {}
            Some(found) => {
                let message = format!(
                    "the {} in the data ({found}) does not match the expected {} ({expected})",
                    if key == "kind" { "kind" } else { "API version" },
                    if key == "kind" { "kind" } else { "API version" },
                );
                return Err(Refusal::bad_request(message));
            }
        }
    }
    amounts_as_texts(&mut object);
    let result = match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "Namespace") => through::<Namespace>(object),
        ("", "Pod") => through::<Pod>(object),
        ("", "ServiceAccount") => through::<ServiceAccount>(object),
        ("", "Service") => through::<Service>(object),
        ("", "Event") => through::<Event>(object),
        ("", "Secret") => through::<Secret>(object),
        ("", "ConfigMap") => through::<ConfigMap>(object),
        ("", "Node") => through::<Node>(object),
        ("", "PersistentVolumeClaim") => through::<PersistentVolumeClaim>(object),
        ("", "PersistentVolume") => through::<PersistentVolume>(object),
        ("", "ResourceQuota") => through::<ResourceQuota>(object),
        ("", "LimitRange") => through::<LimitRange>(object),
        ("apps", "StatefulSet") => through::<StatefulSet>(object),
        ("apps", "ControllerRevision") => through::<ControllerRevision>(object),
        ("discovery.k8s.io", _) => through::<EndpointSlice>(object),
        ("policy", _) => through::<PodDisruptionBudget>(object),
        ("networking.k8s.io", _) => through::<NetworkPolicy>(object),
        ("coordination.k8s.io", _) => through::<Lease>(object),
        ("scheduling.k8s.io", _) => through::<PriorityClass>(object),
        ("storage.k8s.io", _) => through::<StorageClass>(object),
        _ => return of_custom_kind(object),
    };
    let mut object = result.map_err(|error| {
        let (kind, version) = (&kind.kind, &kind.version);
        Refusal::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {error}"
        ))
    })?;
    prune(&mut object);
    Ok(object)
}

/// An object of a kind that the server was given. Of its fields it knows the metadata alone.
fn of_custom_kind(mut object: Value) -> Result<Value, Refusal> {
    if !object["metadata"].is_null() {
        let metadata = through::<ObjectMeta>(object["metadata"].take());
        object["metadata"] = metadata.map_err(|error| Refusal::bad_request(format!("metadata: {error}")))?;
        prune(&mut object["metadata"]);
    }
    Ok(object)
}

fn through<K: Serialize + DeserializeOwned>(object: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<K>(object)?)
}

/// An amount can be written as a number.
fn amounts_as_texts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Object(amounts) if matches!(key.as_str(), "limits" | "requests" | "hard" | "capacity") => {
                        for amount in amounts.values_mut().filter(|amount| amount.is_number()) {
                            *amount = json!(amount.to_string());
                        }
                    }
                    Value::Number(amount) if key == "sizeLimit" => *value = json!(amount.to_string()),
                    other => amounts_as_texts(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(amounts_as_texts),
        _ => {}
    }
}

/// Removes what Go leaves out when it is empty.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.retain(|key, value| {
            // Texts and amounts by name: an empty value of a label is one.
            let is_map = MAPS.contains(&key.as_str());
            if !is_map {
                prune(value);
            }
            match value {
                Value::Null => false,
                Value::Bool(is_on) => *is_on || !OFF.contains(&key.as_str()),
                Value::Number(number) => number.as_f64() != Some(0.0) || !ZERO.contains(&key.as_str()),
                Value::String(text) => !text.is_empty() || KEPT_TEXTS.contains(&key.as_str()),
                Value::Array(items) => !items.is_empty(),
                // An empty selector selects everything.
                Value::Object(fields) => !fields.is_empty() || !is_map || key == "selector",
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}
