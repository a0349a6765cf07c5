//! Elsewhere: in which other namespaces a service of a name exists, for a caller who found none in the one it looked in.

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::ApiResource;
use serde_json::json;

use super::deadline::{Deadline, Step, repeat};
use crate::api::{Inspect, Trial};
use crate::error::{Error, ObjectReference, Result};
use crate::ownership::{Maker, maker};

/// How many services are looked for, at most.
const MOST: u32 = 100;

/// Returns the other namespaces that have a service of this name, made by this plugin, in alphabetical order.
///
/// All namespaces are searched where the account may list the `StatefulSet`s of the whole cluster, else the `candidates`. A
/// namespace that the account may not read is left out.
///
/// # Errors
/// [`Error::NotFound`] if the namespace itself does not exist, and [`Error::Unavailable`] at the deadline.
pub async fn elsewhere<A: Inspect>(
    api: &A,
    namespace: &str,
    name: &str,
    candidates: &[String],
    deadline: Deadline,
) -> Result<Vec<String>> {
    if !namespace_exists(api, namespace, name, deadline).await? {
        return Err(Error::NotFound {
            object: ObjectReference::new("Namespace", "", namespace),
            advice: format!("Service {name} was not looked for in any other namespace: correct the namespace."),
        });
    }
    let mut found: Vec<String> = with_name(api, name, candidates, deadline)
        .await
        .into_iter()
        .filter(|stateful_set| maker(&stateful_set.metadata) != Maker::Other)
        .filter_map(|stateful_set| stateful_set.metadata.namespace)
        .filter(|other| other != namespace)
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether the namespace exists. An account that may not read namespaces learns it from an object that is not created.
async fn namespace_exists<A: Inspect>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<bool> {
    let namespaces = ApiResource::erase::<Namespace>(&());
    let reading = Step::of("get", &namespaces, namespace, namespace).optional();
    match repeat(deadline, &reading, || api.is_there(&namespaces, None, namespace)).await? {
        Ok(exists) => return Ok(exists),
        Err(fault) if !fault.is_missing_right() => return Err(reading.failed(fault)),
        Err(_) => {}
    }
    let stateful_sets = ApiResource::erase::<StatefulSet>(&());
    let object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}});
    let trying = Step::of("create", &stateful_sets, namespace, name).optional();
    let trial = repeat(deadline, &trying, || api.try_out(&stateful_sets, namespace, &object)).await?;
    // Whatever else is wrong with the object is found in a namespace that exists.
    Ok(!matches!(trial, Ok(Trial::Refused(refusal)) if refusal.code == 404))
}

/// The `StatefulSet`s of this name. What cannot be read is left out: they are only looked for to help.
async fn with_name<A: Inspect>(api: &A, name: &str, candidates: &[String], deadline: Deadline) -> Vec<StatefulSet> {
    let resource = ApiResource::erase::<StatefulSet>(&());
    let selector = format!("metadata.name={name}");
    let listing = Step::of("list", &resource, "", name).optional();
    if let Ok(Ok(page)) = repeat(deadline, &listing, || api.page(&selector, MOST, None)).await {
        return page.items;
    }
    let reads = candidates.iter().map(|namespace| async move {
        let reading = Step::new::<StatefulSet>("get", namespace, name).optional();
        let there = repeat(deadline, &reading, || api.read::<StatefulSet>(namespace, name)).await;
        there.ok()?.ok()?
    });
    join_all(reads).await.into_iter().flatten().collect()
}
