//! Images that cannot be pulled.

use super::*;

#[test]
fn an_image_that_cannot_be_pulled_is_explained_by_its_cause() {
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
fn the_registrys_answer_counts_whatever_names_stand_around_it() {
    let image = "registry.example/forbidden/notfound-manifest-unknown:429";
    for (message, reason, words) in [
        // containerd
        (
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": pulling from host \
             127.0.0.1:429 failed with status code [manifests 429]: 403 Forbidden",
            "ImagePullUnauthorized",
            "403 Forbidden",
        ),
        (
            "failed to resolve reference \"{image}\": unexpected status from HEAD request to \
             http://127.0.0.1:38455/v2/forbidden/notfound-manifest-unknown/manifests/429?ns=registry.example: 403 Forbidden",
            "ImagePullUnauthorized",
            "403 Forbidden",
        ),
        (
            "failed to resolve reference \"mirror.example:503/unauthorized:404\": mirror.example:503/unauthorized:404: not found",
            "ImageNotFound",
            "not found",
        ),
        (
            "failed to resolve reference \"{image}\": pulling from host toomanyrequests.example failed with status code \
             [manifests 429]: 404 Not Found",
            "ImageNotFound",
            "404 Not Found",
        ),
        (
            "failed to pull and unpack image \"{image}\": write /var/lib/containerd/not-found/429: no space left on device",
            "ImagePullFailed",
            "no space left",
        ),
        // CRI-O
        (
            "initializing source docker://{image}: reading manifest 429 in registry.example/forbidden/notfound-manifest-unknown: \
             denied: requested access to the resource is denied",
            "ImagePullUnauthorized",
            "denied: requested access",
        ),
        (
            "initializing source docker://{image}: pinging container registry unauthorized.example:429: Get \
             \"https://unauthorized.example:429/v2/\": dial tcp: lookup unauthorized.example on 10.4.29.1:53: no such host",
            "RegistryUnreachable",
            "no such host",
        ),
        (
            "reading manifest 429 in registry.example/forbidden/notfound-manifest-unknown: toomanyrequests: limit reached",
            "ImagePullThrottled",
            "limit reached",
        ),
        // The kubelet, of a node with such a name.
        (
            "the image store of node unauthorized-429 is locked",
            "ImagePullFailed",
            "is locked",
        ),
    ] {
        let message = message.replace("{image}", image);
        let container = ContainerFacts {
            image: image.to_owned(),
            ..waiting("ErrImagePull", &message)
        };
        let verdict = of(&[pod(vec![container])], &[]).expect("a verdict");
        assert_eq!(verdict.cause.reason(), reason, "{message}");
        assert!(verdict.sentence.contains(words), "{}", verdict.sentence);
    }
}

#[test]
fn an_image_for_another_architecture_is_reported_with_what_is_known_of_the_nodes() {
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
fn the_kubelets_other_codes_of_images_are_reported() {
    for (code, reason) in [
        ("RegistryUnavailable", "RegistryUnreachable"),
        ("SignatureValidationFailed", "ImagePullFailed"),
        ("ImageInspectError", "ImagePullFailed"),
    ] {
        assert_eq!(judged(pod(vec![waiting(code, "its words")])).0, reason, "{code}");
    }
}

#[test]
fn the_event_of_the_last_attempt_explains_a_back_off_without_its_error() {
    // Kubernetes 1.30
    let back_off = || waiting("ImagePullBackOff", "Back-off pulling image \"r/i:1\"");
    let failed = |image: &str, error: &str, at: i64| EventFacts {
        last: Some(second(at)),
        ..event("Failed", &format!("Failed to pull image \"{image}\": {error}"))
    };
    let unreachable =
        "failed to pull and unpack image \"r/i:1\": failed to do request: dial tcp: lookup r: no such host";
    let not_found = "rpc error: code = NotFound desc = failed to pull and unpack image \"r/i:1\": failed to resolve reference \
                     \"r/i:1\": r/i:1: not found";
    let others = event("Failed", "Error: ImagePullBackOff");
    for (events, reason, words) in [
        (
            vec![
                failed("r/i:1", unreachable, 1),
                failed("r/i:1", not_found, 2),
                failed("r/i:2", unreachable, 3),
                others.clone(),
            ],
            "ImageNotFound",
            "it does not exist there",
        ),
        (
            vec![failed("r/i:1", unreachable, 1)],
            "RegistryUnreachable",
            "no such host",
        ),
        (
            vec![failed("r/i:1", "no space left on device", 1)],
            "ImagePullFailed",
            "no space left on device",
        ),
        (
            vec![others, failed("r/i:2", not_found, 1)],
            "ImagePullFailed",
            "Back-off pulling image",
        ),
    ] {
        let verdict = of(&[pod(vec![back_off()])], &events).expect("a verdict");
        assert_eq!(verdict.cause.reason(), reason, "{events:?}");
        assert!(verdict.sentence.contains(words), "{}", verdict.sentence);
    }
    // The words of the back-off itself, where it has any, are newer than any event.
    let with_error = waiting(
        "ImagePullBackOff",
        "Back-off pulling image \"r/i:1\": ErrImagePull: r/i:1: not found",
    );
    let verdict = of(&[pod(vec![with_error])], &[failed("r/i:1", unreachable, 1)]).expect("a verdict");
    assert_eq!(verdict.cause.reason(), "ImageNotFound");
}
