//! What a finished pod has, whatever field of the configuration it came from.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};

use super::amount::Amount;
use crate::quantity::Amounts;

/// The pod that a `StatefulSet` makes.
pub(super) fn pod_of(stateful_set: &StatefulSet) -> Option<&PodSpec> {
    stateful_set.spec.as_ref()?.template.spec.as_ref()
}

/// All containers of a pod, those that start it and those that stay, each with its place in the pod's template.
pub(super) fn containers(pod: &PodSpec) -> impl Iterator<Item = (String, &Container)> {
    let of = |list: &'static str| move |(index, container)| (format!("spec.template.spec.{list}[{index}]"), container);
    let init_containers = pod.init_containers.iter().flatten().enumerate();
    let containers = pod.containers.iter().enumerate().map(of("containers"));
    containers.chain(init_containers.map(of("initContainers")))
}

/// Requests, or limits.
pub(super) type Side = fn(&ResourceRequirements) -> Option<&Amounts>;

/// How much of a resource a pod takes, as the scheduler counts: its containers together, or the most that is needed while
/// it starts.
pub(super) fn amount(pod: &PodSpec, resource: &str, side: Side) -> Amount {
    let of = |resources: Option<&ResourceRequirements>| {
        let amount = resources.and_then(side).and_then(|amounts| amounts.get(resource));
        amount.map_or_else(Amount::default, Amount::from)
    };
    // Init containers that go on are sidecars, and are there when the next ones run.
    let mut sidecars = Amount::default();
    let mut starting = Amount::default();
    for container in pod.init_containers.iter().flatten() {
        let own = of(container.resources.as_ref());
        starting = starting.max(sidecars + own);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = sidecars + own;
        }
    }
    let containers = pod.containers.iter();
    let running = containers.fold(sidecars, |sum, container| sum + of(container.resources.as_ref()));
    running.max(starting).max(of(pod.resources.as_ref()))
}
