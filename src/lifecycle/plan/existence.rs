//! Whether what the pods name exists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use kube::core::{ApiResource, DynamicObject};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::findings::{Unchecked, answer};
use super::{Findings, Problem};
use crate::cluster::{Fault, Inspect};
use crate::lifecycle::retry::{Deadline, Step, retry};
use crate::manifests::{Reference, references};
use crate::origins::Origins;
use crate::text::{did_you_mean, nearest};

use k8s_openapi::api::apps::v1::StatefulSet;

/// The result of a look.
enum Seen {
    /// It exists; with the keys of its entries where these count, without their values.
    There(Option<BTreeSet<String>>),
    /// It is not; the one whose name is most like it.
    Missing(Option<String>),
    /// It could not be looked for.
    Unknown(Unchecked),
}

/// For how long to look for a name that is like one that is missing.
const HINT: Duration = Duration::from_secs(2);

/// Among how many names.
const NAMES: u32 = 1000;

/// Looks for everything that the pods name. Also returns whether anything could be looked for.
pub(super) async fn missing<A: Inspect>(
    api: &A,
    stateful_set: &StatefulSet,
    namespace: &str,
    origins: &Origins,
    deadline: Deadline,
) -> (Findings, bool) {
    let references = references(stateful_set);
    // One request for each object, however often it is named.
    let mut objects: BTreeMap<(&str, &str), (&Reference, bool)> = BTreeMap::new();
    for reference in &references {
        let entry = objects.entry((&reference.resource.kind, &reference.name));
        entry.or_insert((reference, false)).1 |= reference.key.is_some();
    }
    let looks = objects.iter().map(|(key, (reference, with_entries))| async move {
        (*key, look(api, reference, *with_entries, namespace, deadline).await)
    });
    let seen: BTreeMap<_, _> = join_all(looks).await.into_iter().collect();
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
            Seen::Unknown(why) => {
                let Reference { resource, name, .. } = reference;
                let what = format!("whether {} {name} exists, which {path} names", resource.kind);
                findings
                    .notes
                    .push(why.note(&what, &format!("get {}", full_name(resource))));
            }
        }
    }
    let checked = seen.values().any(|seen| !matches!(seen, Seen::Unknown(_)));
    (findings, checked)
}

async fn look<A: Inspect>(
    api: &A,
    reference: &Reference,
    with_entries: bool,
    namespace: &str,
    deadline: Deadline,
) -> Seen {
    let Reference { resource, name, .. } = reference;
    let place = reference.namespaced.then_some(namespace);
    let step = |verb, name| Step::of(verb, resource, place.unwrap_or_default(), name).optional();
    let getting = step("get", name);
    let there = if with_entries {
        let object = retry(deadline, &getting, || api.look_up(resource, place, name)).await;
        answer(&getting, object).map(|object| object.map(|object| Some(entries(&object))))
    } else {
        let there = retry(deadline, &getting, || api.exists(resource, place, name)).await;
        answer(&getting, there).map(|there| there.then_some(None))
    };
    match there {
        Ok(Some(entries)) => Seen::There(entries),
        Ok(None) => {
            let names = timeout(HINT, api.names(resource, place, NAMES)).await;
            let names = known(&step("list", ""), names);
            let near = nearest(name, names.iter().map(String::as_str));
            Seen::Missing((!near.is_empty()).then(|| near.to_owned()))
        }
        Err(why) => Seen::Unknown(why),
    }
}

/// The names among which there may be a similar one. They are only for a hint, so that an account need not have the
/// permission to list them.
fn known(listing: &Step, names: Result<std::result::Result<Vec<String>, Fault>, Elapsed>) -> Vec<String> {
    const CONSEQUENCE: &str = "a plan suggests no similar name";
    match names {
        Ok(Ok(names)) => return names,
        Ok(Err(fault)) if fault.is_missing_permission() => {}
        Ok(Err(fault)) => listing.swallow(CONSEQUENCE, &fault),
        Err(_) => {
            let cause = format!("the API server did not answer within {} s", HINT.as_secs());
            listing.swallow(CONSEQUENCE, &cause);
        }
    }
    Vec::new()
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
        |near| format!("Make it first, or correct its name; did you mean `{near}`?"),
    );
    format!("{kind} {name} does not exist in {place}. {near}")
}

fn no_entry(reference: &Reference, key: &str, entries: &BTreeSet<String>, namespace: &str) -> String {
    let Reference { resource, name, .. } = reference;
    let near = if entries.is_empty() {
        ". It is empty.".to_owned()
    } else {
        did_you_mean(key, entries.iter().map(String::as_str))
    };
    format!(
        "{} {name} in namespace {namespace} has no key {key}{near}",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swallowed::recorder::record;
    use k8s_openapi::api::core::v1::Secret;

    #[tokio::test(start_paused = true)]
    async fn a_list_of_names_that_fails_is_logged_unless_the_permission_is_missing() {
        let forbidden = || Fault::Refused {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: "User \"me\" cannot list resource \"secrets\" in API group \"\"".to_owned(),
        };
        let listing = Step::new::<Secret>("list", "no-names", "").optional();
        let late = timeout(HINT, std::future::pending()).await;
        for (names, found, cause) in [
            (Ok(Ok(vec!["foo".to_owned()])), 1, ""),
            (Ok(Err(forbidden())), 0, ""),
            (
                Ok(Err(Fault::transient("the connection broke"))),
                0,
                "the connection broke",
            ),
            (late, 0, "the API server did not answer within 2 s"),
        ] {
            let (records, guard) = record();
            assert_eq!(known(&listing, names).len(), found);
            drop(guard);
            let causes: String = records.all().iter().map(|record| record.field("cause")).collect();
            assert_eq!(causes, cause);
        }
    }
}
