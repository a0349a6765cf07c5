//! Which labels a selector selects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

type Labels = BTreeMap<String, String>;

/// Whether labels have these values.
pub(super) fn has_all(labels: Option<&Labels>, wanted: &Labels) -> bool {
    wanted
        .iter()
        .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// Whether a selector selects labels. An empty one selects all.
pub(crate) fn selects(selector: &LabelSelector, labels: Option<&Labels>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key));
    let expressions = selector.match_expressions.as_deref().unwrap_or_default();
    selector
        .match_labels
        .as_ref()
        .is_none_or(|wanted| has_all(labels, wanted))
        && expressions.iter().all(|requirement| {
            let values = requirement.values.as_deref().unwrap_or_default();
            let value = value(&requirement.key);
            match requirement.operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_selects_by_labels_and_by_expressions() {
        let labels: Labels = serde_json::from_value(json!({"app": "foo", "tier": "a"})).unwrap();
        let expression = |key: &str, operator: &str, values: &[&str]| {
            let requirement = json!({"key": key, "operator": operator, "values": values});
            json!({"matchExpressions": [requirement]})
        };
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "foo"}}), true),
            (json!({"matchLabels": {"app": "foo", "tier": "b"}}), false),
            (expression("tier", "In", &["a", "b"]), true),
            (expression("tier", "NotIn", &["a"]), false),
            (expression("none", "NotIn", &["a"]), true),
            (expression("none", "Exists", &[]), false),
            (expression("none", "DoesNotExist", &[]), true),
        ] {
            let selector_of = serde_json::from_value(selector.clone()).unwrap();
            assert_eq!(selects(&selector_of, Some(&labels)), expected, "{selector}");
        }
    }
}
