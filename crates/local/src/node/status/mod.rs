//! The status of a pod, as the kubelet writes it.

mod conditions;
mod containers;
mod phase;

use k8s_openapi::api::core::v1::{HostIP, Pod, PodCondition, PodIP, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

pub(super) use containers::{ContainerState, Ended, Role, State};

use super::environment::Place;

/// What the node knows of a pod.
#[derive(Debug, Clone)]
pub(super) struct PodState {
    pub(super) place: Place,
    pub(super) started: Timestamp,
    /// Whether its folders are made, which is what a sandbox is for other nodes.
    pub(super) is_set_up: bool,
    /// Why it has failed as a whole: the reason and the message.
    pub(super) failed: Option<(String, String)>,
    /// Why a pod of higher priority takes its place.
    pub(super) preempted: Option<String>,
    /// Whether others say that it is not ready because its node does not answer.
    pub(super) is_lost: bool,
    /// The conditions that the node has reported last, which the API server may not show yet.
    pub(super) reported: Vec<PodCondition>,
    /// The init containers in their order, then the others.
    pub(super) containers: Vec<ContainerState>,
}

impl PodState {
    pub(super) fn new(pod: &Pod, place: Place, started: Timestamp) -> Self {
        let spec = pod.spec.as_ref();
        let init = spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let waiting = if init.clone().next().is_some() {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        let init = init.map(|container| {
            let is_sidecar = container.restart_policy.as_deref() == Some("Always");
            let role = if is_sidecar { Role::Sidecar } else { Role::Init };
            ContainerState::new(container, role, waiting)
        });
        let main = spec.into_iter().flat_map(|spec| &spec.containers);
        let main = main.map(|container| ContainerState::new(container, Role::Main, waiting));
        Self {
            place,
            started,
            is_set_up: false,
            failed: None,
            preempted: None,
            is_lost: false,
            reported: Vec::new(),
            containers: init.chain(main).collect(),
        }
    }

    pub(super) fn container(&self, name: &str) -> Option<&ContainerState> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// The status of the pod. What others have written into the present one stays.
    pub(super) fn status(&self, pod: &Pod, now: Timestamp) -> PodStatus {
        let restart_policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
        let phase = match &self.failed {
            Some(_) => "Failed",
            None => phase::of(&self.containers, restart_policy.unwrap_or("Always")),
        };
        let (reason, message) = self.failed.clone().unzip();
        let old = pod.status.clone().unwrap_or_default();
        let statuses = |is_init: bool| {
            let of_role = self
                .containers
                .iter()
                .filter(|container| (container.role != Role::Main) == is_init);
            let mut statuses: Vec<_> = of_role.map(ContainerState::status).collect();
            if !is_init {
                statuses.sort_by(|one, other| one.name.cmp(&other.name));
            }
            (!statuses.is_empty() && self.failed.is_none()).then_some(statuses)
        };
        let address = &self.place.address;
        PodStatus {
            conditions: Some(conditions::of(self, pod, phase, now)),
            container_statuses: statuses(false),
            init_container_statuses: statuses(true),
            host_ip: Some(self.place.host.clone()),
            host_ips: Some(vec![HostIP {
                ip: self.place.host.clone(),
            }]),
            pod_ip: self.is_set_up.then(|| address.clone()),
            pod_ips: self.is_set_up.then(|| vec![PodIP { ip: address.clone() }]),
            observed_generation: pod.metadata.generation,
            phase: Some(phase.to_owned()),
            reason,
            message,
            qos_class: old.qos_class,
            start_time: Some(Time(self.started)),
            ..PodStatus::default()
        }
    }
}

#[cfg(test)]
mod tests;
