//! The headless Service that gives each pod its stable name.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::container::{main_port_without_name, protocol};
use super::metadata::metadata;
use crate::config::DataServiceSpec;
use crate::identity::labels::selector;
use crate::identity::owner::Identity;

/// Makes the Service of a service.
///
/// It is headless (`clusterIP: None`): only then do the names of the single pods resolve. Pods get their names as soon
/// as they have an address, ready or not, since the pods of a data service look for each other while they start.
pub(super) fn service(spec: &DataServiceSpec, identity: &Identity) -> Service {
    Service {
        metadata: metadata(spec, identity),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(spec.publish_not_ready_addresses.unwrap_or(true)),
            selector: Some(selector(&identity.name)),
            ports: Some(ports(spec, &identity.name)),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn ports(spec: &DataServiceSpec, name: &str) -> Vec<ServicePort> {
    let main = main_port_without_name(spec).map(|port| ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(port),
        target_port: Some(IntOrString::Int(i32::from(port))),
        ..ServicePort::default()
    });
    let named = spec.ports.iter().map(|port| ServicePort {
        name: Some(port.name.clone()),
        port: i32::from(port.port),
        target_port: Some(IntOrString::Int(i32::from(port.port))),
        protocol: protocol(port),
        app_protocol: port.app_protocol.clone(),
        ..ServicePort::default()
    });
    main.into_iter().chain(named).collect()
}
