//! The endpoint that a pod is, and its ports.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerPort, ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::actual_ports;
use crate::controllers::pods;

/// A kind of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    IPv4,
    IPv6,
}

impl Family {
    /// Its name, which is that of the slices' type too.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        }
    }
}

/// The endpoint of a pod; none while it has no address, or once it has ended.
pub(super) fn of(service: &Service, pod: &Pod, family: Family) -> Option<Endpoint> {
    let addresses = addresses(pod, family);
    if addresses.is_empty() || pods::has_ended(pod) {
        return None;
    }
    let spec = service.spec.as_ref();
    let publishes = spec.and_then(|spec| spec.publish_not_ready_addresses) == Some(true);
    let serving = pods::is_ready(pod);
    let terminating = pods::is_terminating(pod);
    let of_pod = pod.spec.as_ref();
    let hostname = of_pod
        .and_then(|of_pod| of_pod.hostname.clone())
        .filter(|hostname| !hostname.is_empty());
    let in_service = of_pod.is_some_and(|of_pod| of_pod.subdomain == service.metadata.name);
    Some(Endpoint {
        addresses,
        conditions: Some(EndpointConditions {
            ready: Some(publishes || serving && !terminating),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: hostname.filter(|_| in_service),
        node_name: of_pod
            .and_then(|of_pod| of_pod.node_name.clone())
            .filter(|node| !node.is_empty()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    })
}

/// The addresses of a pod, of one family.
fn addresses(pod: &Pod, family: Family) -> Vec<String> {
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let all = status.pod_ips.iter().flatten().map(|of| &of.ip);
    let parsed = all.filter_map(|address| address.parse::<IpAddr>().ok());
    let of_family = parsed.filter(|address| address.is_ipv6() == (family == Family::IPv6));
    of_family.map(|address| address.to_string()).collect()
}

/// The ports of a Service on a pod. A port of a name that the pod does not have is left out.
/// Where pods share an address, they are those of this pod alone.
pub(super) fn ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ports.as_deref())
        .unwrap_or_default();
    let actual = actual_ports::of(pod);
    let port = |of: &ServicePort| {
        let protocol = of.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let number = match &of.target_port {
            None => of.port,
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(name)) => named(pod, name, &protocol)?,
        };
        let actual = u16::try_from(number).ok().and_then(|number| actual.get(&number));
        Some(EndpointPort {
            app_protocol: of.app_protocol.clone(),
            // A port without a name has the empty one, as Kubernetes writes it.
            name: Some(of.name.clone().unwrap_or_default()),
            port: Some(actual.map_or(number, |actual| i32::from(*actual))),
            protocol: Some(protocol),
        })
    };
    ports.iter().filter_map(port).collect()
}

/// The number of a container's port of this name; sidecars count.
fn named(pod: &Pod, name: &str, protocol: &str) -> Option<i32> {
    let spec = pod.spec.as_ref()?;
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let is = |port: &&ContainerPort| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    };
    let mut ports = spec
        .containers
        .iter()
        .chain(sidecars)
        .flat_map(|container| container.ports.iter().flatten());
    ports.find(is).map(|port| port.container_port)
}
