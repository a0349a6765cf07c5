//! Images that cannot be pulled.

use super::*;

#[test]
fn an_image_that_cannot_be_pulled_is_told_by_its_cause() {
    for (code, message, reason, at_once, later) in [
        (
            "InvalidImageName",
            "Failed to apply default image tag \"a:b:c\": couldn't parse image name",
            "ImageNameInvalid",
            USER,
            USER,
        ),
        (
            "ErrImageNeverPull",
            "Container image \"i\" is not present with pull policy of Never",
            "ImageNeverPulled",
            USER,
            USER,
        ),
        (
            "ErrImagePull",
            "rpc error: code = NotFound desc = failed to pull and unpack image \"r/i:1\": failed to resolve reference \"r/i:1\": r/i:1: not found",
            "ImageNotFound",
            USER,
            USER,
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i\": ErrImagePull: manifest unknown",
            "ImageNotFound",
            USER,
            USER,
        ),
        (
            "ErrImagePull",
            "failed to resolve reference: unexpected status from HEAD request: 403 Forbidden",
            "ImagePullUnauthorized",
            None,
            USER,
        ),
        (
            "ErrImagePull",
            "pull access denied, repository does not exist or may require authorization",
            "ImagePullUnauthorized",
            None,
            USER,
        ),
        (
            "ErrImagePull",
            "httpReadSeeker: failed open: unexpected status code: 429 Too Many Requests - toomanyrequests: limit, not found",
            "ImagePullThrottled",
            None,
            None,
        ),
        (
            "ErrImagePull",
            "failed to do request: dial tcp: lookup r: no such host",
            "RegistryUnreachable",
            None,
            SYSTEM,
        ),
        (
            "ErrImagePull",
            "unexpected status from HEAD request to r: 503 Service Unavailable",
            "RegistryUnreachable",
            None,
            SYSTEM,
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i\"",
            "ImagePullFailed",
            None,
            USER,
        ),
    ] {
        assert_eq!(
            judged(pod(vec![waiting(code, message)])),
            (reason, at_once, later),
            "{code}: {message}"
        );
    }
}

#[test]
fn no_word_or_code_of_an_images_name_is_the_error() {
    let not_found = |image: &str| {
        format!(
            "Back-off pulling image \"{image}\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \
         \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
        )
    };
    for image in [
        "registry.example:5000/none/model:20240429",
        "registry.example:5000/none/model:429",
        "registry.example:503/none/model:1",
        "timeout.example/none/unauthorized:1",
        "registry.example/tls/eof-429:dial",
        "registry.example/403-forbidden/toomanyrequests:502",
        "registry.example/none@sha256:4294294294294294294294294294294294294294294294294294294294294294",
        "registry.example/none:503@sha256:4294294294294294294294294294294294294294294294294294294294294294",
    ] {
        let container = ContainerFacts {
            image: image.to_owned(),
            ..waiting("ImagePullBackOff", &not_found(image))
        };
        assert_eq!(judged(pod(vec![container])), ("ImageNotFound", USER, USER), "{image}");
    }
}

#[test]
fn the_error_counts_also_where_its_word_is_in_the_images_name() {
    for (message, reason) in [
        (
            "failed to do request: Head \"https://r.example:429/v2/not-found/manifests/404\": dial tcp: lookup r.example on \
             10.4.29.1:53: no such host",
            "RegistryUnreachable",
        ),
        (
            "unexpected status from HEAD request to https://r.example:429/v2/not-found/manifests/404: 429 Too Many Requests",
            "ImagePullThrottled",
        ),
        (
            "failed to resolve reference \"r.example:429/not-found:404\": pull access denied, repository does not exist or may \
             require authorization: authorization failed: no basic auth credentials",
            "ImagePullUnauthorized",
        ),
        (
            "reading manifest 404 in r.example:429/not-found: unauthorized: access to the requested resource is not authorized",
            "ImagePullUnauthorized",
        ),
        (
            "failed to pull and unpack image \"r.example:429/not-found:404\": no match for platform in manifest: not found",
            "ImagePlatformMismatch",
        ),
        (
            "Back-off pulling image \"r.example:429/not-found:404\"",
            "ImagePullFailed",
        ),
        (
            "failed to pull image \"r.example:429/not-found:404\": no space left on device",
            "ImagePullFailed",
        ),
    ] {
        let container = ContainerFacts {
            image: "r.example:429/not-found:404".to_owned(),
            ..waiting("ErrImagePull", message)
        };
        assert_eq!(judged(pod(vec![container])).0, reason, "{message}");
    }
}

#[test]
fn an_image_for_another_architecture_is_told_with_what_is_known_of_the_nodes() {
    let container = || waiting("ErrImagePull", "no match for platform in manifest: not found");
    let of_amd64 = PodFacts {
        architecture: Some("amd64".into()),
        node: "n1".into(),
        ..pod(vec![container()])
    };
    let anywhere = PodFacts {
        node: "n1".into(),
        ..pod(vec![container()])
    };
    for (pod, words) in [
        (of_amd64, "has no image for linux/amd64, which node n1 needs"),
        (anywhere, "has no image for the platform of node n1."),
    ] {
        let sentence = of(std::slice::from_ref(&pod), &[]).expect("a verdict").sentence;
        assert!(sentence.contains(words), "{sentence}");
        assert_eq!(judged(pod), ("ImagePlatformMismatch", USER, USER));
    }
}

#[test]
fn the_kubelets_other_codes_of_images_are_told() {
    for (code, reason) in [
        ("RegistryUnavailable", "RegistryUnreachable"),
        ("SignatureValidationFailed", "ImagePullFailed"),
        ("ImageInspectError", "ImagePullFailed"),
    ] {
        assert_eq!(judged(pod(vec![waiting(code, "its words")])).0, reason, "{code}");
    }
}
