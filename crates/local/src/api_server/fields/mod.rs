//! The owners of fields: `metadata.managedFields`, as the library structured-merge-diff keeps them.

mod entries;
mod merge;
mod schema;
mod set;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::KindOfObject;
use super::refusal::Refusal;
use super::update::Writer;
use super::value::{items, metadata, set as write};
use entries::{Entries, Manager};
use schema::Schema;
use set::FieldSet;

/// Metadata that nobody owns.
const UNOWNED: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Notes what a write other than an apply has changed. The managed fields that it wrote itself are taken over.
pub(super) fn note(kind: &KindOfObject, before: Option<&Value>, after: &mut Value, by: &Writer, now: Timestamp) {
    if by.applies {
        return;
    }
    let resets = items(after, "/metadata/managedFields") == [json!({})];
    let mut entries = Entries::read(after);
    if entries.is_empty() {
        entries = before.map(Entries::read).unwrap_or_default();
    }
    if resets {
        write(metadata(after), "managedFields", None);
        return;
    }
    // Nothing is noted of an object whose managed fields were removed, until it is applied.
    if before.is_some() && entries.is_empty() {
        return;
    }
    let schema = Schema::of(kind);
    let old = owned(kind, &before.cloned().unwrap_or_else(|| empty(kind)), by);
    let comparison = schema.compare(&old, &owned(kind, after, by));
    let written = comparison.written();
    entries.lose(None, &written);
    entries.lose(None, &comparison.removed);
    entries.gain(&Manager::of(kind, by), &written, now);
    write(metadata(after), "managedFields", entries.json());
}

/// An object with a manifest applied to it: what the manager applied before and no longer applies is removed, unless
/// another owns it too.
pub(super) fn applied(
    kind: &KindOfObject,
    live: Option<&Value>,
    manifest: &Value,
    by: &Writer,
    force: bool,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let schema = Schema::of(kind);
    let manager = Manager::of(kind, by);
    let mut entries = live.map(Entries::read).unwrap_or_default();
    if let Some(live) = live
        && entries.is_empty()
    {
        entries.gain(
            &Manager::before_first_apply(kind),
            &schema.fields(&owned(kind, live, by)),
            now,
        );
    }
    let manifest = owned(kind, manifest, by);
    let base = live.map_or_else(|| empty(kind), |live| owned(kind, live, by));
    let last = entries.replace(&manager, schema.fields(&manifest), now);
    let merged = schema.merged(&base, &manifest, &mut Vec::new());
    let pruned = pruned(schema, &merged, &last, &entries.all());
    let comparison = schema.compare(&base, &pruned);
    let written = comparison.written();
    let conflicts = entries.owners(&manager, &written);
    if !force && !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    entries.lose(Some(&manager), &written);
    entries.lose(Some(&manager), &comparison.removed);
    let mut after = pruned;
    // What nobody owns is as it was.
    for key in UNOWNED {
        let value = live.and_then(|live| live["metadata"].get(key)).cloned();
        write(metadata(&mut after), key, value);
    }
    if kind.has_status && by.subresource.is_empty() {
        write_status(&mut after, live);
    }
    let is_unchanged = comparison.added.is_empty() && comparison.modified.is_empty() && comparison.removed.is_empty();
    if is_unchanged && let Some(live) = live {
        entries.keep_time(&manager, live);
    }
    write(metadata(&mut after), "managedFields", entries.json());
    Ok(after)
}

fn write_status(after: &mut Value, live: Option<&Value>) {
    if let Value::Object(fields) = after {
        write(fields, "status", live.and_then(|live| live.get("status")).cloned());
    }
}

/// What was merged, without what the manager applied before and nobody owns now.
fn pruned(schema: Schema, merged: &Value, last: &FieldSet, owned: &FieldSet) -> Value {
    if last.is_empty() {
        return merged.clone();
    }
    let whole = |set: &FieldSet| schema.with_parents(set, &mut Vec::new());
    let without = |set: &FieldSet| {
        schema
            .without(merged, set, &mut Vec::new())
            .unwrap_or_else(|| json!({}))
    };
    let (all, last) = (whole(&schema.fields(merged)), whole(last));
    let left = whole(&schema.fields(&without(&last)));
    let kept = without(&all.clone().difference(&left.union(&whole(owned))));
    // Of what went with it, what the manager had not applied comes back.
    let gone = all.difference(&whole(&schema.fields(&kept)));
    without(&gone.intersection(&last))
}

fn conflict(conflicts: &[(String, String, FieldSet)]) -> Refusal {
    let mut causes = Vec::new();
    let mut texts = Vec::new();
    for (manager, version, fields) in conflicts {
        let with = format!("with {manager:?} using {version}");
        let paths = fields.paths();
        causes.extend(paths.iter().map(|path| (path.clone(), format!("conflict {with}"))));
        texts.push(match &paths[..] {
            [one] => format!("conflict {with}: {one}"),
            many => format!("conflicts {with}:\n- {}", many.join("\n- ")),
        });
    }
    let number = causes.len();
    let plural = if number == 1 { "" } else { "s" };
    let message = format!("Apply failed with {number} conflict{plural}: {}", texts.join("\n"));
    Refusal::apply_conflict(message, &causes)
}

/// What of an object can have an owner.
fn owned(kind: &KindOfObject, object: &Value, by: &Writer) -> Value {
    let mut object = object.clone();
    if let Value::Object(fields) = &mut object {
        fields.remove("apiVersion");
        fields.remove("kind");
        if kind.has_status && by.subresource.is_empty() {
            fields.remove("status");
        }
    }
    let metadata = metadata(&mut object);
    metadata.retain(|key, _| !UNOWNED.contains(&key.as_str()));
    object
}

/// An object as Go makes it: with the parts that are always there.
fn empty(kind: &KindOfObject) -> Value {
    if kind.is_custom() {
        return json!({"metadata": {}});
    }
    match &*kind.kind {
        "StatefulSet" => json!({
            "metadata": {},
            "spec": {
                "selector": null, "serviceName": null, "updateStrategy": {},
                "template": {"metadata": {}, "spec": {"containers": null}},
            },
        }),
        "Pod" => json!({"metadata": {}, "spec": {"containers": null}}),
        "PersistentVolumeClaim" => json!({"metadata": {}, "spec": {"resources": {}}}),
        "Service" | "Lease" | "PodDisruptionBudget" | "PersistentVolume" | "ResourceQuota" | "Node" | "Namespace" => {
            json!({"metadata": {}, "spec": {}})
        }
        "NetworkPolicy" => json!({"metadata": {}, "spec": {"podSelector": null}}),
        "LimitRange" => json!({"metadata": {}, "spec": {"limits": null}}),
        "Event" => json!({"metadata": {}, "involvedObject": {}, "source": {}}),
        _ => json!({"metadata": {}}),
    }
}
