//! Images that cannot be pulled.

use super::super::facts::EventFacts;
use super::image_errors::{ImageError, classify};
use super::image_words::own_words;
use super::pod::newest;
use super::subject::{Part, Subject};
use super::{Cause, Verdict};
use crate::text::sentence;

/// The words for a node's platform that is not known.
#[must_use]
pub fn open_platform(node: &str) -> String {
    format!("the platform of node {node}")
}

/// The words for a node's platform, such as `linux/amd64`, which replace those of [`open_platform`].
#[must_use]
pub fn known_platform(platform: &str, node: &str) -> String {
    format!("{platform}, which node {node} needs")
}

pub(super) fn diagnose(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    let Subject { pod, container, .. } = subject;
    let waiting = container.waiting.as_ref()?;
    let image = &container.image;
    let field = subject.field(Part::Image);
    let verdict = |cause, what: &str| {
        let of = if subject.is_main() {
            String::new()
        } else {
            format!(" of {}", subject.name())
        };
        let words = format!("Pod {} cannot pull the image {image}{of}: {what}", pod.name);
        Some(Verdict::of_pod(cause, pod, words))
    };
    let words = match waiting.code.as_str() {
        "ImagePullBackOff" if is_only_back_off(&waiting.message) => last_error(subject, events),
        _ => None,
    };
    let words = words.unwrap_or(&waiting.message);
    let message = sentence(words);
    let reported = format!("The container runtime reports: {}", sentence(own_words(words, image)));
    match waiting.code.as_str() {
        "InvalidImageName" => verdict(
            Cause::ImageNameInvalid,
            &format!("that is not the name of an image. Correct {field}, such as registry.example/name:tag."),
        ),
        "ErrImageNeverPull" => verdict(
            Cause::ImageNeverPulled,
            "the node does not have it, and its pull policy does not allow pulling it.",
        ),
        "RegistryUnavailable" => verdict(
            Cause::RegistryUnreachable,
            &format!("the registry cannot be reached. Kubernetes tries again. {message}"),
        ),
        "SignatureValidationFailed" | "ImageInspectError" => verdict(Cause::ImagePullFailed, &message),
        // The back-off's own words may be all there is; then the last error is not known, and it may be any.
        "ErrImagePull" | "ImagePullBackOff" => match classify(words, image) {
            Some(ImageError::WrongPlatform(platform)) => {
                let platform = platform
                    .or_else(|| {
                        pod.architecture
                            .as_ref()
                            .map(|architecture| format!("linux/{architecture}"))
                    })
                    .map(|platform| known_platform(&platform, &pod.node));
                let open = platform.is_none().then_some(&*pod.node);
                let platform = platform.unwrap_or_else(|| open_platform(&pod.node));
                let advice = "Build the image for that platform too, or choose nodes of another one with NodeSelector \
                              (kubernetes.io/arch).";
                let what = format!("it has no image for {platform}. {advice} {message}");
                verdict(Cause::ImagePlatformMismatch, &what).map(|verdict| verdict.without_platform_of(open))
            }
            Some(ImageError::Throttled) => verdict(
                Cause::ImagePullThrottled,
                &format!(
                    "the registry limits how often images may be pulled. Kubernetes tries again; an account or a mirror of \
                     the registry raises the limit. {reported}"
                ),
            ),
            Some(ImageError::Unauthorized) => verdict(
                Cause::ImagePullUnauthorized,
                &format!(
                    "the registry refuses it to this account. Correct {field}, or give the pod's service account a pull \
                     secret. {reported}"
                ),
            ),
            Some(ImageError::NotFound) => verdict(
                Cause::ImageNotFound,
                &format!("it does not exist there. Correct {field}, or push it first. {reported}"),
            ),
            Some(ImageError::Unreachable) => verdict(
                Cause::RegistryUnreachable,
                &format!("the registry cannot be reached. Kubernetes tries again. {message}"),
            ),
            None => verdict(Cause::ImagePullFailed, &message),
        },
        _ => None,
    }
}

/// Whether a message of a back-off is without the error that it is for, as in Kubernetes 1.30:
/// `Back-off pulling image "r/i:1"`, which later versions continue with `: ErrImagePull: ...`.
fn is_only_back_off(message: &str) -> bool {
    message.starts_with("Back-off pulling image \"") && message.ends_with('"')
}

/// The error of the last attempt to pull a container's image, as the kubelet reported it.
fn last_error<'a>(subject: Subject<'_>, events: &'a [EventFacts]) -> Option<&'a str> {
    let lead = format!("Failed to pull image \"{}\": ", subject.container.image);
    let event = newest(events, subject.pod, |event| {
        event.reason == "Failed" && event.message.starts_with(&lead)
    })?;
    event.message.strip_prefix(&lead)
}
