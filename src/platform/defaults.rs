//! The platform's defaults for fields that the user does not set.

use serde_json::{Map, Value};

use super::overrides::{Overrides, merge_strategy};
use crate::compare::same;
use crate::config::{MergeStrategy, PodTemplate};
use crate::error::Result;

/// Fills in defaults. Of a dictionary each key is filled in by itself, and the user's value stays whole.
pub(super) fn fill(config: &mut Map<String, Value>, defaults: &Overrides) -> Result<()> {
    for (field, default) in &defaults.fields {
        let Some(given) = config.get_mut(field).filter(|given| !given.is_null()) else {
            config.insert(field.clone(), default.clone());
            continue;
        };
        match (merge_strategy(field), given, default) {
            (MergeStrategy::Texts | MergeStrategy::Dictionary, Value::Object(given), Value::Object(default)) => {
                for (key, value) in default {
                    if given.get(key).is_none_or(Value::is_null) {
                        given.insert(key.clone(), value.clone());
                    }
                }
            }
            (MergeStrategy::Additive, Value::Array(given), Value::Array(default)) => add(given, default),
            (MergeStrategy::Template, given, default) => {
                *given = PodTemplate::parse(given)?.over(&PodTemplate::parse(default)?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds to a list what it does not have.
pub(super) fn add(list: &mut Vec<Value>, more: &[Value]) {
    for item in more {
        if !list.iter().any(|there| same(there, item)) {
            list.push(item.clone());
        }
    }
}
