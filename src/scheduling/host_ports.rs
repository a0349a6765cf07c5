//! Ports of the node itself that a pod wants (the scheduler's `NodePorts`).

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::resources::pod::is_sidecar;

/// A port of a node: the address, the protocol and the number.
pub(super) type HostPort<'a> = (&'a str, &'a str, i32);

/// Every address of the node.
const ANY: &str = "0.0.0.0";

/// The ports that a pod takes of its node for as long as it runs.
pub(super) fn of(pod: &Pod) -> Vec<HostPort<'_>> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| is_sidecar(container));
    let ports = sidecars
        .chain(&spec.containers)
        .flat_map(|container: &Container| container.ports.iter().flatten());
    let on_network_of_node = spec.host_network == Some(true);
    ports
        .filter_map(|port| {
            // On the node's network every port is a host port, which the API server fills in if the user does not set
            // it.
            let number = port.host_port.or(on_network_of_node.then_some(port.container_port));
            let ip = port.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or(ANY);
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            number.filter(|number| *number > 0).map(|number| (ip, protocol, number))
        })
        .collect()
}

/// Whether one of the ports is taken.
pub(super) fn conflict(wanted: &[HostPort<'_>], taken: &[HostPort<'_>]) -> bool {
    wanted.iter().any(|(ip, protocol, number)| {
        taken.iter().any(|(other_ip, other_protocol, other)| {
            number == other && protocol == other_protocol && (ip == other_ip || *ip == ANY || *other_ip == ANY)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(spec: &Value) -> Pod {
        serde_json::from_value(json!({"spec": spec})).expect("a pod")
    }

    fn with(port: &Value) -> Pod {
        pod(&json!({"containers": [{"name": "c", "ports": [port]}]}))
    }

    #[test]
    fn two_pods_cannot_have_the_same_port_of_a_node() {
        let port = json!({"containerPort": 80, "hostPort": 8080});
        for (other, expected) in [
            (json!({"containerPort": 81, "hostPort": 8080, "protocol": "TCP"}), true),
            (json!({"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}), false),
            (json!({"containerPort": 80, "hostPort": 8081}), false),
            (
                json!({"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1"}),
                true,
            ),
            (json!({"containerPort": 8080}), false),
            (json!({"containerPort": 8080, "hostPort": 0}), false),
        ] {
            assert_eq!(conflict(&of(&with(&port)), &of(&with(&other))), expected, "{other}");
            assert_eq!(conflict(&of(&with(&other)), &of(&with(&port))), expected, "{other}");
        }
        let at = |ip: &str| with(&json!({"containerPort": 80, "hostPort": 8080, "hostIP": ip}));
        assert!(!conflict(&of(&at("10.0.0.1")), &of(&at("10.0.0.2"))));
        assert!(conflict(&of(&at("10.0.0.1")), &of(&at("10.0.0.1"))));
    }

    #[test]
    fn ports_are_those_of_containers_that_stay() {
        let port = json!([{"containerPort": 80, "hostPort": 8080}]);
        let initial = json!({"name": "i", "ports": port});
        let sidecar = json!({"name": "i", "ports": port, "restartPolicy": "Always"});
        assert_eq!(of(&pod(&json!({"containers": [], "initContainers": [initial]}))), []);
        assert_eq!(
            of(&pod(&json!({"containers": [], "initContainers": [sidecar]}))),
            [(ANY, "TCP", 8080)]
        );
        let on_network_of_node =
            json!({"hostNetwork": true, "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]});
        assert_eq!(of(&pod(&on_network_of_node)), [(ANY, "TCP", 80)]);
    }
}
