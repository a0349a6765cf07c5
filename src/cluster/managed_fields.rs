//! The owners of an object's fields, as Kubernetes records them in `metadata.managedFields`. Pure.
//!
//! Server-side apply removes fields that its manager set before and no longer sets; but only those that it set *by
//! apply*. What was written by a POST is noted with the operation `Update`, and would stay for ever. So before an
//! object is first applied, the note of its making becomes one of the operation `Apply`, as client-go's `csaupgrade`
//! does for kubectl.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

/// The name under which Kubernetes notes what this plugin has written.
pub const FIELD_MANAGER: &str = "flytekitplugins-k8sdataservice";

/// The managed fields with which an apply can remove every field that the object's creator has set; `None` if they do
/// not have to change.
///
/// The maker is this plugin or, for an object that the plugin before version 2 has made, whoever wrote the selector,
/// which nobody writes later. Finalizers are no part of any manifest of ours: they are left to those who have put them
/// there.
#[must_use]
pub fn applied(metadata: &ObjectMeta) -> Option<Vec<ManagedFieldsEntry>> {
    let entries = metadata.managed_fields.as_deref().unwrap_or_default();
    let is_ours = |entry: &ManagedFieldsEntry| entry.manager.as_deref() == Some(FIELD_MANAGER);
    let made_by_us = entries.iter().any(is_ours);
    let (written, mut others): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| {
        let is_makers = is_ours(entry) || (!made_by_us && fields(entry).pointer("/f:spec/f:selector").is_some());
        is_makers && entry.operation.as_deref() == Some("Update") && !has_subresource(entry)
    });
    let mut into = match others.iter().position(is_applied) {
        Some(position) => others.remove(position),
        None => ManagedFieldsEntry {
            manager: Some(FIELD_MANAGER.to_owned()),
            operation: Some("Apply".to_owned()),
            ..written.first()?.clone()
        },
    };
    if written.is_empty() {
        return None;
    }
    let mut fields = fields(&into).clone();
    for entry in &written {
        unite(&mut fields, self::fields(entry));
    }
    if let Some(Value::Object(metadata)) = fields.get_mut("f:metadata") {
        metadata.remove("f:finalizers");
    }
    into.fields_v1 = Some(FieldsV1(fields));
    others.insert(0, into);
    Some(others)
}

/// The keys of the object's labels, or annotations (`f:labels`, `f:annotations`), that this plugin has written.
#[must_use]
pub fn keys<'a>(metadata: &'a ObjectMeta, of: &str) -> BTreeSet<&'a str> {
    let entries = metadata.managed_fields.iter().flatten();
    entries
        .filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER) && !has_subresource(entry))
        .filter_map(|entry| fields(entry).get("f:metadata")?.get(of)?.as_object())
        .flat_map(Map::keys)
        .filter_map(|key| key.strip_prefix("f:"))
        .collect()
}

/// The last other manager of a field, given as a JSON pointer such as `/f:spec/f:replicas`.
#[must_use]
pub fn other_writer<'a>(metadata: &'a ObjectMeta, field: &str) -> Option<&'a str> {
    let wrote = |entry: &&ManagedFieldsEntry| fields(entry).pointer(field).is_some();
    last(others(metadata).filter(wrote))
}

/// The last other manager that wrote the object. Controllers, which report its status, do not count.
#[must_use]
pub fn last_writer(metadata: &ObjectMeta) -> Option<&str> {
    last(others(metadata).filter(|entry| entry.subresource.as_deref() != Some("status")))
}

fn others(metadata: &ObjectMeta) -> impl Iterator<Item = &ManagedFieldsEntry> {
    let entries = metadata.managed_fields.iter().flatten();
    entries.filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER))
}

fn last<'a>(entries: impl Iterator<Item = &'a ManagedFieldsEntry>) -> Option<&'a str> {
    let last = entries.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    last?.manager.as_deref()
}

/// The managed fields with which an apply without `rollingUpdate` removes it from a `StatefulSet`, even if the API
/// server has set its default; `None` if they do not have to change, or if another manager owns it.
///
/// Kubernetes takes no `rollingUpdate` beside the type `OnDelete`.
#[must_use]
pub fn with_rolling_update(managers: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    const FIELD: &str = "/f:spec/f:updateStrategy/f:rollingUpdate";
    let is_written = |entry: &ManagedFieldsEntry| fields(entry).pointer(FIELD).is_some();
    if managers.iter().any(|entry| !is_applied(entry) && is_written(entry)) {
        return None;
    }
    let mut managers = managers.to_vec();
    let ours = managers.iter_mut().find(|entry| is_applied(entry))?;
    let before = fields(ours).clone();
    let mut after = before.clone();
    let whole = json!({".": {}, "f:partition": {}});
    unite(
        &mut after,
        &json!({"f:spec": {"f:updateStrategy": {"f:rollingUpdate": whole}}}),
    );
    ours.fields_v1 = Some(FieldsV1(after.clone()));
    (after != before).then_some(managers)
}

fn is_applied(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.operation.as_deref() == Some("Apply")
}

fn has_subresource(entry: &ManagedFieldsEntry) -> bool {
    entry.subresource.as_ref().is_some_and(|of| !of.is_empty())
}

fn fields(entry: &ManagedFieldsEntry) -> &Value {
    entry.fields_v1.as_ref().map_or(&Value::Null, |fields| &fields.0)
}

/// Adds the fields of one set to another. A set of fields is a tree of dictionaries.
fn unite(into: &mut Value, other: &Value) {
    let Value::Object(other) = other else { return };
    if !into.is_object() {
        *into = json!({});
    }
    if let Value::Object(into) = into {
        for (key, fields) in other {
            unite(into.entry(key.clone()).or_insert_with(|| json!({})), fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            operation: Some(operation.to_owned()),
            subresource: subresource.map(ToOwned::to_owned),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn noted(entries: &[ManagedFieldsEntry]) -> ObjectMeta {
        ObjectMeta {
            managed_fields: Some(entries.to_vec()),
            ..ObjectMeta::default()
        }
    }

    fn made() -> Value {
        json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:finalizers": {}}, "f:spec": {"f:replicas": {}, "f:selector": {}}})
    }

    #[test]
    fn created_fields_become_applied_ones_and_managed_fields_of_others_stay() {
        let others = [
            entry(
                "kubectl",
                "Update",
                None,
                json!({"f:metadata": {"f:annotations": {"f:note": {}}}}),
            ),
            entry("controller", "Update", Some("status"), json!({"f:status": {}})),
        ];
        let before = [vec![entry(FIELD_MANAGER, "Update", None, made())], others.to_vec()].concat();
        let after = applied(&noted(&before)).expect("there is something to do");
        assert_eq!(after.len(), 3);
        assert_eq!(after[0].operation.as_deref(), Some("Apply"));
        assert_eq!(
            fields(&after[0]),
            &json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}, "f:selector": {}}})
        );
        assert_eq!(after[1..], others);
        assert_eq!(applied(&noted(&after)), None, "once is enough");
    }

    #[test]
    fn fields_written_after_an_apply_are_added_to_it() {
        let kept = json!({"f:metadata": {"f:annotations": {"f:delete-after": {}}}});
        let before = [
            entry(FIELD_MANAGER, "Apply", None, json!({"f:spec": {"f:replicas": {}}})),
            entry(FIELD_MANAGER, "Update", None, kept),
        ];
        let after = applied(&noted(&before)).expect("there is something to do");
        let united = json!({"f:metadata": {"f:annotations": {"f:delete-after": {}}}, "f:spec": {"f:replicas": {}}});
        assert_eq!((after.len(), fields(&after[0])), (1, &united));
    }

    #[test]
    fn fields_of_version_1_are_taken_over_and_changes_of_others_are_not() {
        let before = [
            entry("OpenAPI-Generator", "Update", None, made()),
            entry("kubectl-edit", "Update", None, json!({"f:spec": {"f:template": {}}})),
        ];
        let after = applied(&noted(&before)).expect("there is something to do");
        assert_eq!(after[0].manager.as_deref(), Some(FIELD_MANAGER));
        assert_eq!(after[1..], before[1..]);
    }

    #[test]
    fn an_object_that_nobody_has_made_is_left_as_it_is() {
        assert_eq!(applied(&ObjectMeta::default()), None);
        let others = entry("kubectl", "Update", None, json!({"f:spec": {"f:template": {}}}));
        assert_eq!(applied(&noted(&[others])), None);
    }

    #[test]
    fn our_labels_are_distinguished_from_those_of_others() {
        let theirs = json!({"f:metadata": {"f:labels": {"f:b": {}}}});
        let metadata = noted(&[
            entry(FIELD_MANAGER, "Update", None, made()),
            entry("kubectl", "Update", None, theirs),
        ]);
        assert_eq!(keys(&metadata, "f:labels"), BTreeSet::from(["a"]));
    }

    #[test]
    fn other_managers_of_a_field_are_named() {
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let scaled = noted(&[
            entry(FIELD_MANAGER, "Update", None, made()),
            entry("kubectl", "Update", Some("scale"), replicas),
            entry(
                "kube-controller-manager",
                "Update",
                Some("status"),
                json!({"f:status": {}}),
            ),
        ]);
        assert_eq!(other_writer(&scaled, "/f:spec/f:replicas"), Some("kubectl"));
        assert_eq!(other_writer(&scaled, "/f:spec/f:selector"), None);
        assert_eq!(last_writer(&scaled), Some("kubectl"));
        assert_eq!(last_writer(&ObjectMeta::default()), None);
    }

    #[test]
    fn defaults_of_the_api_server_become_ours_and_fields_of_others_do_not() {
        let ours = |fields: Value| entry(FIELD_MANAGER, "Apply", None, json!({"f:spec": fields}));
        let owned = json!({"f:updateStrategy": {"f:rollingUpdate": {".": {}, "f:partition": {}}}});
        for before in [
            json!({}),
            json!({"f:updateStrategy": {"f:rollingUpdate": {"f:partition": {}}}}),
        ] {
            let after = with_rolling_update(&[ours(before)]).expect("there is something to do");
            assert_eq!(after, [ours(owned.clone())]);
            assert_eq!(with_rolling_update(&after), None, "once is enough");
        }
        let theirs = entry("kubectl", "Update", None, json!({"f:spec": owned}));
        assert_eq!(with_rolling_update(&[ours(json!({})), theirs]), None);
        assert_eq!(with_rolling_update(&[]), None);
    }
}
