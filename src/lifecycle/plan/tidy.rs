//! Objects as people compare them: without what only the API server says of them.

use serde_json::{Map, Value};

use crate::manifests::says;
use crate::names::{EXECUTION_ANNOTATION, KEEPS_PODS_ANNOTATION, OWNER_ANNOTATION};

/// Parts of the metadata that the server alone writes.
const NOISE: [&str; 7] = [
    "creationTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What `kubectl apply` notes of its own doing.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object of this name, without the server's own notes.
pub(super) fn tidied(mut object: Value, name: &str) -> Value {
    clean(&mut object);
    object["metadata"]["name"] = name.into();
    object
}

fn clean(object: &mut Value) {
    if let Value::Object(fields) = object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| !NOISE.contains(&key.as_str()));
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.remove(LAST_APPLIED);
            }
        }
        let Some(Value::Object(spec)) = fields.get_mut("spec") else {
            return;
        };
        spec.get_mut("template").into_iter().for_each(clean);
        let claims = spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
        claims.into_iter().flatten().for_each(clean);
    }
}

/// Lets an object that would be made differ from the one that runs in nothing that says for which run it was made: whoever made it,
/// a create would leave that as it is.
pub(super) fn settled(mut wanted: Value, running: &Value) -> Value {
    for metadata in ["/metadata", "/spec/template/metadata"] {
        for marks in ["labels", "annotations"] {
            let Some(there) = running
                .pointer(&format!("{metadata}/{marks}"))
                .and_then(Value::as_object)
            else {
                continue;
            };
            let Some(Value::Object(wanted)) = wanted.pointer_mut(metadata) else {
                continue;
            };
            let entry = wanted.entry(marks).or_insert_with(|| Value::Object(Map::new()));
            for (key, value) in there {
                let of_the_run = key == OWNER_ANNOTATION || key == EXECUTION_ANNOTATION;
                if of_the_run || entry.get(key).is_none() {
                    entry[key] = value.clone();
                }
            }
        }
    }
    if let Some(owners) = running.pointer("/metadata/ownerReferences") {
        wanted["metadata"]["ownerReferences"] = owners.clone();
    }
    // Version 2.0 and the plugin before it selected by fewer labels, which is nothing that a user has said.
    for selector in ["/spec/selector", "/spec/podSelector"] {
        if let (Some(there), Some(wanted)) = (running.pointer(selector), wanted.pointer_mut(selector))
            && says(wanted, there)
        {
            wanted.clone_from(there);
        }
    }
    let annotations = running.pointer("/metadata/annotations");
    let keeps_pods = annotations.is_some_and(|annotations| annotations.get(KEEPS_PODS_ANNOTATION).is_some());
    if let (true, Some(strategy)) = (keeps_pods, running.pointer("/spec/updateStrategy")) {
        wanted["spec"]["updateStrategy"] = strategy.clone();
    }
    wanted
}

/// As much of what runs as `wanted` has an opinion on, where the server's defaults are not known.
pub(super) fn restricted(running: &Value, wanted: &Value) -> Value {
    match (running, wanted) {
        (Value::Object(running), Value::Object(wanted)) => {
            let both = wanted
                .iter()
                .filter_map(|(key, value)| Some((key, running.get(key)?, value)));
            Value::Object(
                both.map(|(key, one, other)| (key.clone(), restricted(one, other)))
                    .collect(),
            )
        }
        (Value::Array(running), Value::Array(wanted)) if running.len() == wanted.len() => running
            .iter()
            .zip(wanted)
            .map(|(one, other)| restricted(one, other))
            .collect(),
        _ => running.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_writes_is_no_difference() {
        let live = json!({
            "kind": "StatefulSet",
            "metadata": {"name": "foo", "uid": "1", "resourceVersion": "2", "labels": {"a": "b"},
                         "annotations": {LAST_APPLIED: "{}", "c": "d"}},
            "spec": {"replicas": 1, "template": {"metadata": {"creationTimestamp": null}}},
            "status": {"replicas": 1},
        });
        let rest = json!({
            "kind": "StatefulSet",
            "metadata": {"name": "foo", "labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"replicas": 1, "template": {"metadata": {}}},
        });
        assert_eq!(tidied(live, "foo"), rest);
    }

    #[test]
    fn a_service_of_another_run_is_not_different_for_that() {
        let running =
            json!({"metadata": {"labels": {"execution-id": "f1"}, "annotations": {OWNER_ANNOTATION: "x", "h": "1"}}});
        let wanted = json!({"metadata": {"annotations": {OWNER_ANNOTATION: "y", "h": "2"}}});
        let settled = settled(wanted, &running);
        assert_eq!(
            settled,
            json!({"metadata": {"labels": {"execution-id": "f1"}, "annotations": {OWNER_ANNOTATION: "x", "h": "2"}}})
        );
    }

    #[test]
    fn the_selector_of_an_earlier_version_is_no_difference_and_another_one_is() {
        let with = |selector: Value| json!({"metadata": {}, "spec": {"selector": selector}});
        let wanted = with(json!({"a": "b", "c": "d"}));
        assert_eq!(
            settled(wanted.clone(), &with(json!({"a": "b"}))),
            with(json!({"a": "b"}))
        );
        assert_eq!(settled(wanted.clone(), &with(json!({"e": "f"}))), wanted);
    }

    #[test]
    fn where_defaults_are_not_known_only_what_is_said_is_compared() {
        let running = json!({"spec": {"replicas": 2, "revisionHistoryLimit": 10, "list": [{"a": 1, "b": 2}]}});
        let wanted = json!({"spec": {"replicas": 3, "list": [{"a": 1}]}});
        assert_eq!(
            restricted(&running, &wanted),
            json!({"spec": {"replicas": 2, "list": [{"a": 1}]}})
        );
    }
}
