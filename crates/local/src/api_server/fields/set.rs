//! Sets of fields, as `fieldsV1` of `metadata.managedFields` has them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A set of paths: whether it has this one, and those below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::api_server) struct FieldSet {
    pub(super) member: bool,
    pub(super) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Reads a set from `fieldsV1`.
    pub(super) fn read(fields: &Value) -> Self {
        let mut set = Self::node(fields);
        set.member = false;
        set
    }

    fn node(fields: &Value) -> Self {
        let Value::Object(fields) = fields else {
            return Self::default();
        };
        let children = fields.iter().filter(|(key, _)| *key != ".");
        Self {
            member: fields.is_empty() || fields.contains_key("."),
            children: children
                .map(|(key, fields)| (key.clone(), Self::node(fields)))
                .collect(),
        }
    }

    /// The set as `fieldsV1`.
    pub(super) fn json(&self) -> Value {
        let children = self.children.iter().map(|(key, child)| (key.clone(), child.json()));
        let mut fields: Map<String, Value> = children.collect();
        if self.member && !fields.is_empty() {
            fields.insert(".".to_owned(), json!({}));
        }
        Value::Object(fields)
    }

    pub(super) fn child(&mut self, key: String) -> &mut Self {
        self.children.entry(key).or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Without branches that have no members.
    pub(super) fn trimmed(mut self) -> Self {
        self.children = self
            .children
            .into_iter()
            .map(|(key, child)| (key, child.trimmed()))
            .filter(|(_, child)| child.member || !child.children.is_empty())
            .collect();
        self
    }

    pub(super) fn union(mut self, other: &Self) -> Self {
        self.member |= other.member;
        for (key, child) in &other.children {
            let united = self.children.remove(key).unwrap_or_default().union(child);
            self.children.insert(key.clone(), united);
        }
        self
    }

    /// Without the members of another set.
    pub(super) fn difference(mut self, other: &Self) -> Self {
        self.member &= !other.member;
        for (key, child) in &other.children {
            if let Some(own) = self.children.remove(key) {
                self.children.insert(key.clone(), own.difference(child));
            }
        }
        self.trimmed()
    }

    /// The members that both sets have.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let both = self.children.iter().filter_map(|(key, child)| {
            let other = other.children.get(key)?;
            Some((key.clone(), child.intersection(other)))
        });
        let both = Self {
            member: self.member && other.member,
            children: both.collect(),
        };
        both.trimmed()
    }

    /// The paths of its members, as messages show them: `.spec.containers[name="foo"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.add_paths("", &mut paths);
        paths
    }

    fn add_paths(&self, path: &str, paths: &mut Vec<String>) {
        if self.member {
            paths.push(path.to_owned());
        }
        for (key, child) in &self.children {
            child.add_paths(&format!("{path}{}", element(key)), paths);
        }
    }
}

/// An element of a path, as messages show it.
fn element(key: &str) -> String {
    let (kind, rest) = key.split_once(':').unwrap_or(("f", key));
    match kind {
        "k" => {
            let keys: BTreeMap<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<_> = keys.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        "v" => format!("[={rest}]"),
        _ => format!(".{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::read(fields)
    }

    #[test]
    fn sets_are_written_as_they_were_read() {
        let fields = json!({"f:a": {".": {}, "k:{\"name\":\"x\"}": {"f:b": {}}}, "f:c": {}});
        assert_eq!(set(&fields).json(), fields);
        assert_eq!(set(&fields).paths(), [".a", ".a[name=\"x\"].b", ".c"]);
        assert!(set(&json!({})).is_empty());
    }

    #[test]
    fn sets_are_united_and_subtracted() {
        let (one, other) = (
            set(&json!({"f:a": {".": {}, "f:b": {}}})),
            set(&json!({"f:a": {}, "f:c": {}})),
        );
        assert_eq!(
            one.clone().union(&other).json(),
            json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}})
        );
        assert_eq!(one.intersection(&other).json(), json!({"f:a": {}}));
        assert_eq!(one.difference(&other).json(), json!({"f:a": {"f:b": {}}}));
    }
}
