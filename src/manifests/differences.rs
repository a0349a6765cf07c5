//! In what a running service differs from the one that is asked for, in the words of its configuration.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements};

use crate::quantity::Amounts;

/// The fields in which two services differ, each as `Image (busybox:1 there, busybox:2 wanted)`.
///
/// Only what `DataServiceConfig` can say is compared.
#[must_use]
pub fn differences(there: &StatefulSet, wanted: &StatefulSet) -> Vec<String> {
    let rows = |object: &StatefulSet| {
        let spec = object.spec.clone().unwrap_or_default();
        let container = spec
            .template
            .spec
            .and_then(|pod| pod.containers.into_iter().next())
            .unwrap_or_default();
        [
            ("Image", container.image.clone().unwrap_or_default()),
            (
                "Command",
                container
                    .command
                    .clone()
                    .map_or_else(String::new, |command| format!("{command:?}")),
            ),
            ("Port", port(&container)),
            ("Replicas", spec.replicas.unwrap_or(1).to_string()),
            ("Requests", resources(&container, |resources| resources.requests)),
            ("Limits", resources(&container, |resources| resources.limits)),
        ]
    };
    rows(there)
        .into_iter()
        .zip(rows(wanted))
        .filter(|((_, there), (_, wanted))| there != wanted)
        .map(|((field, there), (_, wanted))| {
            format!("{field} ({} there, {} wanted)", or_none(&there), or_none(&wanted))
        })
        .collect()
}

fn port(container: &Container) -> String {
    let port = container.ports.as_ref().and_then(|ports| ports.first());
    port.map_or_else(String::new, |port| port.container_port.to_string())
}

fn resources(container: &Container, side: impl Fn(ResourceRequirements) -> Option<Amounts>) -> String {
    container
        .resources
        .clone()
        .and_then(side)
        .unwrap_or_default()
        .iter()
        .map(|(name, amount)| format!("{name} {}", amount.0))
        .collect::<Vec<_>>()
        .join(" ")
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}
