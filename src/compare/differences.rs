//! The differences between a running service and the requested one, in the words of the configuration.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements};

use serde_json::{Map, Value};

use super::changes::changed;
use crate::config::FIELDS;
use crate::identity::labels::{OWN_ANNOTATIONS_ANNOTATION, OWN_LABELS_ANNOTATION, OWNS_ANNOTATION};
use crate::resources::quantity::{Amounts, same_amounts};

/// The fields that are reported with their values.
const TOLD: [&str; 6] = ["Command", "Image", "Port", "Replicas", "Requests", "Limits"];

/// Keys of a pod that the API server never fills in, and that no field has a place for.
const OF_TEMPLATE: [&str; 3] = ["hostIPC", "hostNetwork", "hostPID"];

/// The annotation of a service with a value of its configuration, and the field of that.
const NOTED: [(&str, &str); 3] = [
    (OWN_LABELS_ANNOTATION, "Labels"),
    (OWN_ANNOTATIONS_ANNOTATION, "Annotations"),
    (OWNS_ANNOTATION, "PodDisruptionBudget or NetworkPolicy"),
];

/// The fields in which two services differ, each as `Image (busybox:1 there, busybox:2 wanted)`.
///
/// Of a Command only the index is shown, and of most fields only the name: they may hold a secret, and the service may
/// be somebody else's. Only the fields of `DataServiceConfig` are compared.
#[must_use]
pub fn differences(there: &StatefulSet, wanted: &StatefulSet) -> Vec<String> {
    let replicas = |object: &StatefulSet| {
        object
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1)
            .to_string()
    };
    let (container_there, container_wanted) = (container(there), container(wanted));
    let texts = [
        ("Image", image(&container_there), image(&container_wanted)),
        ("Port", port(&container_there), port(&container_wanted)),
        ("Replicas", replicas(there), replicas(wanted)),
    ];
    let sides: [(&str, Side); 2] = [("Requests", |all| all.requests), ("Limits", |all| all.limits)];
    let amounts = sides.map(|(field, side)| (field, amounts(&container_there, side), amounts(&container_wanted, side)));
    let texts = texts.into_iter().filter(|(_, there, wanted)| there != wanted);
    let amounts = amounts
        .into_iter()
        .filter(|(_, there, wanted)| !same_amounts(there, wanted))
        .map(|(field, there, wanted)| (field, listed(&there), listed(&wanted)));
    let described = texts
        .chain(amounts)
        .map(|(field, there, wanted)| format!("{field} ({} there, {} wanted)", or_none(&there), or_none(&wanted)));
    command(&container_there, &container_wanted)
        .into_iter()
        .chain(described)
        .chain(others(there, wanted))
        .collect()
}

/// The other fields, by their names.
fn others(there: &StatefulSet, wanted: &StatefulSet) -> impl Iterator<Item = String> {
    let note = |object: &StatefulSet, key: &str| object.metadata.annotations.as_ref()?.get(key).cloned();
    let noted = NOTED
        .into_iter()
        .filter(|(key, _)| note(there, key) != note(wanted, key));
    let noted: Vec<_> = noted.map(|(_, field)| field.to_owned()).collect();
    // A StatefulSet always serializes. The labels of an execution differ from run to run.
    let [there, wanted] = [there, wanted].map(|object| {
        let mut object = serde_json::to_value(object).unwrap_or_default();
        object["metadata"] = Value::from_iter([("name", object["metadata"]["name"].clone())]);
        // The API server does not keep it.
        if object["spec"]["minReadySeconds"] == 0 {
            object["spec"]["minReadySeconds"] = Value::Null;
        }
        if let Some(template) = object["spec"]["template"].as_object_mut() {
            template.remove("metadata");
        }
        object
    });
    let names = changed(&asked_for(&there, &wanted), &wanted).into_iter();
    let is_told = |name: &String| TOLD.contains(&name.split('.').next().unwrap_or_default());
    names.filter(move |name| !is_told(name)).chain(noted)
}

/// An existing object without the API server's defaults.
fn asked_for(there: &Value, wanted: &Value) -> Value {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            let kept = there.iter().filter_map(|(key, there)| match wanted.get(key) {
                Some(wanted) => Some((key.clone(), asked_for(there, wanted))),
                None => is_asked_for(key).then(|| (key.clone(), there.clone())),
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        (Value::Array(there), Value::Array(wanted)) => {
            let counterpart = |(index, there): (usize, &Value)| {
                let name = there.get("name").filter(|name| name.is_string());
                let named = name.and_then(|name| wanted.iter().find(|wanted| wanted.get("name") == Some(name)));
                let wanted = named.or_else(|| wanted.get(index).filter(|_| name.is_none()));
                wanted.map_or_else(|| there.clone(), |wanted| asked_for(there, wanted))
            };
            there.iter().enumerate().map(counterpart).collect()
        }
        _ => there.clone(),
    }
}

/// Whether an existing value was asked for, since the API server never defaults it.
fn is_asked_for(key: &str) -> bool {
    let mut places = FIELDS.iter().flat_map(|field| field.places);
    OF_TEMPLATE.contains(&key) || places.any(|place| place.asked_for && place.key() == key)
}

/// One side of a container's resources.
type Side = fn(ResourceRequirements) -> Option<Amounts>;

fn container(object: &StatefulSet) -> Container {
    let pod = object.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    pod.and_then(|pod| pod.containers.first()).cloned().unwrap_or_default()
}

fn image(container: &Container) -> String {
    container.image.clone().unwrap_or_default()
}

fn command(there: &Container, wanted: &Container) -> Option<String> {
    let words = |container: &Container| container.command.clone().unwrap_or_default();
    let (there, wanted) = (words(there), words(wanted));
    if there == wanted {
        return None;
    }
    let same = there
        .iter()
        .zip(&wanted)
        .take_while(|(one, other)| one == other)
        .count();
    Some(format!(
        "Command (from word {} on; {} words there, {} wanted)",
        same + 1,
        there.len(),
        wanted.len()
    ))
}

fn port(container: &Container) -> String {
    let port = container.ports.as_ref().and_then(|ports| ports.first());
    port.map_or_else(String::new, |port| port.container_port.to_string())
}

fn amounts(container: &Container, side: Side) -> Amounts {
    container.resources.clone().and_then(side).unwrap_or_default()
}

fn listed(amounts: &Amounts) -> String {
    amounts
        .iter()
        .map(|(name, amount)| format!("{name} {}", amount.0))
        .collect::<Vec<_>>()
        .join(" ")
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}
