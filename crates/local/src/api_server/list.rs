//! Reading objects: one, or those of a selection in pages.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::answer::{list_kind, shown, shown_in_list};
use super::refusal::Refusal;
use super::request::Request;
use super::selector::Selector;
use super::store::{Key, Store};
use super::value::text;

const TOO_OLD_TO_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. \
    You can start a new list without the continue parameter, or use the continue token in this response to retrieve \
    the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that \
    were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

pub(super) fn get(store: &Store, request: &Request) -> Result<Value, Refusal> {
    if let Some(asked) = request.number::<u64>("resourceVersion")?
        && asked > store.revision()
    {
        return Err(Refusal::too_large_version(asked, store.revision()));
    }
    let target = &request.target;
    let key = (target.kind, target.namespace.clone(), target.name.clone());
    let found = store.get(&key).map(|object| shown(request, object));
    found.ok_or_else(|| Refusal::not_found(store.kinds.get(target.kind), &target.name))
}

pub(super) fn list(store: &Store, request: &Request) -> Result<Value, Refusal> {
    let target = &request.target;
    let kind = store.kinds.get(target.kind);
    let selector = Selector::parse(
        kind,
        request.parameter("labelSelector"),
        request.parameter("fieldSelector"),
    )?;
    let limit = request.number::<usize>("limit")?.unwrap_or_default();
    let (revision, start) = place(store, request)?;
    let objects: Vec<(Key, Arc<Value>)> = if revision == store.revision() {
        let now = store.all(target.kind, &target.namespace);
        now.map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
    } else {
        let then = store.at(revision, target.kind, &target.namespace);
        then.ok_or_else(|| Refusal::expired(TOO_OLD_TO_CONTINUE))?
            .into_iter()
            .collect()
    };
    let mut selected = objects
        .iter()
        .filter(|(key, object)| start.as_ref().is_none_or(|start| position(key) > *start) && selector.matches(object))
        .peekable();
    let mut items = Vec::new();
    let mut last = None;
    while let Some((key, object)) = selected.next_if(|_| limit == 0 || items.len() < limit) {
        items.push(shown_in_list(request, object));
        last = Some(key);
    }
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let (Some(last), true) = (last, selected.peek().is_some()) {
        metadata["continue"] = json!(token(revision, last));
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(selected.count());
        }
    }
    let (kind, api_version) = list_kind(request, kind);
    Ok(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}))
}

/// At which revision a list is read, and after which object it starts.
fn place(store: &Store, request: &Request) -> Result<(u64, Option<String>), Refusal> {
    let now = store.revision();
    let token = request.parameter("continue");
    if !token.is_empty() {
        let not_valid = || Refusal::bad_request("continue key is not valid: it was not issued by this server");
        let decoded = URL_SAFE_NO_PAD.decode(token).map_err(|_| not_valid())?;
        let decoded: Value = serde_json::from_slice(&decoded).map_err(|_| not_valid())?;
        let revision = decoded["rv"].as_u64().filter(|revision| *revision <= now);
        return Ok((
            revision.ok_or_else(not_valid)?,
            Some(text(&decoded, "/start").to_owned()),
        ));
    }
    let asked = request.number::<u64>("resourceVersion")?.unwrap_or_default();
    if asked > now {
        return Err(Refusal::too_large_version(asked, now));
    }
    if request.parameter("resourceVersionMatch") != "Exact" {
        return Ok((now, None));
    }
    if asked < store.forgotten() {
        let message = format!("The resourceVersion for the provided list is too old: {asked}");
        return Err(Refusal::expired(message));
    }
    Ok((asked, None))
}

fn position(key: &Key) -> String {
    format!("{}/{}", key.1, key.2)
}

fn token(revision: u64, last: &Key) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": position(last)});
    URL_SAFE_NO_PAD.encode(token.to_string())
}
