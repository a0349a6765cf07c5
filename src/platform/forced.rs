//! What the platform does not let users say otherwise.

use serde_json::{Map, Value};

use super::defaults::{add, same};
use super::layer::Layer;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::wording::{shortened, shown};

/// Forces values. The entries of a dictionary are forced one by one, each as a whole; lists are added to.
pub(super) fn force(config: &mut Map<String, Value>, forced: &Layer, sources: &Sources) -> Result<()> {
    for (field, value) in &forced.fields {
        let Some(given) = config.get_mut(field).filter(|given| !given.is_null()) else {
            config.insert(field.clone(), value.clone());
            continue;
        };
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

fn contradiction(field: &str, path: &str, given: &Value, forced: &Value, sources: &Sources) -> Error {
    let source = sources.suffix(&format!("forced.{path}"));
    // A variable may hold a secret.
    let words = if field == "Env" {
        format!("is something else than what the platform's settings force it to{source}. Leave it out.")
    } else {
        format!(
            "is {}, but the platform's settings force it to {}{source}. Leave it out.",
            shown(given),
            shown(forced)
        )
    };
    Error::invalid(path, words)
}
