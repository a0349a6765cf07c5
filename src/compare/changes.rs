//! The changes that an update makes to an object, in the words of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{COUNT_VARIABLE, Detail, FIELDS, Field, FieldPlace, MAIN_PORT_NAME, field_named};
use crate::identity::labels::{APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL, is_own_annotation};
use crate::resources::quantity::{Amounts, billionths, same_amounts};

/// The plugin's own labels, which no message needs to mention.
const OUR_LABELS: [&str; 3] = [INSTANCE_LABEL, APP_LABEL, MANAGED_BY_LABEL];

/// The variables that follow from other fields.
const VARIABLES: [&str; 3] = ["GE_BASE_PORT", COUNT_VARIABLE, "SERVER_PORT"];

/// Where something of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    /// In the service's own container.
    Container,
    /// In the template of its pods.
    Template,
    /// In one of its objects.
    Object,
}

/// The paths of the fields that messages name, up to the first list in each.
static PLACES: LazyLock<Vec<(Root, Vec<&str>, &Field)>> = LazyLock::new(|| {
    let named = FIELDS.iter().filter(|field| field.detail != Detail::Nothing);
    named
        .flat_map(|field| field.places.iter().filter_map(move |place| row(field, place)))
        .collect()
});

fn row(field: &'static Field, place: &FieldPlace) -> Option<(Root, Vec<&'static str>, &'static Field)> {
    let (kind, path) = place.path.split_once('/').unwrap_or(("", place.path));
    let path = path.split('[').next().unwrap_or(path);
    let (root, path) = if let Some(path) = path.strip_prefix("own.") {
        (Root::Container, path.split('.').collect())
    } else if let Some(path) = path.strip_prefix("pod.") {
        (Root::Template, ["spec"].into_iter().chain(path.split('.')).collect())
    } else if let Some(path) = path.strip_prefix("spec.template.") {
        (Root::Template, path.split('.').collect())
    } else {
        (Root::Object, path.split('.').collect())
    };
    // Other objects are one field each.
    matches!(kind, "" | "Service").then_some((root, path, field))
}

/// The values of an object under the path of each.
type Leaves = BTreeMap<Vec<String>, Value>;

/// The differences between an object before and after a change, each as `Replicas 2 -> 4`, `Env.A is new` or `Command
/// has changed`. Both are as the API server returns them, so that both have its defaults.
#[must_use]
pub fn changes<K: Serialize>(before: &K, after: &K) -> Vec<String> {
    compared(before, after).map(|(_, change)| change).collect()
}

/// The changes that admission made to an object that was sent, each as in [`changes`]. Fields that were not sent are
/// not compared, since the API server fills in its defaults there. A pod is compared as the template that it comes
/// from; its own container has the name of the service.
#[must_use]
pub fn changed_by_admission(sent: &Value, made: &Value, service: &str) -> Vec<String> {
    let [sent, made] = [sent, made].map(|object| {
        let mut object = match object["kind"].as_str() {
            Some("Pod") => json!({"spec": {"template": object}}),
            _ => object.clone(),
        };
        object["metadata"]["name"] = service.into();
        object
    });
    let (sent, made) = (fields(&sent), fields(&made));
    let mut changes = Vec::new();
    for (name, mut sent) in sent {
        let mut made = made.get(&name).cloned().unwrap_or_default();
        made.retain(|path, _| sent.contains_key(path));
        // The API server leaves out empty values, and writes amounts in a form of its own.
        sent.retain(|path, value| match made.get(path) {
            None => !is_empty_value(value),
            Some(made) => !is_same_amount(value, made),
        });
        made.retain(|path, _| sent.contains_key(path));
        changes.extend(describe(&name, &sent, &made));
    }
    changes
}

fn is_empty_value(value: &Value) -> bool {
    match value {
        Value::Bool(is_set) => !is_set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether two values are one amount in two forms, such as `1024Mi` and `1Gi`.
fn is_same_amount(one: &Value, other: &Value) -> bool {
    let amount = |value: &Value| billionths(&Quantity(value.as_str()?.to_owned()));
    one != other && amount(one).is_some_and(|one| Some(one) == amount(other))
}

/// The fields that differ, without their values.
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

/// Describes how a field differs, if it does.
fn describe(name: &str, before: &Leaves, after: &Leaves) -> Option<String> {
    let is_amount = name.starts_with("Requests.") || name.starts_with("Limits.");
    if before == after || (is_amount && same_amounts(&amounts(before), &amounts(after))) {
        return None;
    }
    // Of a port it is the number that counts.
    let show = |leaves: &Leaves| match leaves
        .values()
        .find(|value| value.is_number())
        .or(leaves.values().next())
    {
        Some(Value::String(text)) => format!(" {text}"),
        Some(other) => format!(" {other}"),
        None => String::new(),
    };
    let shows_value = is_amount || detail(name) == Some(Detail::Value);
    let show = |leaves: &Leaves| if shows_value { show(leaves) } else { String::new() };
    Some(match (before.is_empty(), after.is_empty()) {
        (true, _) => format!("{name}{} is new", show(after)),
        (_, true) => format!("{name}{} is gone", show(before)),
        _ if shows_value && show(before) != show(after) => format!("{name}{} ->{}", show(before), show(after)),
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
        // Named items are matched by name, whatever their position in the list.
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

/// The name of a path in the words of the configuration, if messages name it.
fn name(path: &[String], own: &str) -> Option<String> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (root, inside) = match &path[..] {
        ["spec", "template", "spec", "containers", name, inside @ ..] if *name == own => (Root::Container, inside),
        ["spec", "template", inside @ ..] => (Root::Template, inside),
        whole => (Root::Object, whole),
    };
    let (field, part) = match find(root, inside) {
        Some((field, part)) => (field.name, part),
        None if root == Root::Object => return None,
        None => ("PodTemplate", inside),
    };
    let hidden = part.first().is_some_and(|part| match field {
        "Labels" => OUR_LABELS.contains(part),
        "Annotations" => is_own_annotation(part),
        "Env" => VARIABLES.contains(part),
        _ => false,
    });
    if hidden {
        return None;
    }
    Some(match part.first() {
        Some(part) if field == "Ports" && (*part == MAIN_PORT_NAME || *part == own) => "Port".to_owned(),
        Some(part) if has_parts(field) => format!("{field}.{part}"),
        Some(_) if field == "PodTemplate" => format!("{field}.{}", part.join(".")),
        _ => field.to_owned(),
    })
}

/// The field that a path leads to, and the rest of the path.
fn find<'a>(root: Root, path: &'a [&'a str]) -> Option<(&'static Field, &'a [&'a str])> {
    let mut places = PLACES.iter().filter(|(of, ..)| *of == root);
    places.find_map(|(_, place, field)| Some((*field, path.strip_prefix(&place[..])?)))
}

fn detail(field: &str) -> Option<Detail> {
    field_named(field).map(|field| field.detail)
}

fn has_parts(field: &str) -> bool {
    detail(field) == Some(Detail::Parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::HASH_ANNOTATION;

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
    fn differences_are_described_in_the_words_of_the_configuration() {
        let none = json!({});
        for (before, after, expected) in [
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
            assert_eq!(changes(&before, &after), expected);
        }
    }

    #[test]
    fn changes_of_admission_are_reported_and_defaults_of_the_server_are_not() {
        let container = |image: &str, more: &Value| {
            let mut all = json!({"image": image});
            for (key, value) in more.as_object().into_iter().flatten() {
                all[key] = value.clone();
            }
            all
        };
        let limits = |memory: &str| json!({"resources": {"limits": {"memory": memory}}, "stdin": false});
        let sent = set(&container("busybox:1", &limits("1024Mi")), 2);
        let mut made = set(
            &container(
                "mirror/busybox:1",
                &json!({"resources": {"limits": {"memory": "1Gi"}}, "imagePullPolicy": "Always"}),
            ),
            2,
        );
        made["spec"]["revisionHistoryLimit"] = 10.into();
        let changed = ["Image busybox:1 -> mirror/busybox:1"];
        assert_eq!(changed_by_admission(&sent, &made, "foo"), changed);
        let pod = |set: &Value| {
            let mut pod = set["spec"]["template"].clone();
            pod["kind"] = "Pod".into();
            pod["metadata"]["name"] = "foo-0".into();
            pod
        };
        assert_eq!(changed_by_admission(&pod(&sent), &pod(&made), "foo"), changed);
        let less = set(&container("busybox:1", &json!({})), 2);
        assert_eq!(
            changed_by_admission(&sent, &less, "foo"),
            ["Limits.memory 1024Mi is gone"]
        );
        assert!(changed_by_admission(&sent, &sent, "foo").is_empty());
    }

    #[test]
    fn pods_are_replaced_where_their_template_differs() {
        let none = json!({});
        assert!(!replaces_pods(&set(&none, 2), &set(&none, 4)));
        assert!(replaces_pods(&set(&none, 2), &set(&json!({"image": "busybox:2"}), 2)));
    }
}
