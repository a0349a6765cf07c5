//! Reading and writing the metadata of objects.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A text at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number at a JSON pointer.
pub(super) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A list at a JSON pointer; empty where there is none.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let items = object.pointer(pointer).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

/// Whether there is something at a JSON pointer.
pub(super) fn has(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).is_some_and(|value| !value.is_null())
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    let finalizers = items(object, "/metadata/finalizers").iter();
    finalizers.filter_map(Value::as_str).collect()
}

pub(super) fn is_terminating(object: &Value) -> bool {
    has(object, "/metadata/deletionTimestamp")
}

/// The fields at a key, which are made where there are none.
pub(super) fn fields<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    let child = &mut object[key];
    if !child.is_object() {
        *child = json!({});
    }
    match child {
        Value::Object(fields) => fields,
        _ => unreachable!("it was made an object"),
    }
}

/// The metadata of an object.
pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    fields(object, "metadata")
}

/// Writes a value, or removes it.
pub(super) fn set(fields: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) if !value.is_null() => {
            fields.insert(key.to_owned(), value);
        }
        _ => {
            fields.remove(key);
        }
    }
}

/// A time as Kubernetes writes it.
pub(super) fn time(time: Timestamp) -> Value {
    json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
