//! Whether an existing object already matches a manifest.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use crate::resources::quantity::same_amounts;

/// Fields whose values are amounts, which may be written in several ways.
const AMOUNTS: [&str; 3] = ["requests", "limits", "sizeLimit"];

/// Whether an object has everything that is wanted, besides what the API server and others have added.
#[must_use]
pub fn is_subset(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            let there = there.get(key).unwrap_or(&Value::Null);
            is_subset(there, wanted) || (AMOUNTS.contains(&key.as_str()) && have_same_amounts(there, wanted))
        }),
        (Value::Array(there), Value::Array(wanted)) if wanted.iter().all(Value::is_object) => wanted
            .iter()
            .all(|wanted| there.iter().any(|there| is_subset(there, wanted))),
        // The API server does not store empty values.
        (Value::Null, Value::Object(empty)) if empty.is_empty() => true,
        (Value::Null, Value::Array(empty)) if empty.is_empty() => true,
        (there, wanted) => there == wanted,
    }
}

fn have_same_amounts(one: &Value, other: &Value) -> bool {
    let amounts = |value: &Value| {
        let amount = |value: &Value| Some(Quantity(value.as_str()?.to_owned()));
        match value {
            Value::Object(all) => all
                .iter()
                .map(|(name, value)| Some((name.clone(), amount(value)?)))
                .collect(),
            value => Some([(String::new(), amount(value)?)].into()),
        }
    };
    match (amounts(one), amounts(other)) {
        (Some(one), Some(other)) => same_amounts(&one, &other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn additions_of_others_do_not_count() {
        for (there, wanted, same) in [
            (json!({"a": 1, "b": 2}), json!({"a": 1}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (
                json!({"a": [{"name": "x", "y": 1}, {"name": "z"}]}),
                json!({"a": [{"name": "x"}]}),
                true,
            ),
            (json!({"a": ["x", "y"]}), json!({"a": ["x"]}), false),
            (
                json!({"requests": {"cpu": "1"}}),
                json!({"requests": {"cpu": "1000m"}}),
                true,
            ),
            (
                json!({"requests": {"cpu": "1"}}),
                json!({"requests": {"cpu": "2"}}),
                false,
            ),
            (json!({"command": "1"}), json!({"command": "1000m"}), false),
            (json!({}), json!({"labels": {}}), true),
        ] {
            assert_eq!(is_subset(&there, &wanted), same, "{there} {wanted}");
        }
    }
}
