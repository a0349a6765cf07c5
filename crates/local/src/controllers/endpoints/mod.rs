//! The controller of `EndpointSlices`: the addresses of the pods of Services.

mod endpoint;
mod slices;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use slices::Write;

use super::cache::{Key, key};
use super::error::Failure;
use super::events::Kind;
use super::selector::has_all;
use super::world::World;

/// The source of its events.
const COMPONENT: &str = "endpoint-slice-controller";
const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Writes the slices of one Service.
pub(super) async fn sync(world: &mut World, of: &Key) -> Result<(), Failure> {
    let Some(service) = world.services.get(of).cloned() else {
        // Its slices go with it, as their owner.
        return Ok(());
    };
    if selector(&service).is_none() {
        return Ok(());
    }
    let pods: Vec<_> = world
        .pods
        .of_namespace(&of.0)
        .filter(|pod| selects(&service, pod))
        .cloned()
        .collect();
    let slices = world.slices.of_namespace(&of.0);
    let slices: Vec<_> = slices
        .filter(|slice| service_of(slice) == Some(&of.1))
        .cloned()
        .collect();

    let mut result = Ok(());
    for write in slices::writes(&service, &pods, &slices) {
        result = match &write {
            Write::Create(slice) => world.create(&**slice).await.map(drop).map_err(|failure| {
                Failure::Other(format!(
                    "failed to create EndpointSlice for Service {}/{}: {failure}",
                    of.0, of.1
                ))
            }),
            Write::Replace(slice) => world.replace(&**slice).await.map(drop).map_err(|failure| {
                let (_, slice) = key(&slice.metadata);
                let service = format!("Service {}/{}", of.0, of.1);
                Failure::Other(format!(
                    "failed to update {slice} EndpointSlice for {service}: {failure}"
                ))
            }),
            Write::Delete(slice) => world.delete(&**slice).await,
        };
        if result.is_err() {
            break;
        }
    }
    if let Err(failure) = &result {
        let message = format!(
            "Error updating Endpoint Slices for Service {}/{}: {failure}",
            of.0, of.1
        );
        let reason = "FailedToUpdateEndpointSlices";
        world.event(COMPONENT, &*service, Kind::Warning, reason, message).await;
    }
    result
}

/// Whether a Service selects a pod.
pub(super) fn selects(service: &Service, pod: &Pod) -> bool {
    let same = service.metadata.namespace == pod.metadata.namespace;
    same && selector(service).is_some_and(|selector| has_all(pod.metadata.labels.as_ref(), selector))
}

/// The Service that a slice of this controller is of.
pub(super) fn service_of(slice: &EndpointSlice) -> Option<&String> {
    let labels = slice.metadata.labels.as_ref()?;
    labels.get(MANAGED_BY_LABEL).filter(|manager| *manager == MANAGER)?;
    labels.get(SERVICE_NAME_LABEL)
}

/// The selector of a Service, if it has one and its addresses are pods.
fn selector(service: &Service) -> Option<&std::collections::BTreeMap<String, String>> {
    let spec = service.spec.as_ref()?;
    spec.selector.as_ref().filter(|selector| !selector.is_empty())
}
