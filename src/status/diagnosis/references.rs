//! Things that a container names and that do not exist.

use super::super::facts::{ContainerFacts, PodFacts};
use super::{Cause, Verdict};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    let waiting = container
        .waiting
        .as_ref()
        .filter(|waiting| waiting.code == "CreateContainerConfigError")?;
    let message = &waiting.message;
    if message.contains("runAsNonRoot") || message.contains("breaks non-root policy") {
        let words = format!("Pod {} may not run as root, but {}", pod.name, sentence(message));
        return Some(Verdict::of_pod(Cause::RunsAsRoot, pod, words));
    }
    let cause = if message.contains("couldn't find key") || message.contains("references non-existent") {
        Cause::KeyMissing
    } else if message.contains("secret") && message.contains("not found") {
        Cause::SecretMissing
    } else if message.contains("configmap") && message.contains("not found") {
        Cause::ConfigMapMissing
    } else {
        Cause::ContainerConfigInvalid
    };
    let words = format!(
        "Pod {} cannot start: {} Make it, or correct its name.",
        pod.name,
        sentence(message)
    );
    Some(Verdict::of_pod(cause, pod, words))
}
