//! Elsewhere: in which other namespaces a service of a name exists, for a caller who found none in the one it looked
//! in.

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::ApiResource;
use serde_json::json;

use super::delete::find;
use super::retry::{Deadline, Step, retry, retry_or_log};
use crate::cluster::{Inspect, Trial};
use crate::error::{Error, ObjectReference, Result};
use crate::identity::owner::{ManagedBy, managed_by};

/// How many services one request looks for, at most.
const MOST: u32 = 100;

/// Returns the other namespaces that have a service of this name, made by this plugin, in alphabetical order.
///
/// All namespaces are searched where the account may list the `StatefulSet`s of the whole cluster, else the
/// `candidates`. A namespace that the account may not read is left out.
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
        .filter(|stateful_set| managed_by(&stateful_set.metadata) != ManagedBy::Other)
        .filter_map(|stateful_set| stateful_set.metadata.namespace)
        .filter(|other| other != namespace)
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Returns all namespaces that have a service of this name, made by this plugin, in alphabetical order.
///
/// All namespaces are searched where the account may list the `StatefulSet`s of the whole cluster, else the
/// `candidates`. Unlike [`elsewhere`], nothing is left out: the answer decides what is deleted.
///
/// # Errors
/// [`Error::Forbidden`] where the account may neither list them nor read each candidate, or where there is no
/// candidate, [`Error::Rejected`], and [`Error::Unavailable`] at the deadline.
pub async fn everywhere<A: Inspect>(
    api: &A,
    name: &str,
    candidates: &[String],
    deadline: Deadline,
) -> Result<Vec<String>> {
    let resource = ApiResource::erase::<StatefulSet>(&());
    let selector = format!("metadata.name={name}");
    let listing = Step::of("list", &resource, "", name).optional();
    let found: Vec<StatefulSet> = match retry(deadline, &listing, || api.page(&selector, MOST, None)).await? {
        Ok(page) => {
            let (mut found, mut next) = (page.items, page.next);
            while let Some(start) = next {
                let more = retry(deadline, &listing, || api.page(&selector, MOST, Some(&start))).await?;
                let more = more.map_err(|fault| listing.failed(fault))?;
                found.extend(more.items);
                next = more.next;
            }
            found
        }
        Err(fault) if fault.is_missing_permission() && !candidates.is_empty() => {
            let reads = candidates
                .iter()
                .map(|namespace| find::<StatefulSet, A>(api, namespace, name, deadline));
            try_join_all(reads).await?.into_iter().flatten().collect()
        }
        Err(fault) => return Err(listing.failed(fault)),
    };
    let mut namespaces: Vec<String> = found
        .into_iter()
        .filter(|stateful_set| managed_by(&stateful_set.metadata) != ManagedBy::Other)
        .filter_map(|stateful_set| stateful_set.metadata.namespace)
        .collect();
    namespaces.sort();
    namespaces.dedup();
    Ok(namespaces)
}

/// Whether the namespace exists. An account that may not read namespaces learns it from an object that is not created.
async fn namespace_exists<A: Inspect>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<bool> {
    let namespaces = ApiResource::erase::<Namespace>(&());
    let reading = Step::of("get", &namespaces, namespace, namespace).optional();
    match retry(deadline, &reading, || api.exists(&namespaces, None, namespace)).await? {
        Ok(exists) => return Ok(exists),
        Err(fault) if !fault.is_missing_permission() => return Err(reading.failed(fault)),
        Err(_) => {}
    }
    let stateful_sets = ApiResource::erase::<StatefulSet>(&());
    let object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}});
    let trying = Step::of("create", &stateful_sets, namespace, name).optional();
    let trial = retry(deadline, &trying, || api.try_out(&stateful_sets, namespace, &object)).await?;
    // Whatever else is wrong with the object is found in a namespace that exists.
    Ok(!matches!(trial, Ok(Trial::Refused(refusal)) if refusal.code == 404))
}

/// The `StatefulSet`s of this name. Those that cannot be read are left out: they only help the message.
async fn with_name<A: Inspect>(api: &A, name: &str, candidates: &[String], deadline: Deadline) -> Vec<StatefulSet> {
    let resource = ApiResource::erase::<StatefulSet>(&());
    let selector = format!("metadata.name={name}");
    let listing = Step::of("list", &resource, "", name).optional();
    let list = || api.page(&selector, MOST, None);
    if let Some(page) = retry_or_log(deadline, &listing, "only known namespaces are searched for it", list).await {
        return page.items;
    }
    let reads = candidates.iter().map(|namespace| async move {
        let reading = Step::new::<StatefulSet>("get", namespace, name).optional();
        let read = || api.read::<StatefulSet>(namespace, name);
        retry_or_log(deadline, &reading, "its namespace is not searched", read).await?
    });
    join_all(reads).await.into_iter().flatten().collect()
}
