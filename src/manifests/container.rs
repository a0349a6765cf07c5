//! The service's own container.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, ResourceRequirements};

use crate::config::{COUNT_VARIABLE, DataServiceSpec, MAIN_PORT_NAME, Port, Protocol};

/// Makes the container from the fields.
pub(super) fn container(spec: &DataServiceSpec, name: &str) -> Container {
    let variable = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    let said = spec.container.env.iter().flatten();
    let mut env = vec![
        variable("GE_BASE_PORT", spec.port.to_string()),
        variable(COUNT_VARIABLE, spec.replicas.to_string()),
        variable("SERVER_PORT", spec.port.to_string()),
    ];
    env.retain(|variable| said.clone().all(|said| said.name != variable.name));
    let mut container = Container {
        name: name.to_owned(),
        image: Some(spec.image.clone()),
        command: spec.command.clone(),
        ports: Some(ports(spec)),
        env: Some(env),
        resources: Some(ResourceRequirements {
            requests: Some(spec.requests.clone()),
            limits: Some(spec.limits.clone()),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    };
    let mut said = (*spec.container).clone();
    name.clone_into(&mut said.name);
    container.merge_from(said);
    container
}

fn ports(spec: &DataServiceSpec) -> Vec<ContainerPort> {
    let main = main_port_without_name(spec).map(|port| ContainerPort {
        name: Some(MAIN_PORT_NAME.to_owned()),
        container_port: i32::from(port),
        ..ContainerPort::default()
    });
    let named = spec.ports.iter().map(|port| ContainerPort {
        name: Some(port.name.clone()),
        container_port: i32::from(port.port),
        protocol: protocol(port),
        ..ContainerPort::default()
    });
    main.into_iter().chain(named).collect()
}

/// The service's main port, unless `Ports` gives it a name.
pub(super) fn main_port_without_name(spec: &DataServiceSpec) -> Option<u16> {
    let is_main = |port: &Port| port.port == spec.port && port.protocol == Protocol::Tcp;
    (!spec.ports.iter().any(is_main)).then_some(spec.port)
}

/// The protocol of a port in the manifest; Kubernetes defaults to TCP.
pub(super) fn protocol(port: &Port) -> Option<String> {
    (port.protocol != Protocol::Tcp).then(|| port.protocol.as_str().to_owned())
}
