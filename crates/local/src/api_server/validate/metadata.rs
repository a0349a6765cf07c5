//! Names, labels and owners.

use serde_json::{Value, json};

use crate::api_server::kinds::KindOfObject;
use crate::api_server::refusal::Cause;
use crate::api_server::value::{items, name, text};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
    and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const SERVICE_NAME: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const LABEL_KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The most characters that all annotations of an object have.
const ANNOTATIONS: usize = 256 * 1024;

pub(super) fn check(kind: &KindOfObject, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if name(object).is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        causes.extend(name_causes(kind, name(object)));
    }
    causes.extend(labels(&object["metadata"]["labels"], "metadata.labels"));
    causes.extend(annotations(&object["metadata"]["annotations"], "metadata.annotations"));
    for owner in items(object, "/metadata/ownerReferences") {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                let path = format!("metadata.ownerReferences.{field}");
                let words = if field == "apiVersion" { "version" } else { field };
                causes.push(Cause::invalid(path, &json!(""), &format!("{words} must not be empty")));
            }
        }
    }
    causes
}

fn name_causes(kind: &KindOfObject, name: &str) -> Option<Cause> {
    let value = json!(name);
    let (longest, rule, holds) = match &*kind.kind {
        "Service" if !kind.is_custom() => {
            let starts = name.starts_with(|character: char| character.is_ascii_lowercase());
            (63, SERVICE_NAME, is_label(name) && starts)
        }
        "Namespace" => (63, LABEL, is_label(name)),
        _ => (253, SUBDOMAIN, name.split('.').all(is_label)),
    };
    if name.len() > longest {
        let detail = format!("must be no more than {longest} bytes");
        return Some(Cause::invalid("metadata.name", &value, &detail));
    }
    (!holds).then(|| Cause::invalid("metadata.name", &value, rule))
}

/// Whether a text is a label of DNS (RFC 1123).
pub(super) fn is_label(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    consists_of(text, is_letter, |byte| is_letter(byte) || byte == b'-')
}

fn consists_of(text: &str, ends: impl Fn(u8) -> bool, inside: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let at_end = |byte: Option<&u8>| byte.is_some_and(|byte| ends(*byte));
    at_end(bytes.first()) && at_end(bytes.last()) && bytes.iter().all(|byte| inside(*byte))
}

fn is_qualified(text: &str) -> bool {
    consists_of(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
    )
}

/// The faults of labels.
pub(super) fn labels(labels: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        causes.extend(label_key(key, path));
        let value_text = value.as_str().unwrap_or_default();
        if value_text.len() > 63 {
            causes.push(Cause::invalid(path, value, "must be no more than 63 bytes"));
        }
        if !value_text.is_empty() && !is_qualified(value_text) {
            causes.push(Cause::invalid(path, value, LABEL_VALUE));
        }
    }
    causes
}

/// The faults of annotations.
pub(super) fn annotations(annotations: &Value, path: &str) -> Vec<Cause> {
    let all = annotations.as_object().into_iter().flatten();
    let mut causes: Vec<_> = all.clone().filter_map(|(key, _)| label_key(key, path)).collect();
    let size: usize = all
        .map(|(key, value)| key.len() + value.as_str().unwrap_or_default().len())
        .sum();
    if size > ANNOTATIONS {
        causes.push(Cause::too_long(path, ANNOTATIONS));
    }
    causes
}

fn label_key(key: &str, path: &str) -> Option<Cause> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
    let value = json!(key);
    if name.is_empty() {
        return Some(Cause::invalid(path, &value, "name part must be non-empty"));
    }
    if name.len() > 63 {
        return Some(Cause::invalid(path, &value, "name part must be no more than 63 bytes"));
    }
    if !is_qualified(name) {
        return Some(Cause::invalid(path, &value, LABEL_KEY));
    }
    let is_prefix = prefix.is_empty() || prefix.to_ascii_lowercase().split('.').all(is_label);
    (!is_prefix).then(|| Cause::invalid(path, &value, &format!("prefix part {SUBDOMAIN}")))
}
