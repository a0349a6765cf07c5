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
