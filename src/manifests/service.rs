//! The headless Service that gives each pod its stable name.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::names::selector;
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// Makes the Service of a service.
///
/// It is headless (`clusterIP: None`): only then do the names of the single pods resolve. Pods get their names as soon
/// as they have an address, ready or not, since the pods of a data service look for each other while they start.
///
/// With the uid of the `StatefulSet`, the Service is owned by it, so that the garbage collector takes it along.
#[must_use]
pub fn service(spec: &DataServiceSpec, identity: &Identity, stateful_set_uid: Option<&str>) -> Service {
    let mut metadata = metadata(spec, identity);
    metadata.owner_references = stateful_set_uid.map(|uid| {
        vec![OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            name: identity.name.clone(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        }]
    });
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector(&identity.name)),
            ports: Some(vec![ServicePort {
                name: Some(identity.name.clone()),
                port: i32::from(spec.port),
                target_port: Some(IntOrString::Int(i32::from(spec.port))),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
