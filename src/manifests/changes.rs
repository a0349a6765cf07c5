//! What an update does to an object, in the words of the configuration.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;
use serde_json::Value;

use crate::names::{
    ABANDONED_ANNOTATION, ADOPTED_ANNOTATION, APP_LABEL, CALL_ANNOTATION, DELETE_AFTER_ANNOTATION,
    EXECUTION_ANNOTATION, HASH_ANNOTATION, INSTANCE_LABEL, MANAGED_BY_LABEL, OWN_ANNOTATIONS_ANNOTATION,
    OWN_LABELS_ANNOTATION, OWNER_ANNOTATION, OWNS_ANNOTATION,
};
use crate::quantity::{Amounts, same_amounts};
use crate::spec::MAIN_PORT_NAME;

/// What is ours alone, so that nobody needs to be told of it.
const OURS: [&str; 13] = [
    CALL_ANNOTATION,
    ABANDONED_ANNOTATION,
    ADOPTED_ANNOTATION,
    OWN_LABELS_ANNOTATION,
    OWN_ANNOTATIONS_ANNOTATION,
    OWNS_ANNOTATION,
    OWNER_ANNOTATION,
    EXECUTION_ANNOTATION,
    HASH_ANNOTATION,
    DELETE_AFTER_ANNOTATION,
    INSTANCE_LABEL,
    APP_LABEL,
    MANAGED_BY_LABEL,
];

/// The variables that follow from other fields.
const VARIABLES: [&str; 3] = ["GE_BASE_PORT", "GE_COUNT", "SERVER_PORT"];

/// The fields of the service's own container.
const OF_CONTAINER: [(&str, &str); 16] = [
    ("image", "Image"),
    ("command", "Command"),
    ("args", "Args"),
    ("env", "Env"),
    ("envFrom", "EnvFrom"),
    ("ports", "Ports"),
    ("resources.requests", "Requests"),
    ("resources.limits", "Limits"),
    ("readinessProbe", "ReadinessProbe"),
    ("livenessProbe", "LivenessProbe"),
    ("startupProbe", "StartupProbe"),
    ("lifecycle.preStop", "PreStop"),
    ("imagePullPolicy", "ImagePullPolicy"),
    ("securityContext", "SecurityContext"),
    ("volumeMounts", "Volumes"),
    ("", "PodTemplate"),
];

/// The fields of its pods.
const OF_POD: [(&str, &str); 19] = [
    ("metadata.labels", "Labels"),
    ("metadata.annotations", "Annotations"),
    ("spec.initContainers", "InitContainers"),
    ("spec.containers", "Sidecars"),
    ("spec.volumes", "Volumes"),
    ("spec.serviceAccount", "ServiceAccount"),
    ("spec.serviceAccountName", "ServiceAccount"),
    ("spec.imagePullSecrets", "ImagePullSecrets"),
    ("spec.nodeSelector", "NodeSelector"),
    ("spec.tolerations", "Tolerations"),
    ("spec.affinity", "Affinity"),
    ("spec.topologySpreadConstraints", "TopologySpreadConstraints"),
    ("spec.priorityClassName", "PriorityClass"),
    ("spec.runtimeClassName", "RuntimeClass"),
    ("spec.securityContext", "PodSecurityContext"),
    ("spec.terminationGracePeriodSeconds", "TerminationGracePeriodSeconds"),
    ("spec.dnsConfig", "DnsConfig"),
    ("spec.dnsPolicy", "DnsPolicy"),
    ("", "PodTemplate"),
];

/// The fields of its objects.
const OF_OBJECT: [(&str, &str); 10] = [
    ("metadata.labels", "Labels"),
    ("metadata.annotations", "Annotations"),
    ("spec.replicas", "Replicas"),
    ("spec.minReadySeconds", "MinReadySeconds"),
    ("spec.podManagementPolicy", "PodManagementPolicy"),
    ("spec.volumeClaimTemplates", "VolumeClaimTemplates"),
    ("spec.updateStrategy", "UpdateStrategy"),
    (
        "spec.persistentVolumeClaimRetentionPolicy",
        "PersistentVolumeClaimRetentionPolicy",
    ),
    ("spec.ports", "Ports"),
    ("spec.publishNotReadyAddresses", "PublishNotReadyAddresses"),
];

/// Fields of which each part is told by its own name, such as `Env.A`.
const PARTED: [&str; 6] = ["Env", "Ports", "Requests", "Limits", "Labels", "Annotations"];

/// Fields whose values may be told. Whatever else may hold a secret, or is too long to be read.
const TELLABLE: [&str; 9] = [
    "Image",
    "Replicas",
    "Port",
    "MinReadySeconds",
    "ImagePullPolicy",
    "ServiceAccount",
    "PriorityClass",
    "RuntimeClass",
    "TerminationGracePeriodSeconds",
];

/// The values of an object under the path of each.
type Leaves = BTreeMap<Vec<String>, Value>;

/// What differs between an object before and after it was changed, each as `Replicas 2 -> 4`, `Env.A is new` or `Command has
/// changed`. Both are as the API server tells of them, so that what it fills in is in both.
#[must_use]
pub fn changes<K: Serialize>(before: &K, after: &K) -> Vec<String> {
    compared(before, after).map(|(_, change)| change).collect()
}

/// The fields that differ, without what they hold.
pub(super) fn changed<K: Serialize>(before: &K, after: &K) -> Vec<String> {
    compared(before, after).map(|(name, _)| name).collect()
}

/// Each field that differs, and how.
fn compared<K: Serialize>(before: &K, after: &K) -> impl Iterator<Item = (String, String)> {
    let [before, after] = [before, after].map(fields);
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    names.into_iter().filter_map(move |name| {
        let side = |of: &BTreeMap<String, Leaves>| of.get(&name).cloned().unwrap_or_default();
        let change = describe(&name, &side(&before), &side(&after))?;
        Some((name, change))
    })
}

/// Whether the pods of a `StatefulSet` have to be replaced.
#[must_use]
pub fn replaces_pods<K: Serialize>(before: &K, after: &K) -> bool {
    let [before, after] = [before, after].map(value);
    before["spec"]["template"] != after["spec"]["template"]
}

fn value<K: Serialize>(object: &K) -> Value {
    // An object of Kubernetes always serializes.
    serde_json::to_value(object).unwrap_or_default()
}

/// Says how a field differs, if it does.
fn describe(name: &str, before: &Leaves, after: &Leaves) -> Option<String> {
    let is_amount = name.starts_with("Requests.") || name.starts_with("Limits.");
    if before == after || (is_amount && same_amounts(&amounts(before), &amounts(after))) {
        return None;
    }
    // Of a port it is the number that counts.
    let tell = |leaves: &Leaves| match leaves
        .values()
        .find(|value| value.is_number())
        .or(leaves.values().next())
    {
        Some(Value::String(text)) => format!(" {text}"),
        Some(other) => format!(" {other}"),
        None => String::new(),
    };
    let tellable = is_amount || TELLABLE.contains(&name);
    let tell = |leaves: &Leaves| if tellable { tell(leaves) } else { String::new() };
    Some(match (before.is_empty(), after.is_empty()) {
        (true, _) => format!("{name}{} is new", tell(after)),
        (_, true) => format!("{name}{} is gone", tell(before)),
        _ if tellable && tell(before) != tell(after) => format!("{name}{} ->{}", tell(before), tell(after)),
        _ => format!("{name} has changed"),
    })
}

fn amounts(leaves: &Leaves) -> Amounts {
    let amount = |(path, value): (&Vec<String>, &Value)| {
        let name = path.last().cloned().unwrap_or_default();
        (name, Quantity(value.as_str().unwrap_or_default().to_owned()))
    };
    leaves.iter().map(amount).collect()
}

/// The fields of the configuration that an object has, each with the values that it stands for.
fn fields<K: Serialize>(object: &K) -> BTreeMap<String, Leaves> {
    let object = value(object);
    let own = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut leaves = Leaves::new();
    flatten(&object, &mut Vec::new(), &mut leaves);
    let mut fields = BTreeMap::<String, Leaves>::new();
    for (path, value) in leaves {
        if let Some(name) = name(&path, own) {
            fields.entry(name).or_default().insert(path, value);
        }
    }
    fields
}

fn flatten(value: &Value, path: &mut Vec<String>, into: &mut Leaves) {
    let mut below = |key: String, value: &Value| {
        path.push(key);
        flatten(value, path, into);
        path.pop();
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| below(key.clone(), value)),
        // Things with names are told apart by them, wherever they stand in their list.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let key = item["name"]
                    .as_str()
                    .map_or_else(|| index.to_string(), ToOwned::to_owned);
                below(key, item);
            }
        }
        Value::Null => {}
        // The API server does not keep it.
        Value::String(empty) if empty.is_empty() => {}
        leaf => {
            into.insert(path.clone(), leaf.clone());
        }
    }
}

/// The name of a place in the words of the configuration, where there is something to be told of it.
fn name(path: &[String], own: &str) -> Option<String> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (field, part) = match &path[..] {
        ["spec", "template", "spec", "containers", name, inside @ ..] if *name == own => find(inside, &OF_CONTAINER)?,
        ["spec", "template", inside @ ..] => find(inside, &OF_POD)?,
        whole => find(whole, &OF_OBJECT)?,
    };
    let hidden = part.first().is_some_and(|part| match field {
        "Labels" | "Annotations" => OURS.contains(part),
        "Env" => VARIABLES.contains(part),
        _ => false,
    });
    if hidden {
        return None;
    }
    Some(match part.first() {
        Some(part) if field == "Ports" && (*part == MAIN_PORT_NAME || *part == own) => "Port".to_owned(),
        Some(part) if PARTED.contains(&field) => format!("{field}.{part}"),
        Some(_) if field == "PodTemplate" => format!("{field}.{}", part.join(".")),
        _ => field.to_owned(),
    })
}

/// The field that a path leads to, and the rest of the path.
fn find<'a>(path: &'a [&'a str], fields: &[(&'static str, &'static str)]) -> Option<(&'static str, &'a [&'a str])> {
    fields.iter().find_map(|(place, field)| {
        let place: Vec<&str> = place.split('.').filter(|part| !part.is_empty()).collect();
        Some((*field, path.strip_prefix(&place[..])?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(container: &Value, replicas: i64) -> Value {
        let mut own = json!({"name": "foo", "image": "busybox:1"});
        for (key, value) in container.as_object().into_iter().flatten() {
            own[key] = value.clone();
        }
        json!({
            "metadata": {"name": "foo", "resourceVersion": replicas.to_string(), "annotations": {HASH_ANNOTATION: replicas.to_string()}},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [own]}}},
        })
    }

    #[test]
    fn what_differs_is_told_in_the_words_of_the_configuration() {
        let none = json!({});
        for (before, after, told) in [
            (set(&none, 2), set(&none, 4), vec!["Replicas 2 -> 4"]),
            (
                set(&none, 2),
                set(&json!({"image": "busybox:2"}), 2),
                vec!["Image busybox:1 -> busybox:2"],
            ),
            (
                set(&none, 2),
                set(&json!({"command": ["secret"]}), 2),
                vec!["Command is new"],
            ),
            (
                set(&json!({"command": ["secret"]}), 2),
                set(&none, 2),
                vec!["Command is gone"],
            ),
            (
                set(
                    &json!({"env": [{"name": "A", "value": "secret"}, {"name": "GE_COUNT", "value": "2"}]}),
                    2,
                ),
                set(
                    &json!({"env": [{"name": "B", "value": "secret"}, {"name": "GE_COUNT", "value": "4"}]}),
                    2,
                ),
                vec!["Env.A is gone", "Env.B is new"],
            ),
            (
                set(&json!({"ports": [{"name": "graph-engine", "containerPort": 1}]}), 2),
                set(
                    &json!({"ports": [{"name": "graph-engine", "containerPort": 2}, {"name": "x", "containerPort": 3}]}),
                    2,
                ),
                vec!["Port 1 -> 2", "Ports.x is new"],
            ),
            (
                set(&json!({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}), 2),
                set(
                    &json!({"resources": {"requests": {"cpu": "1000m", "memory": "2Gi"}}}),
                    2,
                ),
                vec!["Requests.memory 1Gi -> 2Gi"],
            ),
            (
                set(&none, 2),
                set(&json!({"stdin": true}), 2),
                vec!["PodTemplate.stdin is new"],
            ),
        ] {
            assert_eq!(changes(&before, &after), told);
        }
    }

    #[test]
    fn pods_are_replaced_where_their_template_differs() {
        let none = json!({});
        assert!(!replaces_pods(&set(&none, 2), &set(&none, 4)));
        assert!(replaces_pods(&set(&none, 2), &set(&json!({"image": "busybox:2"}), 2)));
    }
}
