//! Objects as people compare them: without the fields that only the API server sets.

use serde_json::{Map, Value};

use super::subset::is_subset;
use crate::identity::labels::{KEEPS_PODS_ANNOTATION, RUN_ANNOTATIONS};

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

/// The annotation that `kubectl apply` writes.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object of this name, without the server's own notes.
pub(crate) fn normalized(mut object: Value, name: &str) -> Value {
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

/// Lets an object that would be made differ from the one that runs in nothing that says for which run it was made:
/// whoever made it, a create would leave that as it is.
pub(crate) fn settled(mut wanted: Value, running: &Value) -> Value {
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
            let Value::Object(entry) = entry else { continue };
            entry.retain(|key, _| !RUN_ANNOTATIONS.contains(&key.as_str()));
            for (key, value) in there {
                entry.entry(key).or_insert_with(|| value.clone());
            }
        }
    }
    if let Some(owners) = running.pointer("/metadata/ownerReferences") {
        wanted["metadata"]["ownerReferences"] = owners.clone();
    }
    // Version 2.0 and the plugin before it selected by fewer labels, which no user has set.
    for selector in ["/spec/selector", "/spec/podSelector"] {
        if let (Some(there), Some(wanted)) = (running.pointer(selector), wanted.pointer_mut(selector))
            && is_subset(wanted, there)
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
pub(crate) fn restricted(running: &Value, wanted: &Value) -> Value {
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
    use crate::identity::labels::{EXECUTION_ANNOTATION, EXECUTION_NAME_ANNOTATION, OWNER_ANNOTATION};
    use serde_json::json;

    #[test]
    fn fields_that_the_server_writes_are_no_differences() {
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
        assert_eq!(normalized(live, "foo"), rest);
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
    fn annotations_that_version_2_0_did_not_write_are_no_differences() {
        let sentence = "execution f1 of project p, domain d";
        let annotated = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        let by_2_0 = annotated(json!({OWNER_ANNOTATION: "x", EXECUTION_ANNOTATION: sentence}));
        let by_us =
            annotated(json!({OWNER_ANNOTATION: "x", EXECUTION_ANNOTATION: sentence, EXECUTION_NAME_ANNOTATION: "f1"}));
        assert_eq!(settled(by_us.clone(), &by_2_0), by_2_0);
        let by_nobody = annotated(json!({OWNER_ANNOTATION: "plan", EXECUTION_ANNOTATION: "a plan"}));
        assert_eq!(settled(by_nobody, &by_us), by_us);
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
