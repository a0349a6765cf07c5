//! Delete version: take down a service at exactly the version that a decision was made on.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;

use super::delete::{delete_exactly, find};
use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault};
use crate::error::Result;
use crate::identity::owner::{ManagedBy, belongs_to, managed_by};

/// Deletes a `StatefulSet` at exactly the version that was read, and its Service; `false` if it was changed since, so
/// that the decision has to be made again.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn delete_version<A: Api>(api: &A, there: &StatefulSet, deadline: Deadline) -> Result<bool> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let metadata = &there.metadata;
    let (namespace, name, uid) = (text(&metadata.namespace), text(&metadata.name), text(&metadata.uid));
    let deleting = Step::new::<StatefulSet>("delete", &namespace, &name);
    let service: Option<Service> = find(api, &namespace, &name, deadline).await?;
    match retry(deadline, &deleting, || api.delete_version(there)).await? {
        Ok(_) => {}
        Err(Fault::Changed) => return Ok(false),
        Err(fault) => return Err(deleting.failed(fault)),
    }
    let own = service
        .filter(|service| managed_by(&service.metadata) != ManagedBy::Other && belongs_to(&service.metadata, &uid));
    if let Some(service) = own.and_then(|service| service.metadata.uid) {
        // Else the garbage collector takes it.
        if let Err(error) = delete_exactly::<Service, A>(api, &namespace, &name, &service, deadline).await {
            let deleting = Step::new::<Service>("delete", &namespace, &name);
            deleting.swallow("it is left to the garbage collector", &error);
        }
    }
    Ok(true)
}
