//! Making objects.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::shown;
use super::kinds::{KindId, KindOfObject, NAMESPACE, SERVICE_ACCOUNT};
use super::refusal::Refusal;
use super::request::Request;
use super::store::Store;
use super::update::Writer;
use super::value::{is_terminating, metadata, name, namespace as namespace_of, text, time};
use super::{defaults, fields, provide, typed, validate};

/// The letters of generated names: without vowels, and without what looks alike.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Answers a POST.
pub(super) fn create(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let object = request.json()?;
    let made = make(store, target.kind, &target.namespace, object, &Writer::update(request))?;
    Ok((201, shown(request, &made)))
}

/// Makes an object.
pub(super) fn make(
    store: &mut Store,
    id: KindId,
    namespace: &str,
    object: Value,
    writer: &Writer,
) -> Result<Arc<Value>, Refusal> {
    let kind = store.kinds.get(id).clone();
    if kind.namespaced && namespace.is_empty() {
        return Err(Refusal::method_not_allowed());
    }
    let mut object = typed::read(&kind, object)?;
    let given = namespace_of(&object);
    if !given.is_empty() && given != namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if !super::value::version(&object).is_empty() {
        return Err(Refusal::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    enter(store, &kind, namespace, name(&object))?;
    begin(store, &kind, namespace, &mut object);
    defaults::fill(&kind, &mut object);
    defaults::admit(&kind, &mut object);
    if let Some(refused) = store.admission.refusal(&kind.kind, &object) {
        return Err(Refusal::not_admitted(refused));
    }
    defaults::begin_status(&kind, &mut object);
    validate::created(&kind, &object)?;
    let key = (id, namespace.to_owned(), name(&object).to_owned());
    if store.get(&key).is_some() {
        return Err(Refusal::already_exists(&kind, &key.2));
    }
    fields::note(&kind, None, &mut object, writer, store.clock.now());
    if writer.dry_run {
        return Ok(Arc::new(object));
    }
    Store::takes(&object)?;
    let made = store.put(id, object);
    if id == NAMESPACE {
        service_account(store, name(&made));
        provide::in_namespace(store, name(&made));
    }
    super::collect::after_write(store, id, &made);
    Ok(made)
}

/// Whether objects can be made in a namespace.
fn enter(store: &mut Store, kind: &KindOfObject, namespace: &str, name: &str) -> Result<(), Refusal> {
    if namespace.is_empty() {
        return Ok(());
    }
    match store.get(&(NAMESPACE, String::new(), namespace.to_owned())) {
        Some(there) if is_terminating(there) => Err(Refusal::terminating(kind, name, namespace)),
        Some(_) => Ok(()),
        None if store.creates_namespaces => {
            self::namespace(store, namespace);
            Ok(())
        }
        None => Err(Refusal::not_found(store.kinds.get(NAMESPACE), namespace)),
    }
}

/// Writes the metadata that a new object has.
fn begin(store: &Store, kind: &KindOfObject, namespace: &str, object: &mut Value) {
    let prefix = text(object, "/metadata/generateName").to_owned();
    let is_unnamed = name(object).is_empty() && !prefix.is_empty();
    let metadata = metadata(object);
    for key in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        metadata.remove(key);
    }
    if is_unnamed {
        // The longest name of an object whose name is a label too, without the suffix.
        let prefix: String = prefix.chars().take(58).collect();
        metadata.insert("name".to_owned(), json!(format!("{prefix}{}", suffix())));
    }
    if !namespace.is_empty() {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata.insert("uid".to_owned(), json!(Uuid::new_v4().to_string()));
    metadata.insert("creationTimestamp".to_owned(), time(store.clock.now()));
    if kind.has_generation {
        metadata.insert("generation".to_owned(), json!(1));
    }
}

fn suffix() -> String {
    let random = *Uuid::new_v4().as_bytes();
    let letters = random
        .iter()
        .take(5)
        .map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
    letters.map(char::from).collect()
}

/// Makes a namespace, unless it exists.
pub(super) fn namespace(store: &mut Store, name: &str) {
    if store.get(&(NAMESPACE, String::new(), name.to_owned())).is_some() {
        return;
    }
    let kind = store.kinds.get(NAMESPACE).clone();
    let mut object = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}});
    begin(store, &kind, "", &mut object);
    defaults::fill(&kind, &mut object);
    defaults::admit(&kind, &mut object);
    defaults::begin_status(&kind, &mut object);
    store.put(NAMESPACE, object);
    service_account(store, name);
    provide::in_namespace(store, name);
}

/// Makes the service account that every namespace has.
fn service_account(store: &mut Store, namespace: &str) {
    let kind = store.kinds.get(SERVICE_ACCOUNT).clone();
    let mut object = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "default"}});
    begin(store, &kind, namespace, &mut object);
    store.put(SERVICE_ACCOUNT, object);
}
