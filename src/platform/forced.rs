//! The values that the platform forces.

use serde_json::{Map, Value, json};

use super::defaults::add;
use super::overrides::Overrides;
use super::sources::Sources;
use crate::compare::same;
use crate::error::{Error, Result};
use crate::text::{shortened, shown};

/// Forces values. The entries of a dictionary are forced one by one, each as a whole; lists are added to.
pub(super) fn force(config: &mut Map<String, Value>, forced: &Overrides, sources: &Sources) -> Result<()> {
    for (field, value) in &forced.fields {
        let Some(given) = config.get_mut(field).filter(|given| !given.is_null()) else {
            config.insert(field.clone(), value.clone());
            continue;
        };
        let value = &in_full(field, value);
        *given = in_full(field, given);
        match (given, value) {
            (Value::Object(given), Value::Object(forced)) => {
                for (key, value) in forced {
                    match given.get(key).filter(|given| !given.is_null()) {
                        None => {
                            given.insert(key.clone(), value.clone());
                        }
                        Some(there) if same(there, value) => {}
                        Some(there) => {
                            let path = format!("{field}.{}", shortened(key));
                            return Err(contradiction(field, &path, there, value, sources));
                        }
                    }
                }
            }
            (Value::Array(given), Value::Array(forced)) => add(given, forced),
            (given, value) if same(given, value) => {}
            (given, value) => return Err(contradiction(field, field, given, value, sources)),
        }
    }
    Ok(())
}

/// A value without its short form: the word of a `Lifetime` stands for what it is bound to.
fn in_full(field: &str, value: &Value) -> Value {
    match value {
        Value::String(bound) if field == "Lifetime" => json!({"bound": bound}),
        other => other.clone(),
    }
}

fn contradiction(field: &str, path: &str, given: &Value, forced: &Value, sources: &Sources) -> Error {
    let source = sources.suffix(&format!("forced.{path}"));
    // A variable may hold a secret, and anything may be inside of a list or a dictionary.
    let may_be_secret = field == "Env"
        || [given, forced]
            .into_iter()
            .any(|value| value.is_array() || value.is_object());
    let words = if may_be_secret {
        format!("differs from the value that the platform's settings force{source}. Leave it out.")
    } else {
        format!(
            "is {}, but the platform's settings force it to {}{source}. Leave it out.",
            shown(given),
            shown(forced)
        )
    };
    Error::invalid(path, words)
}
