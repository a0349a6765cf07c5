//! Images that cannot be pulled.

use super::super::facts::{ContainerFacts, PodFacts};
use super::{Cause, Verdict};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    let waiting = container.waiting.as_ref()?;
    let image = &container.image;
    let verdict = |cause, what: &str| {
        let words = format!("Pod {} cannot pull the image {image}: {what}", pod.name);
        Some(Verdict::of_pod(cause, pod, words))
    };
    match waiting.code.as_str() {
        "InvalidImageName" => verdict(
            Cause::ImageNameInvalid,
            "that is not the name of an image. Correct Image, such as registry.example/name:tag.",
        ),
        "ErrImageNeverPull" => verdict(
            Cause::ImageNeverPulled,
            "the node does not have it, and its pull policy forbids to fetch it.",
        ),
        "ErrImagePull" | "ImagePullBackOff" => {
            // The back-off's own words may be all there is; then the last error is not known, and it may be any.
            let words = waiting.message.to_lowercase();
            let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
            if any(&["toomanyrequests", "too many requests", "429"]) {
                return verdict(
                    Cause::ImagePullThrottled,
                    "the registry limits how often images may be pulled. Kubernetes tries again; an account or a mirror of \
                     the registry raises the limit.",
                );
            }
            if any(&[
                "unauthorized",
                "authorization failed",
                "403 forbidden",
                "access denied",
                "authentication required",
            ]) {
                return verdict(
                    Cause::ImagePullUnauthorized,
                    "the registry refuses it to this account. Correct Image, or give the pod's service account a pull secret.",
                );
            }
            if any(&[
                "not found",
                "manifest unknown",
                "name unknown",
                "repository does not exist",
            ]) {
                return verdict(
                    Cause::ImageNotFound,
                    "it does not exist there. Correct Image, or push it first.",
                );
            }
            if any(&[
                "dial tcp",
                "no such host",
                "connection refused",
                "timeout",
                "503",
                "502",
                "500",
                "tls",
                "eof",
            ]) {
                return verdict(
                    Cause::RegistryUnreachable,
                    &format!(
                        "the registry cannot be reached. Kubernetes tries again. {}",
                        sentence(&waiting.message)
                    ),
                );
            }
            verdict(Cause::ImagePullFailed, &sentence(&waiting.message))
        }
        _ => None,
    }
}
