//! Nodes that the pod selects: by name (the scheduler's `NodeName`), by labels and by terms (`NodeAffinity`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

use super::filter_reason::FilterReason;

/// Why a node is not one that the pod selects.
pub(super) fn refuses(node: &Node, pod: &PodSpec) -> Option<FilterReason> {
    let wanted = pod.node_name.as_deref().filter(|name| !name.is_empty());
    if wanted.is_some_and(|name| node.metadata.name.as_deref() != Some(name)) {
        return Some(FilterReason::NodeName);
    }
    (!selects(pod, node)).then_some(FilterReason::NodeAffinity)
}

/// Whether a pod's `nodeSelector` and required node affinity select a node.
pub(super) fn selects(pod: &PodSpec, node: &Node) -> bool {
    let unlabelled = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&unlabelled);
    let mut selected = pod.node_selector.iter().flatten();
    if !selected.all(|(key, value)| labels.get(key) == Some(value)) {
        return false;
    }
    let affinity = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required.is_none_or(|required| {
        required
            .node_selector_terms
            .iter()
            .any(|term| matches(term, node, labels))
    })
}

/// Whether a term selects a node; an empty one selects none.
fn matches(term: &NodeSelectorTerm, node: &Node, labels: &BTreeMap<String, String>) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let field = |key: &str| match key {
        "metadata.name" => node.metadata.name.as_deref(),
        _ => None,
    };
    (!expressions.is_empty() || !fields.is_empty())
        && expressions
            .iter()
            .all(|requirement| met(requirement, labels.get(&requirement.key).map(String::as_str)))
        && fields
            .iter()
            .all(|requirement| met(requirement, field(&requirement.key)))
}

/// Whether a label has the value that is required of it.
fn met(requirement: &NodeSelectorRequirement, label: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let listed = |label: &str| values.iter().any(|value| value == label);
    let numbers = || match values {
        [value] => Some((label?.parse::<i64>().ok()?, value.parse::<i64>().ok()?)),
        _ => None,
    };
    match requirement.operator.as_str() {
        "In" => label.is_some_and(listed),
        // The API server refuses one without values, and so does the scheduler.
        "NotIn" => !values.is_empty() && !label.is_some_and(listed),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        "Gt" => numbers().is_some_and(|(label, value)| label > value),
        "Lt" => numbers().is_some_and(|(label, value)| label < value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn selected(spec: &Value) -> bool {
        let node = json!({"metadata": {"name": "one", "labels": {"zone": "a", "cores": "8", "word": "many"}}});
        let node: Node = serde_json::from_value(node).expect("a node");
        let mut spec = spec.clone();
        spec["containers"] = json!([]);
        refuses(&node, &serde_json::from_value(spec).expect("a pod's spec")).is_none()
    }

    #[test]
    fn a_node_is_selected_by_its_labels_and_its_name() {
        for (spec, expected) in [
            (json!({}), true),
            (json!({"nodeName": "one"}), true),
            (json!({"nodeName": "two"}), false),
            (json!({"nodeSelector": {"zone": "a"}}), true),
            (json!({"nodeSelector": {"zone": "a", "cores": "9"}}), false),
            (json!({"nodeSelector": {"rack": ""}}), false),
        ] {
            assert_eq!(selected(&spec), expected, "{spec}");
        }
    }

    #[test]
    fn a_node_is_selected_by_terms() {
        let labels = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let name =
            |operator: &str, value: &str| json!({"key": "metadata.name", "operator": operator, "values": [value]});
        for (terms, expected) in [
            (json!([labels("zone", "In", &["b", "a"])]), true),
            (json!([labels("zone", "In", &["b"])]), false),
            (json!([labels("rack", "In", &["b"])]), false),
            (json!([labels("zone", "NotIn", &["b"])]), true),
            (json!([labels("zone", "NotIn", &["a"])]), false),
            (json!([labels("rack", "NotIn", &["a"])]), true),
            (json!([labels("zone", "Exists", &[])]), true),
            (json!([labels("rack", "Exists", &[])]), false),
            (json!([labels("zone", "DoesNotExist", &[])]), false),
            (json!([labels("rack", "DoesNotExist", &[])]), true),
            (json!([labels("cores", "Gt", &["7"])]), true),
            (json!([labels("cores", "Gt", &["8"])]), false),
            (json!([labels("cores", "Lt", &["9"])]), true),
            (json!([labels("word", "Lt", &["9"])]), false),
            (json!([labels("rack", "Lt", &["9"])]), false),
            (json!([labels("zone", "Like", &["a"])]), false),
            (json!([{"matchFields": [name("In", "one")]}]), true),
            (json!([{"matchFields": [name("NotIn", "one")]}]), false),
            (json!([{"matchFields": [name("NotIn", "two")]}]), true),
            (
                json!([labels("zone", "In", &["b"]), labels("cores", "Exists", &[])]),
                true,
            ),
            (
                json!([{"matchFields": [name("In", "one")],
                    "matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}]),
                false,
            ),
            (json!([{}]), false),
            (json!([]), false),
        ] {
            let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
            let spec = json!({"affinity": {"nodeAffinity": required}});
            assert_eq!(selected(&spec), expected, "{spec}");
        }
    }
}
