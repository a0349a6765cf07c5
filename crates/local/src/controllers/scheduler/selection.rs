//! Whether a pod selects a node: by labels (`nodeSelector`) and by terms (required node affinity).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

/// What a pod can select a node by.
#[derive(Debug)]
pub(super) struct Selectable<'a> {
    pub(super) name: &'a str,
    pub(super) labels: &'a BTreeMap<String, String>,
}

/// Whether a pod selects a node.
pub(super) fn selects(pod: &PodSpec, node: &Selectable) -> bool {
    let mut selected = pod.node_selector.iter().flatten();
    if !selected.all(|(key, value)| node.labels.get(key) == Some(value)) {
        return false;
    }
    let affinity = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required.is_none_or(|required| required.node_selector_terms.iter().any(|term| matches(term, node)))
}

/// Whether a term selects a node; an empty one selects none.
fn matches(term: &NodeSelectorTerm, node: &Selectable) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    let field = |key: &str| (key == "metadata.name").then_some(node.name);
    (!expressions.is_empty() || !fields.is_empty())
        && expressions
            .iter()
            .all(|requirement| is_met(requirement, label(&requirement.key)))
        && fields
            .iter()
            .all(|requirement| is_met(requirement, field(&requirement.key)))
}

fn is_met(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let listed = |value: &str| values.iter().any(|of| of == value);
    let numbers = || match values {
        [limit] => Some((value?.parse::<i64>().ok()?, limit.parse::<i64>().ok()?)),
        _ => None,
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, limit)| value > limit),
        "Lt" => numbers().is_some_and(|(value, limit)| value < limit),
        _ => false,
    }
}
