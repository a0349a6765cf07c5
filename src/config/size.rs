//! How large a configuration makes its objects: Kubernetes stores none that is larger than etcd's limit.

use serde_json::Value;

use crate::error::{Error, Result, TOO_LARGE};
use crate::text::shortened;

/// The most that Kubernetes stores of one object, in bytes: etcd's `--max-request-bytes`, 1.5 MiB.
const LIMIT: usize = 3 << 19;

/// How many fields a message names.
const NAMED: usize = 3;

/// Checks that the objects of a configuration can be stored, by their size in bytes as JSON. The pods' template is
/// stored as JSON, in a `ControllerRevision`.
///
/// # Errors
/// [`Error::InvalidSpec`] with the largest fields.
pub fn check_size(bytes: usize, config: &Value) -> Result<()> {
    if bytes <= LIMIT {
        return Ok(());
    }
    let field = largest(config)
        .into_iter()
        .next()
        .map_or_else(String::new, |(field, _)| field);
    Err(Error::invalid(
        field,
        format!(
            "makes the service too large: it takes {}, and Kubernetes stores no object of more than 1.5 MiB. {}",
            shown(bytes),
            advice(config)
        ),
    ))
}

/// Names the largest fields in the error of a cluster that stores less than others.
#[must_use]
pub fn explain_size(error: Error, config: &Value) -> Error {
    match error {
        Error::Rejected {
            verb,
            object,
            message,
            reason,
            code,
        } if reason == TOO_LARGE => Error::Rejected {
            verb,
            object,
            message: format!("{message} {}", advice(config)),
            reason,
            code,
        },
        // The earlier changes of an update.
        Error::Partial { error, done } => Error::Partial {
            error: Box::new(explain_size(*error, config)),
            done,
        },
        other => other,
    }
}

/// How many bytes a value takes as JSON.
#[must_use]
pub fn size_of(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

fn advice(config: &Value) -> String {
    let fields: Vec<_> = largest(config)
        .into_iter()
        .map(|(field, bytes)| format!("{field} ({})", shown(bytes)))
        .collect();
    format!(
        "The largest fields are {}. Put large data into the image, a volume, or ConfigMaps that are mounted.",
        fields.join(", ")
    )
}

/// The fields that take most, the largest first. One that is mostly one of its entries is named by that.
fn largest(config: &Value) -> Vec<(String, usize)> {
    let mut fields: Vec<_> = config
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, value)| heaviest(shortened(field), value))
        .collect();
    fields.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    fields.truncate(NAMED);
    fields
}

fn heaviest(path: String, value: &Value) -> (String, usize) {
    let bytes = size_of(value);
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (format!("{path}.{}", shortened(key)), value))
            .collect(),
        Value::Array(items) => (0..)
            .zip(items)
            .map(|(index, item)| (format!("{path}[{index}]"), item))
            .collect(),
        _ => return (path, bytes),
    };
    let most = entries.into_iter().map(|(path, value)| (path, value, size_of(value)));
    match most.max_by_key(|(_, _, bytes)| *bytes) {
        Some((path, value, most)) if most > bytes / 2 => heaviest(path, value),
        _ => (path, bytes),
    }
}

fn shown(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to one digit after the point")]
    let bytes = bytes as f64;
    if bytes >= 1e6 {
        format!("{:.1} MB", bytes / 1e6)
    } else if bytes >= 1e3 {
        format!("{:.1} kB", bytes / 1e3)
    } else {
        format!("{bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ObjectReference;
    use serde_json::json;

    #[test]
    fn an_object_that_is_too_large_is_refused_with_its_largest_fields() {
        let config = json!({
            "Image": "busybox", "Args": ["x".repeat(3_000), "y"],
            "Env": {"SMALL": "x", "BIG": "x".repeat(1_700_000)},
        });
        let error = check_size(size_of(&config), &config)
            .expect_err("too large")
            .to_string();
        assert!(
            error.starts_with("Env.BIG makes the service too large: it takes 1.7 MB"),
            "{error}"
        );
        assert!(
            error.contains("are Env.BIG (1.7 MB), Args[0] (3.0 kB), Image (9 bytes)."),
            "{error}"
        );
        assert!(!error.contains("xxx"), "{error}");
    }

    #[test]
    fn a_field_of_many_entries_is_named_as_a_whole() {
        let env: serde_json::Map<_, _> = (0..2000).map(|n| (format!("V{n}"), json!("x".repeat(850)))).collect();
        let config = json!({"Env": env});
        let error = check_size(size_of(&config), &config)
            .expect_err("too large")
            .to_string();
        assert!(error.starts_with("Env makes the service too large"), "{error}");
        check_size(LIMIT, &config).expect("as much as there is room for");
    }

    #[test]
    fn a_cluster_that_stores_less_has_the_fields_in_its_refusal() {
        let refused = |reason: &str| Error::Rejected {
            verb: "create",
            object: ObjectReference::new("StatefulSet", "flyte", "foo"),
            message: "etcdserver: request is too large.".to_owned(),
            reason: reason.to_owned(),
            code: 413,
        };
        let config = json!({"Env": {"BIG": "x".repeat(900_000)}});
        let message = explain_size(refused(TOO_LARGE), &config).to_string();
        assert!(
            message.contains("too large. The largest fields are Env.BIG (900.0 kB)."),
            "{message}"
        );
        let partial = Error::Partial {
            error: Box::new(refused(TOO_LARGE)),
            done: "The Service was changed.".to_owned(),
        };
        let message = explain_size(partial, &config).to_string();
        assert!(
            message.contains("are Env.BIG (900.0 kB).") && message.ends_with("The Service was changed."),
            "{message}"
        );
        let other = explain_size(refused("Invalid"), &config).to_string();
        assert!(!other.contains("largest"), "{other}");
    }
}
