//! Deleting objects: at once, after their grace period, or when the last finalizer is gone.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use serde_json::{Value, json};

use super::answer::{list_kind, shown, shown_in_list, success};
use super::collect;
use super::kinds::{KindId, KindOfObject, NAMESPACE, POD};
use super::refusal::Refusal;
use super::request::Request;
use super::selector::Selector;
use super::store::{Key, Store};
use super::update::commit;
use super::value::{finalizers, has, is_terminating, metadata, number, set, text, time, uid, version};

/// The finalizer with which the garbage collector orphans dependents first.
pub(super) const ORPHAN: &str = "orphan";

/// The finalizer with which the garbage collector deletes dependents first.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// How an object is to be deleted.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    uid: Option<String>,
    version: Option<String>,
    grace: Option<i64>,
    propagation: Option<String>,
    dry_run: bool,
}

/// What is left of an object after a deletion.
pub(super) enum Left {
    Nothing(Arc<Value>),
    Object(Arc<Value>),
}

impl Options {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let body = if request.has_body() { request.json()? } else { json!({}) };
        Self::of_body(&body, request)
    }

    pub(super) fn of_body(body: &Value, request: &Request) -> Result<Self, Refusal> {
        let from_query = |name: &str| Some(request.parameter(name).to_owned()).filter(|text| !text.is_empty());
        let from_body = |pointer: &str| body.pointer(pointer)?.as_str().map(ToOwned::to_owned);
        let propagation = from_body("/propagationPolicy").or_else(|| from_query("propagationPolicy"));
        let orphans = body["orphanDependents"].as_bool();
        Ok(Self {
            uid: from_body("/preconditions/uid"),
            version: from_body("/preconditions/resourceVersion"),
            grace: match body["gracePeriodSeconds"].as_i64() {
                None => request.number("gracePeriodSeconds")?,
                given => given,
            },
            propagation: propagation.or_else(|| {
                let policy = if orphans? { "Orphan" } else { "Background" };
                Some(policy.to_owned())
            }),
            dry_run: request.is_dry_run() || body["dryRun"][0] == "All",
        })
    }

    /// As the garbage collector deletes.
    pub(super) fn of_collector(object: &Value, propagation: &str) -> Self {
        Self {
            uid: Some(uid(object).to_owned()),
            propagation: Some(propagation.to_owned()),
            ..Self::default()
        }
    }
}

/// Answers a DELETE of one object.
pub(super) fn delete(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind).clone();
    let key = (target.kind, target.namespace.clone(), target.name.clone());
    if store.get(&key).is_none() {
        return Err(Refusal::not_found(&kind, &target.name));
    }
    let answer = match one(store, &key, &Options::read(request)?)? {
        Left::Object(object) => shown(request, &object),
        Left::Nothing(object) if returns_object(&kind) => shown(request, &object),
        Left::Nothing(object) => success(&kind, &object),
    };
    Ok((200, answer))
}

/// Whether the answer to a deletion is what was deleted, and not a status.
fn returns_object(kind: &KindOfObject) -> bool {
    matches!(
        &*kind.kind,
        "Pod" | "Service" | "PersistentVolumeClaim" | "PersistentVolume" | "ResourceQuota" | "ServiceAccount"
    ) && kind.group.is_empty()
}

/// Answers a DELETE of a selection.
pub(super) fn collection(store: &mut Store, request: &Request) -> Result<Value, Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind).clone();
    let selector = Selector::parse(
        &kind,
        request.parameter("labelSelector"),
        request.parameter("fieldSelector"),
    )?;
    let options = Options::read(request)?;
    let selected = store.all(target.kind, &target.namespace);
    let selected: Vec<Key> = selected
        .filter(|(_, object)| selector.matches(object))
        .map(|(key, _)| key.clone())
        .collect();
    let mut items = Vec::new();
    for key in selected {
        // The garbage collector may have been faster.
        if store.get(&key).is_some() {
            let (Left::Object(object) | Left::Nothing(object)) = one(store, &key, &options)?;
            items.push(shown_in_list(request, &object));
        }
    }
    let (kind, api_version) = list_kind(request, &kind);
    let metadata = json!({"resourceVersion": store.revision().to_string()});
    Ok(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}))
}

/// Deletes an object that exists.
pub(super) fn one(store: &mut Store, key: &Key, options: &Options) -> Result<Left, Refusal> {
    let kind = store.kinds.get(key.0).clone();
    let Some(before) = store.get(key).cloned() else {
        return Err(Refusal::not_found(&kind, &key.2));
    };
    check(&kind, &before, options)?;
    let mut after = (*before).clone();
    let names = finalizers_after(&before, options);
    set(
        metadata(&mut after),
        "finalizers",
        (!names.is_empty()).then(|| json!(names)),
    );
    let grace = grace(store, key.0, &before, options);
    let is_held = !names.is_empty() || (key.0 == NAMESPACE && has(&before, "/spec/finalizers/0"));
    let earlier = number(&before, "/metadata/deletionGracePeriodSeconds").filter(|_| is_terminating(&before));
    if grace == 0 && !is_held {
        if options.dry_run {
            return Ok(Left::Nothing(before));
        }
        let removed = collect::remove(store, key);
        return Ok(Left::Nothing(removed.unwrap_or(before)));
    }
    // A later deletion can only shorten the time.
    if earlier.is_none_or(|earlier| grace < earlier) {
        mark(store, &mut after, grace, earlier.is_none());
    }
    if key.0 == NAMESPACE {
        after["status"]["phase"] = json!("Terminating");
    }
    if after == *before || options.dry_run {
        return Ok(Left::Object(Arc::new(after)));
    }
    let after = commit(store, key.0, &before, after);
    Ok(Left::Object(store.get(key).cloned().unwrap_or(after)))
}

/// Marks an object as one that is being deleted.
fn mark(store: &Store, object: &mut Value, grace: i64, is_first: bool) {
    let generation = number(object, "/metadata/generation");
    let since = if is_first {
        store.clock.now()
    } else {
        // The time at which the first deletion was asked for.
        let ends = text(object, "/metadata/deletionTimestamp")
            .parse()
            .unwrap_or_else(|_| store.clock.now());
        let earlier = number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        ends.saturating_sub(SignedDuration::from_secs(earlier)).unwrap_or(ends)
    };
    let grace_period = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
    let ends = since.saturating_add(grace_period).unwrap_or(since);
    let metadata = metadata(object);
    metadata.insert("deletionTimestamp".to_owned(), time(ends));
    metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
    if let (Some(generation), true) = (generation, is_first) {
        metadata.insert("generation".to_owned(), json!(generation + 1));
    }
}

fn check(kind: &KindOfObject, object: &Value, options: &Options) -> Result<(), Refusal> {
    let name = super::value::name(object);
    if let Some(asked) = options.uid.as_deref().filter(|asked| *asked != uid(object)) {
        let why = format!(
            "the UID in the precondition ({asked}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            uid(object)
        );
        return Err(Refusal::conflict(kind, name, &why));
    }
    if let Some(asked) = options.version.as_deref().filter(|asked| *asked != version(object)) {
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({}). The \
             object might have been modified",
            version(object)
        );
        return Err(Refusal::conflict(kind, name, &why));
    }
    Ok(())
}

/// The finalizers with those of the propagation that is asked for.
fn finalizers_after(object: &Value, options: &Options) -> Vec<String> {
    let names = finalizers(object).into_iter();
    let wanted = match options.propagation.as_deref() {
        Some("Orphan") => Some(ORPHAN),
        Some("Foreground") => Some(FOREGROUND),
        Some(_) => None,
        None => return names.map(ToOwned::to_owned).collect(),
    };
    let others = names.filter(|name| ![ORPHAN, FOREGROUND].contains(name));
    others.chain(wanted).map(ToOwned::to_owned).collect()
}

/// For how long an object stays. Only pods that a node runs do so.
fn grace(store: &Store, kind: KindId, object: &Value, options: &Options) -> i64 {
    let runs = !text(object, "/spec/nodeName").is_empty()
        && (store.keeps_failed || !matches!(text(object, "/status/phase"), "Succeeded" | "Failed"));
    if kind != POD || !runs {
        return 0;
    }
    let own = number(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    let earlier = number(object, "/metadata/deletionGracePeriodSeconds").filter(|_| is_terminating(object));
    options.grace.or(earlier).unwrap_or(own).max(0)
}
