//! The garbage collector, and what empties namespaces that are deleted.
//!
//! It works within the request that gives it something to do, so that its work is done when the next request comes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete::{self, FOREGROUND, ORPHAN, Options};
use super::kinds::{KindId, NAMESPACE};
use super::store::{Key, Store};
use super::update::commit;
use super::value::{finalizers, has, is_terminating, items, metadata, name, namespace, set, text, uid};

/// The state of an owner, as its reference sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Solid,
    Dangling,
    /// It waits until its dependents are deleted.
    Waiting,
}

/// Does what an object that was written gives to do.
pub(super) fn after_write(store: &mut Store, id: KindId, object: &Value) {
    let key: Key = (id, namespace(object).to_owned(), name(object).to_owned());
    if is_terminating(object) {
        if id == NAMESPACE {
            empty_namespace(store, &key.2);
        }
        if finalizers(object).contains(&ORPHAN) {
            orphan_dependents(store, &key);
        }
        if finalizers(object).contains(&FOREGROUND) {
            delete_dependents(store, &key);
        }
    }
    if has(object, "/metadata/ownerReferences/0") {
        check(store, &key);
    }
}

/// Removes an object, and then what only existed for it.
pub(super) fn remove(store: &mut Store, key: &Key) -> Option<Arc<Value>> {
    let removed = store.remove(key)?;
    for dependent in dependents(store, uid(&removed)) {
        check(store, &dependent);
    }
    for reference in items(&removed, "/metadata/ownerReferences") {
        if let Some(owner) = owner_key(store, &removed, reference) {
            delete_dependents(store, &owner);
        }
    }
    if !key.1.is_empty() {
        finish_namespace(store, &key.1);
    }
    Some(removed)
}

/// The objects that have an owner of this uid.
fn dependents(store: &Store, uid: &str) -> Vec<Key> {
    let is_owned = |object: &Value| {
        let mut owners = items(object, "/metadata/ownerReferences").iter();
        owners.any(|owner| text(owner, "/uid") == uid)
    };
    let all = store.everything();
    all.filter(|(_, object)| is_owned(object))
        .map(|(key, _)| key.clone())
        .collect()
}

/// The key of an owner; `None` for a kind that the server does not have.
fn owner_key(store: &Store, object: &Value, reference: &Value) -> Option<Key> {
    let kind = store
        .kinds
        .of_owner(text(reference, "/apiVersion"), text(reference, "/kind"))?;
    let within = if store.kinds.get(kind).namespaced {
        namespace(object)
    } else {
        ""
    };
    Some((kind, within.to_owned(), text(reference, "/name").to_owned()))
}

fn state(store: &Store, object: &Value, reference: &Value) -> Owner {
    // Nobody can know whether an object of an unknown kind exists.
    let Some(key) = owner_key(store, object, reference) else {
        return Owner::Solid;
    };
    match store.get(&key) {
        Some(owner) if uid(owner) == text(reference, "/uid") => {
            if is_terminating(owner) && finalizers(owner).contains(&FOREGROUND) {
                Owner::Waiting
            } else {
                Owner::Solid
            }
        }
        _ => Owner::Dangling,
    }
}

/// Deletes an object if none of its owners is left; otherwise removes the references to those that are not.
fn check(store: &mut Store, key: &Key) {
    let Some(object) = store.get(key).cloned() else {
        return;
    };
    let references = items(&object, "/metadata/ownerReferences");
    if references.is_empty() || is_terminating(&object) {
        return;
    }
    let states: Vec<Owner> = references
        .iter()
        .map(|reference| state(store, &object, reference))
        .collect();
    if states.contains(&Owner::Solid) {
        if states.iter().any(|state| *state != Owner::Solid) {
            let kept = references
                .iter()
                .zip(&states)
                .filter(|(_, state)| **state == Owner::Solid);
            let kept: Vec<_> = kept.map(|(reference, _)| reference.clone()).collect();
            set_owners(store, key, &object, &kept);
        }
        return;
    }
    let names = finalizers(&object);
    let propagation = if states.contains(&Owner::Waiting) && !dependents(store, uid(&object)).is_empty() {
        "Foreground"
    } else if names.contains(&ORPHAN) {
        "Orphan"
    } else if names.contains(&FOREGROUND) {
        "Foreground"
    } else {
        "Background"
    };
    // It exists and has this uid, so there is nothing to refuse.
    let _ = delete::one(store, key, &Options::of_collector(&object, propagation));
}

fn set_owners(store: &mut Store, key: &Key, object: &Value, owners: &[Value]) {
    let mut after = object.clone();
    set(
        metadata(&mut after),
        "ownerReferences",
        (!owners.is_empty()).then(|| json!(owners)),
    );
    commit(store, key.0, object, after);
}

/// Removes an owner that is orphaning its dependents from them, and then its finalizer.
fn orphan_dependents(store: &mut Store, key: &Key) {
    let Some(owner) = store.get(key).cloned() else {
        return;
    };
    for dependent in dependents(store, uid(&owner)) {
        if let Some(object) = store.get(&dependent).cloned() {
            let references = items(&object, "/metadata/ownerReferences").iter();
            let kept: Vec<_> = references
                .filter(|one| text(one, "/uid") != uid(&owner))
                .cloned()
                .collect();
            set_owners(store, &dependent, &object, &kept);
        }
    }
    release(store, key, ORPHAN);
}

/// Deletes the dependents of an owner that waits for that; when those that block it are gone, it is released.
fn delete_dependents(store: &mut Store, key: &Key) {
    let Some(owner) = store.get(key).cloned() else {
        return;
    };
    if !is_terminating(&owner) || !finalizers(&owner).contains(&FOREGROUND) {
        return;
    }
    for dependent in dependents(store, uid(&owner)) {
        check(store, &dependent);
    }
    let blocks = |object: &Value| {
        let mut references = items(object, "/metadata/ownerReferences").iter();
        references.any(|one| text(one, "/uid") == uid(&owner) && one["blockOwnerDeletion"] == true)
    };
    let left = dependents(store, uid(&owner));
    if !left
        .iter()
        .any(|key| store.get(key).is_some_and(|object| blocks(object)))
    {
        release(store, key, FOREGROUND);
    }
}

fn release(store: &mut Store, key: &Key, finalizer: &str) {
    let Some(object) = store.get(key).cloned() else {
        return;
    };
    let names = finalizers(&object);
    if !names.contains(&finalizer) {
        return;
    }
    let kept: Vec<_> = names.into_iter().filter(|name| *name != finalizer).collect();
    let mut after = (*object).clone();
    set(
        metadata(&mut after),
        "finalizers",
        (!kept.is_empty()).then(|| json!(kept)),
    );
    commit(store, key.0, &object, after);
}

/// Deletes all that a namespace has.
fn empty_namespace(store: &mut Store, name: &str) {
    let content = store.everything().filter(|((_, within, _), _)| within == name);
    let content: Vec<Key> = content.map(|(key, _)| key.clone()).collect();
    for key in content {
        if let Some(object) = store.get(&key).cloned() {
            let _ = delete::one(store, &key, &Options::of_collector(&object, "Background"));
        }
    }
    finish_namespace(store, name);
}

/// Removes a namespace that is being deleted, once it is empty.
fn finish_namespace(store: &mut Store, name: &str) {
    let key = (NAMESPACE, String::new(), name.to_owned());
    let Some(object) = store.get(&key).cloned() else {
        return;
    };
    let is_empty = !store.everything().any(|((_, within, _), _)| within == name);
    if is_terminating(&object) && is_empty && has(&object, "/spec/finalizers/0") {
        let mut after = (*object).clone();
        after["spec"] = json!({});
        commit(store, NAMESPACE, &object, after);
    }
}
