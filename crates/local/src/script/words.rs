//! The words of a cause, about one pod.

use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

/// Fills the names of a pod and of a container of it into words.
pub(crate) fn fill(words: &str, pod: &Pod, container: Option<&Container>) -> String {
    let first = || pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let container = container.or_else(first);
    let image = container
        .and_then(|container| container.image.clone())
        .unwrap_or_default();
    let program = container.and_then(|container| container.command.as_ref()?.first().cloned());
    words
        .replace("{pod}", &pod.name_any())
        .replace("{namespace}", &pod.namespace().unwrap_or_default())
        .replace("{image}", &image)
        .replace("{program}", program.as_deref().unwrap_or("serve"))
}

/// What the kubelet reports of a probe that nobody answers.
pub(crate) fn probe_failure(probe: Option<&Probe>, container: &Container, address: &str) -> String {
    let refused = |port: &str| format!("dial tcp {address}:{port}: connect: connection refused");
    let Some(probe) = probe else {
        return "command exited with 1".to_owned();
    };
    if let Some(socket) = &probe.tcp_socket {
        return refused(&number(&socket.port, container));
    }
    if let Some(get) = &probe.http_get {
        let port = number(&get.port, container);
        let path = get.path.as_deref().unwrap_or("/");
        let url = format!("http://{address}:{port}/{}", path.trim_start_matches('/'));
        return format!("Get {url:?}: {}", refused(&port));
    }
    if let Some(grpc) = &probe.grpc {
        let (place, port) = (format!("{address}:{}", grpc.port), grpc.port.to_string());
        return format!("error: failed to connect service at {place:?}: {}", refused(&port));
    }
    String::new()
}

fn number(port: &IntOrString, container: &Container) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let named = ports.find(|port| port.name.as_ref() == Some(name));
            named.map_or_else(|| name.clone(), |port| port.container_port.to_string())
        }
    }
}
