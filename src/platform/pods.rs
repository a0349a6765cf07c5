//! The finished pod, whichever fields of the configuration it came from.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec};

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
