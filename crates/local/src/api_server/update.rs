//! Changing objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::shown;
use super::kinds::{KindId, KindOfObject};
use super::refusal::{Cause, Refusal};
use super::request::Request;
use super::store::{Key, Store};
use super::value::{finalizers, has, is_terminating, metadata, name, namespace, number, set, text, uid, version};
use super::{collect, create, defaults, fields, typed, validate};

/// A write, and the name under which it is noted.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) manager: String,
    /// Whether it is a server-side apply.
    pub(super) applies: bool,
    pub(super) subresource: String,
    pub(super) dry_run: bool,
}

impl Writer {
    pub(super) fn update(request: &Request) -> Self {
        Self {
            manager: request.manager().to_owned(),
            applies: false,
            subresource: request.target.subresource.clone(),
            dry_run: request.is_dry_run(),
        }
    }
}

/// Answers a PUT.
pub(super) fn replace(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind).clone();
    let object = typed::read(&kind, request.json()?)?;
    if name(&object) != target.name {
        let message = format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            name(&object),
            target.name
        );
        return Err(Refusal::bad_request(message));
    }
    if !namespace(&object).is_empty() && namespace(&object) != target.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    let writer = Writer::update(request);
    let key = (target.kind, target.namespace.clone(), target.name.clone());
    let Some(before) = store.get(&key).cloned() else {
        if validate::is_made_by_update(&kind) && version(&object).is_empty() && target.subresource.is_empty() {
            let made = create::make(store, target.kind, &target.namespace, object, &writer)?;
            return Ok((201, shown(request, &made)));
        }
        return Err(Refusal::not_found(&kind, &target.name));
    };
    if version(&object).is_empty() && !validate::can_be_overwritten(&kind) {
        let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(Refusal::invalid(&kind, &target.name, &[cause]));
    }
    if !uid(&object).is_empty() && uid(&object) != uid(&before) {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            uid(&object),
            uid(&before)
        );
        return Err(Refusal::conflict(&kind, &target.name, &why));
    }
    let after = write(store, target.kind, &before, object, &writer)?;
    Ok((200, shown(request, &after)))
}

/// Writes the new form of an object, as far as the writer may change it.
pub(super) fn write(
    store: &mut Store,
    id: KindId,
    before: &Arc<Value>,
    wanted: Value,
    writer: &Writer,
) -> Result<Arc<Value>, Refusal> {
    let kind = store.kinds.get(id).clone();
    if !version(&wanted).is_empty() && version(&wanted) != version(before) {
        return Err(Refusal::modified(&kind, name(before)));
    }
    let after = prepare(store, &kind, before, wanted, writer)?;
    if same(before, &after) {
        return Ok(Arc::clone(before));
    }
    if writer.dry_run {
        return Ok(Arc::new(after));
    }
    Store::takes(&after)?;
    Ok(commit(store, id, before, after))
}

/// Stores the new form of an object; one that nothing holds any more is removed.
pub(super) fn commit(store: &mut Store, id: KindId, before: &Value, mut after: Value) -> Arc<Value> {
    let key: Key = (id, namespace(before).to_owned(), name(before).to_owned());
    let grace = number(&after, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
    if is_terminating(&after) && grace == 0 && finalizers(&after).is_empty() && !has(&after, "/spec/finalizers/0") {
        let removed = collect::remove(store, &key);
        metadata(&mut after).insert("resourceVersion".to_owned(), json!(version(before)));
        return removed.unwrap_or_else(|| Arc::new(after));
    }
    let after = store.put(id, after);
    collect::after_write(store, id, &after);
    after
}

/// The new form of an object: with its defaults, and without what this writer cannot change.
fn prepare(
    store: &Store,
    kind: &KindOfObject,
    before: &Value,
    wanted: Value,
    writer: &Writer,
) -> Result<Value, Refusal> {
    let mut after = typed::read(kind, wanted)?;
    keep_identity(before, &mut after, kind)?;
    if writer.subresource == "status" {
        let status = after["status"].take();
        let marks = ["labels", "annotations", "finalizers", "managedFields"];
        let written: Vec<_> = marks.map(|mark| (mark, after["metadata"][mark].take())).into();
        after = before.clone();
        for (mark, value) in written {
            set(metadata(&mut after), mark, Some(value));
        }
        if let Value::Object(fields) = &mut after {
            set(fields, "status", Some(status));
        }
    } else if kind.has_status
        && let Value::Object(fields) = &mut after
    {
        set(fields, "status", before.get("status").cloned());
    }
    defaults::keep(kind, before, &mut after);
    defaults::fill(kind, &mut after);
    if kind.has_generation && is_changed(before, &after, kind) {
        let generation = number(before, "/metadata/generation").unwrap_or_default() + 1;
        metadata(&mut after).insert("generation".to_owned(), json!(generation));
    }
    validate::updated(kind, before, &after, writer)?;
    fields::note(kind, Some(before), &mut after, writer, store.clock.now());
    Ok(after)
}

/// Keeps the metadata that no update can change.
fn keep_identity(before: &Value, after: &mut Value, kind: &KindOfObject) -> Result<(), Refusal> {
    if !uid(after).is_empty() && uid(after) != uid(before) {
        let cause = Cause::invalid("metadata.uid", &json!(uid(after)), "field is immutable");
        return Err(Refusal::invalid(kind, name(before), &[cause]));
    }
    if name(after) != name(before) && !name(after).is_empty() {
        let cause = Cause::invalid("metadata.name", &json!(name(after)), "field is immutable");
        return Err(Refusal::invalid(kind, name(before), &[cause]));
    }
    if is_terminating(before) {
        let old = finalizers(before);
        let new: Vec<_> = finalizers(after)
            .into_iter()
            .filter(|one| !old.contains(one))
            .map(ToOwned::to_owned)
            .collect();
        if !new.is_empty() {
            let listed = new.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", ");
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
            );
            let cause = Cause::forbidden("metadata.finalizers", &detail);
            return Err(Refusal::invalid(kind, name(before), &[cause]));
        }
    }
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
    ] {
        set(metadata(after), key, before["metadata"].get(key).cloned());
    }
    Ok(())
}

/// Whether anything has changed that the generation counts: all but the metadata and the status.
fn is_changed(before: &Value, after: &Value, kind: &KindOfObject) -> bool {
    let counted = |object: &Value| {
        let mut object = object.clone();
        if let Value::Object(fields) = &mut object {
            fields.remove("metadata");
            if kind.has_status {
                fields.remove("status");
            }
        }
        object
    };
    counted(before) != counted(after)
}

/// Whether two forms of an object differ in nothing but the times of notes.
fn same(before: &Value, after: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        if let Some(entries) = object["metadata"]["managedFields"].as_array_mut() {
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove("time");
            }
            // Kubernetes sorts them by their time.
            entries.sort_by_key(|entry| {
                (
                    text(entry, "/operation").to_owned(),
                    text(entry, "/manager").to_owned(),
                    text(entry, "/subresource").to_owned(),
                )
            });
        }
        object
    };
    timeless(before) == timeless(after)
}
