//! Things that a pod names and that do not exist.

use super::super::facts::{ContainerFacts, PodFacts};
use super::{Blame, Fails, Verdict, minutes};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    let waiting = container
        .waiting
        .as_ref()
        .filter(|waiting| waiting.code == "CreateContainerConfigError")?;
    let message = &waiting.message;
    // What is missing is often made a moment later, by another part of the same deployment.
    let soon = Fails::After(minutes(1), Blame::User);
    let verdict = |reason, fails, words: String| Some(Verdict::of_pod(reason, pod, fails, words));
    if message.contains("runAsNonRoot") {
        return verdict(
            "RunsAsRoot",
            Fails::AtOnce(Blame::User),
            format!("Pod {} may not run as root, but {}", pod.name, sentence(message)),
        );
    }
    let reason = if message.contains("couldn't find key") || message.contains("references non-existent") {
        "KeyMissing"
    } else if message.contains("secret") && message.contains("not found") {
        "SecretMissing"
    } else if message.contains("configmap") && message.contains("not found") {
        "ConfigMapMissing"
    } else {
        "ContainerConfigInvalid"
    };
    verdict(
        reason,
        soon,
        format!(
            "Pod {} cannot start: {} Make it, or correct its name.",
            pod.name,
            sentence(message)
        ),
    )
}
