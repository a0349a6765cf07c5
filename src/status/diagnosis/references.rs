//! Things that a container names and that do not exist.

use super::subject::{Part, Subject};
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(subject: Subject<'_>) -> Option<Verdict> {
    let Subject { pod, container, .. } = subject;
    let waiting = container
        .waiting
        .as_ref()
        .filter(|waiting| waiting.code == "CreateContainerConfigError")?;
    let message = &waiting.message;
    if message.contains("runAsNonRoot") || message.contains("breaks non-root policy") {
        let words = format!("{subject} may not run as root, but {}", sentence(message));
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
    let advice = match (&container.reference, cause) {
        (_, Cause::ContainerConfigInvalid) => String::new(),
        (Some(place), _) => format!(
            " Create it, or correct its name in {}.",
            subject.field(Part::Reference(place))
        ),
        (None, _) => " Create it, or correct its name.".to_owned(),
    };
    let words = format!("{subject} cannot start: {}{advice}", sentence(message));
    Some(Verdict::of_pod(cause, pod, words))
}
