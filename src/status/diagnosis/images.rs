//! Images that cannot be pulled.

use super::image_errors::{ImageError, sort};
use super::subject::{Part, Subject};
use super::{Cause, Verdict};
use crate::wording::sentence;

pub(super) fn diagnose(subject: Subject<'_>) -> Option<Verdict> {
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
    let message = sentence(&waiting.message);
    match waiting.code.as_str() {
        "InvalidImageName" => verdict(
            Cause::ImageNameInvalid,
            &format!("that is not the name of an image. Correct {field}, such as registry.example/name:tag."),
        ),
        "ErrImageNeverPull" => verdict(
            Cause::ImageNeverPulled,
            "the node does not have it, and its pull policy forbids to fetch it.",
        ),
        "RegistryUnavailable" => verdict(
            Cause::RegistryUnreachable,
            &format!("the registry cannot be reached. Kubernetes tries again. {message}"),
        ),
        "SignatureValidationFailed" | "ImageInspectError" => verdict(Cause::ImagePullFailed, &message),
        // The back-off's own words may be all there is; then the last error is not known, and it may be any.
        "ErrImagePull" | "ImagePullBackOff" => match sort(&waiting.message, image) {
            Some(ImageError::WrongPlatform(platform)) => {
                let platform = platform
                    .or_else(|| {
                        pod.architecture
                            .as_ref()
                            .map(|architecture| format!("linux/{architecture}"))
                    })
                    .map_or_else(
                        || format!("the platform of node {}", pod.node),
                        |platform| format!("{platform}, which node {} needs", pod.node),
                    );
                let advice = "Build the image for that platform too, or choose nodes of another one with NodeSelector \
                              (kubernetes.io/arch).";
                verdict(
                    Cause::ImagePlatformMismatch,
                    &format!("it has no image for {platform}. {advice} {message}"),
                )
            }
            Some(ImageError::Throttled) => verdict(
                Cause::ImagePullThrottled,
                "the registry limits how often images may be pulled. Kubernetes tries again; an account or a mirror of the \
                 registry raises the limit.",
            ),
            Some(ImageError::Unauthorized) => verdict(
                Cause::ImagePullUnauthorized,
                &format!(
                    "the registry refuses it to this account. Correct {field}, or give the pod's service account a pull \
                     secret."
                ),
            ),
            Some(ImageError::NotFound) => verdict(
                Cause::ImageNotFound,
                &format!("it does not exist there. Correct {field}, or push it first."),
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
