//! The rules of pods and of their templates.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::metadata::is_label;
use crate::api_server::refusal::Cause;
use crate::api_server::value::{has, items, text};

const CHANGES: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const CONTAINER_NAME: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// The faults of what a pod or a template specifies.
pub(super) fn check(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut volumes = BTreeSet::new();
    for (index, volume) in items(spec, "/volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{index}].name");
        causes.extend(named(volume, &path, &mut volumes));
    }
    if items(spec, "/containers").is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut names = BTreeSet::new();
    for list in ["containers", "initContainers"] {
        for (index, one) in items(spec, &format!("/{list}")).iter().enumerate() {
            let path = format!("{path}.{list}[{index}]");
            causes.extend(named(one, &format!("{path}.name"), &mut names));
            causes.extend(container(one, &path, &volumes));
        }
    }
    let policy = &spec["restartPolicy"];
    let policies = ["Always", "OnFailure", "Never"];
    if !policies.iter().any(|known| policy == known) {
        causes.push(Cause::not_supported(format!("{path}.restartPolicy"), policy, &policies));
    }
    causes
}

/// The faults of the name of one of a list.
fn named<'a>(item: &'a Value, path: &str, names: &mut BTreeSet<&'a str>) -> Option<Cause> {
    let name = text(item, "/name");
    if name.is_empty() {
        return Some(Cause::required(path, ""));
    }
    if !is_label(name) || name.len() > 63 {
        return Some(Cause::invalid(path, &json!(name), CONTAINER_NAME));
    }
    (!names.insert(name)).then(|| Cause::duplicate(path, &json!(name)))
}

fn container(container: &Value, path: &str, volumes: &BTreeSet<&str>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if text(container, "/image").is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = &container["imagePullPolicy"];
    if !policies.iter().any(|known| policy == known) {
        causes.push(Cause::not_supported(
            format!("{path}.imagePullPolicy"),
            policy,
            &policies,
        ));
    }
    for (index, port) in items(container, "/ports").iter().enumerate() {
        causes.extend(port_number(
            &port["containerPort"],
            &format!("{path}.ports[{index}].containerPort"),
        ));
    }
    for (index, variable) in items(container, "/env").iter().enumerate() {
        let path = format!("{path}.env[{index}]");
        if text(variable, "/name").is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
        if has(variable, "/value") && has(variable, "/valueFrom") {
            let detail = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{path}.valueFrom"), &json!(""), detail));
        }
    }
    for (index, mount) in items(container, "/volumeMounts").iter().enumerate() {
        let path = format!("{path}.volumeMounts[{index}]");
        // Claims of a template are volumes of the pods too.
        if !volumes.contains(text(mount, "/name")) {
            causes.push(Cause::not_found(format!("{path}.name"), &mount["name"]));
        }
        if text(mount, "/mountPath").is_empty() {
            causes.push(Cause::required(format!("{path}.mountPath"), ""));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
        if has(container, &format!("/{probe}"))
            && !handlers
                .iter()
                .any(|handler| has(container, &format!("/{probe}/{handler}")))
        {
            causes.push(Cause::required(
                format!("{path}.{probe}"),
                "must specify a handler type",
            ));
        }
    }
    causes
}

/// The fault of a number that no port has.
pub(super) fn port_number(port: &Value, path: &str) -> Option<Cause> {
    let number = port.as_i64().unwrap_or_default();
    if number == 0 && path.ends_with("containerPort") {
        return Some(Cause::required(path, ""));
    }
    let is_port = (1..=65535).contains(&number);
    (!is_port).then(|| Cause::invalid(path, port, "must be between 1 and 65535, inclusive"))
}

/// What cannot be changed. A scheduler may name the node of a pod that has none.
pub(super) fn change(before: &Value, after: &Value) -> Vec<Cause> {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        if let Value::Object(fields) = &mut spec {
            for free in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
                fields.remove(free);
            }
            if !has(before, "/spec/nodeName") {
                fields.remove("nodeName");
            }
        }
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
                container.remove("image");
            }
        }
        spec
    };
    if fixed(before) == fixed(after) {
        return Vec::new();
    }
    vec![Cause::forbidden("spec", CHANGES)]
}
