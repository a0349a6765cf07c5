//! What is to be looked at after an object has changed.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::cache::{Cache, Change, key};
use super::queue::Work;
use super::world::{Watched, World, states};
use super::{endpoints, owners, pods, scheduler, stateful_set};

impl Watched for StatefulSet {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.sets
    }

    fn changed(world: &mut World, change: &Change<Self>) {
        if let Some(set) = &change.new {
            world.queue.add(Work::StatefulSet(key(&set.metadata)));
        }
    }
}

impl Watched for Pod {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.pods
    }

    fn changed(world: &mut World, change: &Change<Self>) {
        for pod in states(change) {
            let namespace = pod.metadata.namespace.clone().unwrap_or_default();
            let set = match owners::controller(&pod.metadata) {
                Some(owner) => Some(owner.name.as_str()).filter(|_| owner.kind == "StatefulSet"),
                // One that nobody controls may be adopted.
                None => pods::parent_and_ordinal(pod).map(|(parent, _)| parent),
            };
            if let Some(set) = set {
                world.queue.add(Work::StatefulSet((namespace.clone(), set.to_owned())));
            }
            let services = world.services.of_namespace(&namespace);
            for service in services.filter(|service| endpoints::selects(service, pod)) {
                world.queue.add(Work::Service(key(&service.metadata)));
            }
        }
        if let Some(pod) = change.new.as_ref().filter(|pod| scheduler::is_unscheduled(pod)) {
            world.queue.add(Work::Pod(key(&pod.metadata)));
        }
    }
}

impl Watched for ControllerRevision {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.revisions
    }

    fn changed(_: &mut World, _: &Change<Self>) {}
}

impl Watched for PersistentVolumeClaim {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.claims
    }

    fn changed(world: &mut World, change: &Change<Self>) {
        if let Some(claim) = &change.new {
            world.queue.add(Work::Claim(key(&claim.metadata)));
        }
        let Some(namespace) = states(change).find_map(|claim| claim.metadata.namespace.clone()) else {
            return;
        };
        // Pods wait for claims, and a StatefulSet for a claim to go.
        let sets = world.sets.of_namespace(&namespace);
        for set in sets.filter(|set| states(change).any(|claim| stateful_set::has_claim(set, claim))) {
            world.queue.add(Work::StatefulSet(key(&set.metadata)));
        }
        let pods = world.pods.of_namespace(&namespace);
        for pod in pods.filter(|pod| scheduler::is_unscheduled(pod)) {
            world.queue.add(Work::Pod(key(&pod.metadata)));
        }
    }
}

impl Watched for Service {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.services
    }

    fn changed(world: &mut World, change: &Change<Self>) {
        if let Some(service) = &change.new {
            world.queue.add(Work::Service(key(&service.metadata)));
        }
    }
}

impl Watched for EndpointSlice {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.slices
    }

    fn changed(world: &mut World, change: &Change<Self>) {
        for slice in states(change) {
            if let Some(service) = endpoints::service_of(slice) {
                let namespace = slice.metadata.namespace.clone().unwrap_or_default();
                world.queue.add(Work::Service((namespace, service.to_owned())));
            }
        }
    }
}

impl Watched for Node {
    fn cache(world: &mut World) -> &mut Cache<Self> {
        &mut world.nodes
    }

    fn changed(world: &mut World, _: &Change<Self>) {
        for pod in world.pods.all().filter(|pod| scheduler::is_unscheduled(pod)) {
            world.queue.add(Work::Pod(key(&pod.metadata)));
        }
    }
}
