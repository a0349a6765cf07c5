//! Patches.

use std::sync::Arc;

use serde_json::Value;

use super::answer::shown;
use super::refusal::Refusal;
use super::request::Request;
use super::store::Store;
use super::update::{self, Writer};
use super::{apply, json_patch};

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Answers a PATCH.
pub(super) fn patch(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind).clone();
    if request.media_type() == APPLY {
        return apply::apply(store, request);
    }
    let body = request.json()?;
    let key = (target.kind, target.namespace.clone(), target.name.clone());
    let before = store.get(&key).cloned();
    let before: Arc<Value> = before.ok_or_else(|| Refusal::not_found(&kind, &target.name))?;
    let mut wanted = (*before).clone();
    match request.media_type() {
        MERGE => merge(&mut wanted, &body),
        // Lists are replaced as a whole, which is all the same for annotations, labels and numbers.
        STRATEGIC if !has_list_of_objects(&body) => merge(&mut wanted, &body),
        JSON => json_patch::apply(&mut wanted, &body)?,
        _ => return Err(Refusal::unsupported_media_type(&[JSON, MERGE, APPLY].join(", "))),
    }
    let after = update::write(store, target.kind, &before, wanted, &Writer::update(request))?;
    Ok((200, shown(request, &after)))
}

/// Merges a patch (RFC 7396).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

fn has_list_of_objects(patch: &Value) -> bool {
    match patch {
        Value::Array(items) => items.iter().any(Value::is_object),
        Value::Object(fields) => fields.values().any(has_list_of_objects),
        _ => false,
    }
}
