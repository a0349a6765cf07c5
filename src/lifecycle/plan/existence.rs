//! Whether what the pods name exists.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use kube::core::{ApiResource, DynamicObject};

use super::{Findings, Problem};
use crate::api::Inspect;
use crate::error::Result;
use crate::lifecycle::deadline::{Deadline, Step, repeat};
use crate::manifests::{Origins, Reference, references};
use crate::wording::nearest;

use k8s_openapi::api::apps::v1::StatefulSet;

/// What became of a look.
enum Seen {
    /// It is there. Of one whose entries count, they come along, without what is in them.
    There(Option<BTreeSet<String>>),
    /// It is not; the one whose name is most like it.
    Missing(Option<String>),
    /// The account may not look.
    Unknown,
}

/// Looks for everything that the pods name.
pub(super) async fn missing<A: Inspect>(
    api: &A,
    stateful_set: &StatefulSet,
    namespace: &str,
    origins: &Origins,
    deadline: Deadline,
) -> Result<Findings> {
    let references = references(stateful_set);
    // One request for each object, however often it is named.
    let mut objects: BTreeMap<(&str, &str), (&Reference, bool)> = BTreeMap::new();
    for reference in &references {
        let entry = objects.entry((&reference.resource.kind, &reference.name));
        entry.or_insert((reference, false)).1 |= reference.key.is_some();
    }
    let looks = objects.iter().map(|(key, (reference, with_entries))| async move {
        let seen = look(api, reference, *with_entries, namespace, deadline).await?;
        Ok((*key, seen))
    });
    let seen: BTreeMap<_, _> = join_all(looks).await.into_iter().collect::<Result<_>>()?;
    let mut findings = Findings::default();
    for reference in &references {
        let path = origins.field("StatefulSet", &reference.path);
        match &seen[&(reference.resource.kind.as_str(), reference.name.as_str())] {
            Seen::There(entries) => {
                let entries = entries.as_ref();
                if let (Some(key), Some(entries)) = (&reference.key, entries)
                    && !entries.contains(key)
                {
                    findings.problems.push(Problem {
                        path,
                        message: no_entry(reference, key, entries, namespace),
                    });
                }
            }
            Seen::Missing(near) => findings.problems.push(Problem {
                path,
                message: not_there(reference, near.as_deref(), namespace),
            }),
            Seen::Unknown => findings.notes.push(format!(
                "Not checked: whether {} {} exists, which {path} names; the account may not get {}.",
                reference.resource.kind,
                reference.name,
                full_name(&reference.resource)
            )),
        }
    }
    Ok(findings)
}

async fn look<A: Inspect>(
    api: &A,
    reference: &Reference,
    with_entries: bool,
    namespace: &str,
    deadline: Deadline,
) -> Result<Seen> {
    let Reference { resource, name, .. } = reference;
    let place = reference.namespaced.then_some(namespace);
    let step = |verb, name| Step::of(verb, resource, namespace, name).optional();
    let getting = step("get", name);
    let answer = if with_entries {
        let object = repeat(deadline, &getting, || api.look_up(resource, place, name)).await?;
        object.map(|object| object.map(|object| Some(entries(&object))))
    } else {
        let there = repeat(deadline, &getting, || api.is_there(resource, place, name)).await?;
        there.map(|there| there.then_some(None))
    };
    match answer {
        Ok(Some(entries)) => Ok(Seen::There(entries)),
        Ok(None) => {
            let names = repeat(deadline, &step("list", ""), || api.names(resource, place)).await?;
            // Only said to help: who may not list does without.
            let names = names.unwrap_or_default();
            let near = nearest(name, names.iter().map(String::as_str));
            Ok(Seen::Missing((!near.is_empty()).then(|| near.to_owned())))
        }
        Err(fault) if fault.is_missing_right() => Ok(Seen::Unknown),
        Err(fault) => Err(getting.failed(fault)),
    }
}

/// The names of the entries of a Secret or a `ConfigMap`.
fn entries(object: &DynamicObject) -> BTreeSet<String> {
    let maps = ["data", "binaryData"]
        .into_iter()
        .filter_map(|key| object.data.get(key)?.as_object());
    maps.flat_map(|entries| entries.keys().cloned()).collect()
}

fn not_there(reference: &Reference, near: Option<&str>, namespace: &str) -> String {
    let place = if reference.namespaced {
        format!("namespace {namespace}")
    } else {
        "the cluster".to_owned()
    };
    let Reference { resource, name, .. } = reference;
    let kind = &resource.kind;
    let near = near.map_or_else(
        || "Make it first, or correct its name.".to_owned(),
        |near| format!("Make it first, or correct its name: nearest to it is {near}."),
    );
    format!("{kind} {name} does not exist in {place}. {near}")
}

fn no_entry(reference: &Reference, key: &str, entries: &BTreeSet<String>, namespace: &str) -> String {
    let Reference { resource, name, .. } = reference;
    let near = match nearest(key, entries.iter().map(String::as_str)) {
        "" => "It is empty.".to_owned(),
        near => format!("Nearest to it is {near}."),
    };
    format!(
        "{} {name} in namespace {namespace} has no key {key}. {near}",
        resource.kind
    )
}

/// A resource as RBAC names it.
fn full_name(resource: &ApiResource) -> String {
    if resource.group.is_empty() {
        resource.plural.clone()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}
