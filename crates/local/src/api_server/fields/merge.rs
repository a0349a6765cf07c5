//! Merging what is applied into what is there, and removing fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schema::{Path, Schema};
use super::set::FieldSet;

impl Schema {
    /// What is there, with what is applied in its place.
    pub(super) fn merged<'a>(self, live: &'a Value, applied: &'a Value, path: &mut Path<'a>) -> Value {
        if let (Some(old), Some(new)) = (self.granular(live, path), self.granular(applied, path)) {
            let mut merged = old.clone();
            for (key, value) in new {
                path.push(key);
                let value = old
                    .get(key)
                    .map_or_else(|| value.clone(), |old| self.merged(old, value, path));
                path.pop();
                merged.insert(key.clone(), value);
            }
            return Value::Object(merged);
        }
        if let (Some(old), Some(new)) = (self.items(live, path), self.items(applied, path)) {
            return Value::Array(self.merged_items(&old, &new, path));
        }
        applied.clone()
    }

    /// The applied items in their order; the others stay where they are between them.
    fn merged_items<'a>(
        self,
        old: &[(String, &'a Value)],
        new: &[(String, &'a Value)],
        path: &mut Path<'a>,
    ) -> Vec<Value> {
        let applied: BTreeSet<&String> = new.iter().map(|(key, _)| key).collect();
        let mut done = BTreeSet::new();
        let mut merged = Vec::new();
        let mut rest = new.iter();
        for (key, item) in old {
            if !applied.contains(key) {
                merged.push((*item).clone());
                continue;
            }
            while !done.contains(key) {
                let Some((next, item)) = rest.next() else { break };
                merged.push(self.merged_item(old, next, item, path));
                done.insert(next);
            }
        }
        merged.extend(rest.map(|(next, item)| self.merged_item(old, next, item, path)));
        merged
    }

    fn merged_item<'a>(self, old: &[(String, &'a Value)], key: &str, item: &'a Value, path: &mut Path<'a>) -> Value {
        let old = old.iter().find(|(other, _)| other == key);
        old.filter(|_| item.is_object())
            .map_or_else(|| item.clone(), |(_, old)| self.merged(old, item, path))
    }

    /// A value without the members of a set; `None` if nothing is left of it.
    pub(super) fn without<'a>(self, value: &'a Value, set: &FieldSet, path: &mut Path<'a>) -> Option<Value> {
        if let Some(fields) = self.granular(value, path) {
            let mut kept = Map::new();
            for (key, value) in fields {
                path.push(key);
                let left = self.left(value, set.children.get(&format!("f:{key}")), path);
                path.pop();
                if let Some(left) = left {
                    kept.insert(key.clone(), left);
                }
            }
            return (!kept.is_empty()).then_some(Value::Object(kept));
        }
        if let Some(items) = self.items(value, path) {
            let kept: Vec<Value> = items
                .into_iter()
                .filter_map(|(key, item)| self.left(item, set.children.get(&key), path))
                .collect();
            return (!kept.is_empty()).then_some(Value::Array(kept));
        }
        Some(value.clone())
    }

    fn left<'a>(self, value: &'a Value, removed: Option<&FieldSet>, path: &mut Path<'a>) -> Option<Value> {
        match removed {
            Some(removed) if removed.member => None,
            Some(removed) if !removed.children.is_empty() => self.without(value, removed, path),
            _ => Some(value.clone()),
        }
    }

    /// A set in which the fields above its members are members too, unless their names are data.
    pub(super) fn with_parents<'a>(self, set: &'a FieldSet, path: &mut Path<'a>) -> FieldSet {
        let is_plain = self.is_plain_map(path);
        let children = set.children.iter().map(|(key, child)| {
            let field = key.strip_prefix("f:");
            path.extend(field);
            let mut below = self.with_parents(child, path);
            if field.is_some() {
                path.pop();
                below.member |= !is_plain && !below.children.is_empty();
            }
            (key.clone(), below)
        });
        let children = children.collect();
        FieldSet {
            member: set.member,
            children,
        }
    }
}
