//! Nodes that keep pods away: cordons (the scheduler's `NodeUnschedulable`) and taints (`TaintToleration`).

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};

use super::filter_reason::FilterReason;

/// Why a node keeps away pods with these tolerations.
pub(super) fn refuses(node: &Node, tolerations: &[Toleration]) -> Option<FilterReason> {
    let spec = node.spec.as_ref()?;
    if spec.unschedulable == Some(true) {
        let cordon = Taint {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        if !tolerates(tolerations, &cordon) {
            return Some(FilterReason::Unschedulable);
        }
    }
    untolerated(node, tolerations).map(|taint| {
        let value = taint.value.as_deref().filter(|value| !value.is_empty());
        FilterReason::Taint(value.map_or_else(|| taint.key.clone(), |value| format!("{}={value}", taint.key)))
    })
}

/// The first taint of a node that keeps away pods with these tolerations.
pub(super) fn untolerated<'a>(node: &'a Node, tolerations: &[Toleration]) -> Option<&'a Taint> {
    let mut taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.find(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute") && !tolerates(tolerations, taint))
}

fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| tolerated_by(toleration, taint))
}

fn tolerated_by(toleration: &Toleration, taint: &Taint) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if given(&toleration.effect).is_some_and(|effect| effect != taint.effect)
        || given(&toleration.key).is_some_and(|key| key != taint.key)
    {
        return false;
    }
    let value = toleration.value.as_deref().unwrap_or_default();
    let taints = taint.value.as_deref().unwrap_or_default();
    let numbers = || Some((taints.parse::<i64>().ok()?, value.parse::<i64>().ok()?));
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => value == taints,
        "Exists" => true,
        // An API server lets these two pass only where the scheduler knows them.
        "Lt" => numbers().is_some_and(|(taint, toleration)| taint < toleration),
        "Gt" => numbers().is_some_and(|(taint, toleration)| taint > toleration),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(spec: &Value, tolerations: &Value) -> Option<FilterReason> {
        let node: Node = serde_json::from_value(json!({"spec": spec})).expect("a node");
        let tolerations: Vec<Toleration> = serde_json::from_value(tolerations.clone()).expect("tolerations");
        refuses(&node, &tolerations)
    }

    #[test]
    fn a_taint_keeps_pods_away_that_do_not_tolerate_it() {
        let infra = json!({"taints": [{"key": "dedicated", "value": "infra", "effect": "NoSchedule"}]});
        let number = json!({"taints": [{"key": "sla", "value": "5", "effect": "NoExecute"}]});
        for (spec, tolerations, expected) in [
            (&infra, json!([]), false),
            (
                &infra,
                json!([{"key": "dedicated", "value": "infra", "effect": "NoSchedule"}]),
                true,
            ),
            (
                &infra,
                json!([{"key": "dedicated", "operator": "Equal", "value": "infra"}]),
                true,
            ),
            (&infra, json!([{"key": "dedicated", "value": "other"}]), false),
            (&infra, json!([{"key": "dedicated", "operator": "Exists"}]), true),
            (
                &infra,
                json!([{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}]),
                false,
            ),
            (&infra, json!([{"key": "other", "operator": "Exists"}]), false),
            (&infra, json!([{"operator": "Exists"}]), true),
            (&infra, json!([{"key": "", "operator": "Exists", "effect": ""}]), true),
            (
                &infra,
                json!([{"key": "dedicated", "operator": "Near", "value": "infra"}]),
                false,
            ),
            (&number, json!([{"key": "sla", "operator": "Gt", "value": "4"}]), true),
            (&number, json!([{"key": "sla", "operator": "Gt", "value": "5"}]), false),
            (&number, json!([{"key": "sla", "operator": "Lt", "value": "6"}]), true),
            (
                &number,
                json!([{"key": "sla", "operator": "Lt", "value": "many"}]),
                false,
            ),
            (
                &json!({"taints": [{"key": "a", "effect": "PreferNoSchedule"}]}),
                json!([]),
                true,
            ),
        ] {
            assert_eq!(refused(spec, &tolerations).is_none(), expected, "{spec} {tolerations}");
        }
        assert_eq!(
            refused(&infra, &json!([])),
            Some(FilterReason::Taint("dedicated=infra".to_owned()))
        );
    }

    #[test]
    fn a_cordoned_node_keeps_pods_away_that_do_not_tolerate_it() {
        let cordoned = json!({"unschedulable": true});
        assert_eq!(refused(&cordoned, &json!([])), Some(FilterReason::Unschedulable));
        for toleration in [
            json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}),
            json!({"key": "node.kubernetes.io/unschedulable"}),
            json!({"operator": "Exists"}),
        ] {
            assert_eq!(refused(&cordoned, &json!([toleration])), None, "{toleration}");
        }
    }
}
