//! What the API server reads of an object.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use k8sdataservice::cluster::Kind;
use k8sdataservice::cluster::managed_fields::FIELD_MANAGER;
use k8sdataservice::identity::labels::OWNER_ANNOTATION;

/// An annotation to be written, by its key, or to be removed where it has no value.
pub type OwnedAnnotation = (String, Option<String>);

/// A note that this plugin has written an object, by this operation.
pub fn note(operation: &str) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(FIELD_MANAGER.to_owned()),
        operation: Some(operation.to_owned()),
        ..ManagedFieldsEntry::default()
    }
}

pub fn is_applied(entry: &ManagedFieldsEntry) -> bool {
    entry.operation.as_deref() == Some("Apply")
}

/// Whether the fields of an object, such as `involvedObject.name`, have these values.
pub fn has_fields(object: &serde_json::Value, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(path, expected)| {
        let pointer = format!("/{}", path.replace('.', "/"));
        object.pointer(&pointer).and_then(serde_json::Value::as_str) == Some(expected)
    })
}

pub fn value<K: Kind>(object: &K) -> serde_json::Value {
    serde_json::to_value(object).expect("an object serializes")
}

/// Whose service an object belongs to.
pub fn owner(metadata: &ObjectMeta) -> Option<String> {
    metadata.annotations.as_ref()?.get(OWNER_ANNOTATION).cloned()
}

pub fn matches(metadata: &ObjectMeta, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(key, value)| {
        let labels = metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(*key))
            .is_some_and(|found| found == value)
    })
}

/// Notes a write that was no apply.
pub fn note_update(metadata: &mut ObjectMeta) {
    let managers = metadata.managed_fields.get_or_insert_default();
    if managers.iter().all(is_applied) {
        managers.push(note("Update"));
    }
}

/// Writes and removes annotations, and returns whether that changes anything.
pub fn write_annotations(metadata: &mut ObjectMeta, changes: &[OwnedAnnotation]) -> bool {
    let annotations = metadata.annotations.get_or_insert_default();
    let before = annotations.clone();
    for (key, value) in changes {
        match value {
            Some(value) => annotations.insert(key.clone(), value.clone()),
            None => annotations.remove(key),
        };
    }
    *annotations != before
}
