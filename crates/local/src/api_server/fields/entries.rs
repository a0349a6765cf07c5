//! The entries of `metadata.managedFields`.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::set::FieldSet;
use crate::api_server::kinds::KindOfObject;
use crate::api_server::update::Writer;
use crate::api_server::value::{items, text, time};

/// Whose an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manager {
    name: String,
    operation: String,
    version: String,
    subresource: String,
}

impl Manager {
    pub(super) fn of(kind: &KindOfObject, by: &Writer) -> Self {
        Self {
            name: by.manager.clone(),
            operation: if by.applies { "Apply" } else { "Update" }.to_owned(),
            version: kind.api_version(),
            subresource: by.subresource.clone(),
        }
    }

    /// The owner of all that an object without managed fields has when it is first applied.
    pub(super) fn before_first_apply(kind: &KindOfObject) -> Self {
        Self {
            name: "before-first-apply".to_owned(),
            operation: "Update".to_owned(),
            version: kind.api_version(),
            subresource: String::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    manager: Manager,
    time: Value,
    fields: FieldSet,
}

/// All entries of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    pub(super) fn read(object: &Value) -> Self {
        let entries = items(object, "/metadata/managedFields").iter();
        let entries = entries.map(|entry| Entry {
            manager: Manager {
                name: text(entry, "/manager").to_owned(),
                operation: text(entry, "/operation").to_owned(),
                version: text(entry, "/apiVersion").to_owned(),
                subresource: text(entry, "/subresource").to_owned(),
            },
            time: entry["time"].clone(),
            fields: FieldSet::read(&entry["fieldsV1"]),
        });
        let mut united = Self::default();
        for entry in entries.filter(|entry| !entry.manager.operation.is_empty()) {
            match united.0.iter_mut().find(|one| one.manager == entry.manager) {
                Some(one) => one.fields = std::mem::take(&mut one.fields).union(&entry.fields),
                None => united.0.push(entry),
            }
        }
        united
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries as they are stored, in Kubernetes's order; `None` where there are none.
    pub(super) fn json(mut self) -> Option<Value> {
        self.0.sort_by_key(|entry| {
            let manager = &entry.manager;
            let time = entry.time.as_str().unwrap_or_default().to_owned();
            (
                manager.operation.clone(),
                time,
                manager.name.clone(),
                manager.version.clone(),
                manager.subresource.clone(),
            )
        });
        let entries = self.0.iter().map(|entry| {
            let manager = &entry.manager;
            let mut json = json!({
                "manager": manager.name, "operation": manager.operation, "apiVersion": manager.version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": entry.fields.json(),
            });
            if !manager.subresource.is_empty() {
                json["subresource"] = json!(manager.subresource);
            }
            json
        });
        let entries: Vec<Value> = entries.collect();
        (!entries.is_empty()).then(|| json!(entries))
    }

    /// All but one manager, if one is named, lose fields.
    pub(super) fn lose(&mut self, except: Option<&Manager>, fields: &FieldSet) {
        if fields.is_empty() {
            return;
        }
        self.0.retain_mut(|entry| {
            if except == Some(&entry.manager) {
                return true;
            }
            entry.fields = std::mem::take(&mut entry.fields).difference(fields);
            !entry.fields.is_empty()
        });
    }

    /// A manager gets fields.
    pub(super) fn gain(&mut self, manager: &Manager, fields: &FieldSet, now: Timestamp) {
        if fields.is_empty() {
            return;
        }
        let before = self.take(manager);
        self.0.push(Entry {
            manager: manager.clone(),
            time: time(now),
            fields: before.map(|entry| entry.fields).unwrap_or_default().union(fields),
        });
    }

    /// A manager has exactly these fields from now on; those that it had before.
    pub(super) fn replace(&mut self, manager: &Manager, fields: FieldSet, now: Timestamp) -> FieldSet {
        let before = self.take(manager);
        self.0.push(Entry {
            manager: manager.clone(),
            time: time(now),
            fields,
        });
        before.map(|entry| entry.fields).unwrap_or_default()
    }

    /// A manager that has changed nothing keeps its time.
    pub(super) fn keep_time(&mut self, manager: &Manager, live: &Value) {
        let before = Self::read(live).take(manager);
        if let (Some(before), Some(entry)) = (before, self.0.iter_mut().find(|entry| entry.manager == *manager)) {
            entry.time = before.time;
        }
    }

    fn take(&mut self, manager: &Manager) -> Option<Entry> {
        let position = self.0.iter().position(|entry| entry.manager == *manager)?;
        Some(self.0.remove(position))
    }

    /// The fields that anybody owns.
    pub(super) fn all(&self) -> FieldSet {
        let all = self.0.iter();
        all.fold(FieldSet::default(), |all, entry| all.union(&entry.fields))
    }

    /// Who else owns some of these fields: each with the version and the fields.
    pub(super) fn owners(&self, except: &Manager, fields: &FieldSet) -> Vec<(String, String, FieldSet)> {
        let others = self.0.iter().filter(|entry| entry.manager != *except);
        let shared = others.map(|entry| {
            let manager = &entry.manager;
            (
                manager.name.clone(),
                manager.version.clone(),
                entry.fields.intersection(fields),
            )
        });
        shared.filter(|(_, _, shared)| !shared.is_empty()).collect()
    }
}
