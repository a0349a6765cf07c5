//! Server-side apply.

use serde_json::Value;

use super::answer::shown;
use super::refusal::{Cause, Refusal};
use super::request::Request;
use super::store::Store;
use super::update::{self, Writer};
use super::value::{has, metadata, name, namespace, set, uid, version};
use super::{create, fields};

/// Answers a PATCH that applies.
pub(super) fn apply(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind).clone();
    let manifest = without_nulls(request.json()?);
    if request.parameter("fieldManager").is_empty() {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Refusal::invalid_options(&cause));
    }
    if has(&manifest, "/metadata/managedFields") {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let mismatch = |what: &str, found: &str, expected: &str| {
        let differs = !found.is_empty() && found != expected;
        let message = format!("the {what} of the object ({found}) does not match the {what} on the URL ({expected})");
        if differs {
            Err(Refusal::bad_request(message))
        } else {
            Ok(())
        }
    };
    mismatch("name", name(&manifest), &target.name)?;
    mismatch("namespace", namespace(&manifest), &target.namespace)?;
    let writer = Writer {
        applies: true,
        ..Writer::update(request)
    };
    let key = (target.kind, target.namespace.clone(), target.name.clone());
    let live = store.get(&key).cloned();
    let now = store.clock.now();
    let mut wanted = fields::applied(&kind, live.as_deref(), &manifest, &writer, request.is_set("force"), now)?;
    let Some(live) = live else {
        if !uid(&manifest).is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was found",
                uid(&manifest)
            );
            return Err(Refusal::conflict(&kind, &target.name, &why));
        }
        if !target.subresource.is_empty() {
            return Err(Refusal::not_found(&kind, &target.name));
        }
        let metadata = metadata(&mut wanted);
        metadata.insert("name".to_owned(), target.name.clone().into());
        let made = create::make(store, target.kind, &target.namespace, wanted, &writer)?;
        return Ok((201, shown(request, &made)));
    };
    // What the manifest says of the object that it means.
    for (field, value) in [("uid", uid(&manifest)), ("resourceVersion", version(&manifest))] {
        let value = Some(value).filter(|value| !value.is_empty()).map(Value::from);
        let value = value.or_else(|| live["metadata"].get(field).filter(|_| field == "uid").cloned());
        set(metadata(&mut wanted), field, value);
    }
    let after = update::write(store, target.kind, &live, wanted, &writer)?;
    Ok((200, shown(request, &after)))
}

/// A manifest without fields that it leaves open.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
        for value in fields.values_mut() {
            *value = without_nulls(value.take());
        }
    } else if let Value::Array(items) = &mut value {
        for item in items {
            *item = without_nulls(item.take());
        }
    }
    value
}
