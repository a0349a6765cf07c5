//! How objects merge: which maps and lists are one value, and what identifies the items of the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::set::FieldSet;
use crate::api_server::kinds::KindOfObject;
use crate::api_server::typed::MAPS;

/// How a list merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// It is one value.
    Atomic,
    /// Each item is a value of its own.
    Set,
    /// These fields identify an item.
    Keyed(&'static [&'static str]),
}

/// Maps that are one value, wherever they are.
const ATOMIC: [&str; 20] = [
    "claimRef",
    "configMapKeyRef",
    "dataSource",
    "fieldRef",
    "involvedObject",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "podSelector",
    "related",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resourceFieldRef",
    "scaleTargetRef",
    "secretKeyRef",
    "secretRef",
    "configMapRef",
    "selector",
    "targetRef",
    "fileKeyRef",
    "nodePublishSecretRef",
];

/// The containers of a pod.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// How the objects of a kind merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    is_custom: bool,
    is_service: bool,
}

/// What has changed between two objects.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Comparison {
    /// What was added or modified.
    pub(super) fn written(&self) -> FieldSet {
        self.added.clone().union(&self.modified)
    }
}

/// The names of the fields that lead to a value, without the items of lists.
pub(super) type Path<'a> = Vec<&'a str>;

impl Schema {
    pub(super) fn of(kind: &KindOfObject) -> Self {
        Self {
            is_custom: kind.is_custom(),
            is_service: kind.is("", "Service"),
        }
    }

    pub(super) fn list(self, path: &[&str]) -> List {
        if self.is_custom && path.first() != Some(&"metadata") {
            return List::Atomic;
        }
        let parent = path.len().checked_sub(2).map_or("", |parent| path[parent]);
        match path.last().copied().unwrap_or_default() {
            "ownerReferences" => List::Keyed(&["uid"]),
            "finalizers" if parent == "metadata" => List::Set,
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets"
            | "schedulingGates"
            | "resourceClaims"
            | "claims" => List::Keyed(&["name"]),
            "ports" if CONTAINERS.contains(&parent) => List::Keyed(&["containerPort", "protocol"]),
            "ports" if self.is_service && parent == "spec" => List::Keyed(&["port", "protocol"]),
            "volumeMounts" => List::Keyed(&["mountPath"]),
            "volumeDevices" => List::Keyed(&["devicePath"]),
            "hostAliases" | "podIPs" | "hostIPs" => List::Keyed(&["ip"]),
            "topologySpreadConstraints" => List::Keyed(&["topologyKey", "whenUnsatisfiable"]),
            "conditions" | "addresses" => List::Keyed(&["type"]),
            _ => List::Atomic,
        }
    }

    fn is_atomic_map(self, path: &[&str]) -> bool {
        !self.is_custom && path.last().is_some_and(|name| ATOMIC.contains(name))
    }

    /// Whether the keys of a map are data, and not fields of a type.
    pub(super) fn is_plain_map(self, path: &[&str]) -> bool {
        let is_plain = path.last().is_some_and(|name| MAPS.contains(name));
        is_plain && (!self.is_custom || path.first() == Some(&"metadata"))
    }

    /// The fields of a map that merges field by field.
    pub(super) fn granular<'a>(self, value: &'a Value, path: &[&str]) -> Option<&'a serde_json::Map<String, Value>> {
        value.as_object().filter(|_| !self.is_atomic_map(path))
    }

    /// The items of a list that merges item by item, each with what identifies it.
    pub(super) fn items<'a>(self, value: &'a Value, path: &[&str]) -> Option<Vec<(String, &'a Value)>> {
        let list = self.list(path);
        let items = value.as_array().filter(|_| list != List::Atomic)?;
        Some(items.iter().map(|item| (identity(list, item), item)).collect())
    }

    /// All fields that an object has.
    pub(super) fn fields(self, object: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        self.collect(object, &mut Vec::new(), &mut set);
        set.member = false;
        if let Some(metadata) = set.children.get_mut("f:metadata") {
            metadata.member = false;
        }
        set.trimmed()
    }

    fn collect<'a>(self, value: &'a Value, path: &mut Path<'a>, set: &mut FieldSet) {
        if let Some(fields) = self.granular(value, path) {
            let is_plain = self.is_plain_map(path);
            for (key, value) in fields {
                let child = set.child(format!("f:{key}"));
                path.push(key);
                self.collect(value, path, child);
                path.pop();
                let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
                child.member |= value.is_null() || is_empty || is_plain;
            }
        } else if let Some(items) = self.items(value, path) {
            for (key, item) in items {
                let child = set.child(key);
                if item.is_object() {
                    self.collect(item, path, child);
                }
                child.member = true;
            }
        } else {
            set.member = true;
        }
    }

    /// Compares two objects.
    pub(super) fn compare(self, before: &Value, after: &Value) -> Comparison {
        let mut found = Comparison::default();
        self.descend(Some(before), Some(after), &mut Vec::new(), &mut found);
        Comparison {
            added: found.added.trimmed(),
            modified: found.modified.trimmed(),
            removed: found.removed.trimmed(),
        }
    }

    fn descend<'a>(
        self,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        path: &mut Path<'a>,
        found: &mut Comparison,
    ) {
        match (before, after) {
            (None, None) => return,
            (None, Some(_)) => found.added.member = true,
            (Some(_), None) => found.removed.member = true,
            (Some(_), Some(_)) => {}
        }
        let either = [before, after].into_iter().flatten();
        // An absent value, and null, is an empty map beside a map.
        let is_empty = |value: Option<&Value>| value.is_none_or(Value::is_null);
        let are_maps =
            |value: Option<&'a Value>| is_empty(value) || value.is_some_and(|one| self.granular(one, path).is_some());
        let are_lists =
            |value: Option<&'a Value>| is_empty(value) || value.is_some_and(|one| self.items(one, path).is_some());
        if either.clone().all(Value::is_null) {
            return;
        }
        if are_maps(before) && are_maps(after) {
            let sides = [before, after].map(|value| value.and_then(Value::as_object));
            let keys: BTreeSet<&String> = sides.iter().flatten().flat_map(|fields| fields.keys()).collect();
            for key in keys {
                path.push(key);
                let [before, after] = sides.map(|fields| fields.and_then(|fields| fields.get(key)));
                self.below(&format!("f:{key}"), before, after, path, found);
                path.pop();
            }
        } else if are_lists(before) && are_lists(after) {
            let sides =
                [before, after].map(|value| value.and_then(|value| self.items(value, path)).unwrap_or_default());
            let [before, after] = sides.map(|items| items.into_iter().collect::<BTreeMap<String, &Value>>());
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let (before, after) = (before.get(key).copied(), after.get(key).copied());
                self.below(key, before, after, path, found);
            }
        } else if before.is_some() && after.is_some() && before != after {
            found.modified.member = true;
        }
    }

    fn below<'a>(
        self,
        key: &str,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        path: &mut Path<'a>,
        found: &mut Comparison,
    ) {
        let mut inside = Comparison::default();
        // An item of a set is a value, and its list's name would make it another list.
        if [before, after]
            .into_iter()
            .flatten()
            .all(|value| key.starts_with("v:") && !value.is_object())
        {
            inside.added.member = before.is_none();
            inside.removed.member = after.is_none();
        } else {
            self.descend(before, after, path, &mut inside);
        }
        for (into, inside) in [
            (&mut found.added, inside.added),
            (&mut found.modified, inside.modified),
            (&mut found.removed, inside.removed),
        ] {
            if !inside.is_empty() {
                into.children.insert(key.to_owned(), inside);
            }
        }
    }
}

/// What identifies an item of a list.
fn identity(list: List, item: &Value) -> String {
    let List::Keyed(keys) = list else {
        return format!("v:{item}");
    };
    let value = |key: &str| match item.get(key) {
        None | Some(Value::Null) if key == "protocol" => Value::from("TCP"),
        value => value.cloned().unwrap_or_default(),
    };
    let keys: BTreeMap<&str, Value> = keys.iter().map(|key| (*key, value(key))).collect();
    // A map of texts always serializes.
    format!("k:{}", serde_json::to_string(&keys).unwrap_or_default())
}
