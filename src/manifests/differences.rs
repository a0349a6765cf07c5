//! In what a running service differs from the one that is asked for, in the words of its configuration.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements};

use crate::quantity::{Amounts, same_amounts};

/// The fields in which two services differ, each as `Image (busybox:1 there, busybox:2 wanted)`.
///
/// Of a Command only the place is told: it may hold a secret, and the service may be somebody else's.
/// Only what `DataServiceConfig` can say is compared.
#[must_use]
pub fn differences(there: &StatefulSet, wanted: &StatefulSet) -> Vec<String> {
    let replicas = |object: &StatefulSet| {
        object
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1)
            .to_string()
    };
    let (container_there, container_wanted) = (container(there), container(wanted));
    let texts = [
        ("Image", image(&container_there), image(&container_wanted)),
        ("Port", port(&container_there), port(&container_wanted)),
        ("Replicas", replicas(there), replicas(wanted)),
    ];
    let sides: [(&str, Side); 2] = [("Requests", |all| all.requests), ("Limits", |all| all.limits)];
    let amounts = sides.map(|(field, side)| (field, amounts(&container_there, side), amounts(&container_wanted, side)));
    let texts = texts.into_iter().filter(|(_, there, wanted)| there != wanted);
    let amounts = amounts
        .into_iter()
        .filter(|(_, there, wanted)| !same_amounts(there, wanted))
        .map(|(field, there, wanted)| (field, listed(&there), listed(&wanted)));
    let described = texts
        .chain(amounts)
        .map(|(field, there, wanted)| format!("{field} ({} there, {} wanted)", or_none(&there), or_none(&wanted)));
    command(&container_there, &container_wanted)
        .into_iter()
        .chain(described)
        .collect()
}

/// One side of a container's resources.
type Side = fn(ResourceRequirements) -> Option<Amounts>;

fn container(object: &StatefulSet) -> Container {
    let pod = object.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    pod.and_then(|pod| pod.containers.first()).cloned().unwrap_or_default()
}

fn image(container: &Container) -> String {
    container.image.clone().unwrap_or_default()
}

fn command(there: &Container, wanted: &Container) -> Option<String> {
    let words = |container: &Container| container.command.clone().unwrap_or_default();
    let (there, wanted) = (words(there), words(wanted));
    if there == wanted {
        return None;
    }
    let same = there
        .iter()
        .zip(&wanted)
        .take_while(|(one, other)| one == other)
        .count();
    Some(format!(
        "Command (from word {} on; {} words there, {} wanted)",
        same + 1,
        there.len(),
        wanted.len()
    ))
}

fn port(container: &Container) -> String {
    let port = container.ports.as_ref().and_then(|ports| ports.first());
    port.map_or_else(String::new, |port| port.container_port.to_string())
}

fn amounts(container: &Container, side: Side) -> Amounts {
    container.resources.clone().and_then(side).unwrap_or_default()
}

fn listed(amounts: &Amounts) -> String {
    amounts
        .iter()
        .map(|(name, amount)| format!("{name} {}", amount.0))
        .collect::<Vec<_>>()
        .join(" ")
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}
