//! The rules that objects have to keep, in Kubernetes's words: those that a data service meets.

mod metadata;
mod pod;
mod stateful_set;

use serde_json::{Value, json};

use super::kinds::KindOfObject;
use super::refusal::{Cause, Refusal};
use super::update::Writer;
use super::value::{has, items, name, namespace, text};

/// Whether a PUT makes an object that does not exist.
pub(super) fn is_made_by_update(kind: &KindOfObject) -> bool {
    !kind.is_custom() && matches!(&*kind.kind, "Lease" | "Event" | "Service" | "LimitRange")
}

/// Whether a PUT without a version overwrites whatever is there.
pub(super) fn can_be_overwritten(kind: &KindOfObject) -> bool {
    !kind.is_custom() && !matches!(&*kind.kind, "Lease" | "PodDisruptionBudget")
}

/// Whether an object can be made.
pub(super) fn created(kind: &KindOfObject, object: &Value) -> Result<(), Refusal> {
    let mut causes = metadata::check(kind, object);
    if !kind.is_custom() {
        causes.extend(content(kind, object));
    }
    refuse(kind, object, &causes)
}

/// Whether an object can be changed like this.
pub(super) fn updated(kind: &KindOfObject, before: &Value, after: &Value, writer: &Writer) -> Result<(), Refusal> {
    let mut causes = metadata::check(kind, after);
    if !kind.is_custom() && writer.subresource.is_empty() {
        causes.extend(content(kind, after));
        causes.extend(match &*kind.kind {
            "StatefulSet" => stateful_set::change(before, after),
            "Pod" => pod::change(before, after),
            "Service" => service_change(before, after),
            "Secret" | "ConfigMap" => immutable_data(before, after),
            _ => Vec::new(),
        });
    }
    refuse(kind, after, &causes)
}

fn refuse(kind: &KindOfObject, object: &Value, causes: &[Cause]) -> Result<(), Refusal> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind, name(object), causes))
}

fn content(kind: &KindOfObject, object: &Value) -> Vec<Cause> {
    match &*kind.kind {
        "StatefulSet" => stateful_set::check(object),
        "Pod" => pod::check(&object["spec"], "spec"),
        "Service" => service(object),
        "Event" => event(object),
        _ => Vec::new(),
    }
}

fn service(service: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ports = items(service, "/spec/ports");
    let is_headless = text(service, "/spec/clusterIP") == "None";
    if ports.is_empty() && !is_headless && text(service, "/spec/type") != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        if ports.len() > 1 && text(port, "/name").is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
        causes.extend(pod::port_number(&port["port"], &format!("{path}.port")));
    }
    causes
}

fn service_change(before: &Value, after: &Value) -> Vec<Cause> {
    let (old, new) = (&before["spec"]["clusterIP"], &after["spec"]["clusterIP"]);
    if has(before, "/spec/clusterIP") && has(after, "/spec/clusterIP") && old != new {
        let listed = Value::Array(vec![new.clone()]);
        return vec![Cause::invalid("spec.clusterIPs[0]", &listed, "may not change once set")];
    }
    Vec::new()
}

fn event(event: &Value) -> Vec<Cause> {
    let involved = text(event, "/involvedObject/namespace");
    // An event of an object without a namespace is in the default one.
    let expected = if involved.is_empty() { "default" } else { involved };
    if namespace(event) == expected {
        return Vec::new();
    }
    let field = "involvedObject.namespace";
    vec![Cause::invalid(
        field,
        &json!(involved),
        "does not match event.namespace",
    )]
}

fn immutable_data(before: &Value, after: &Value) -> Vec<Cause> {
    if before["immutable"] != true {
        return Vec::new();
    }
    let detail = "field is immutable when `immutable` is set";
    ["immutable", "data", "binaryData"]
        .into_iter()
        .filter(|field| before[*field] != after[*field])
        .map(|field| Cause::forbidden(field, detail))
        .collect()
}
