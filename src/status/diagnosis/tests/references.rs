//! Objects that a container refers to.

use super::*;

#[test]
fn missing_objects_that_a_pod_names_are_reported() {
    for (message, reason, at_once) in [
        ("secret \"s\" not found", "SecretMissing", None),
        ("configmap \"c\" not found", "ConfigMapMissing", None),
        ("couldn't find key k in Secret ns/s", "KeyMissing", None),
        (
            "container has runAsNonRoot and image will run as root",
            "RunsAsRoot",
            USER,
        ),
        (
            "container's runAsUser breaks non-root policy (pod: \"foo-0_flyte(1)\", container: foo)",
            "RunsAsRoot",
            USER,
        ),
        ("something new", "ContainerConfigInvalid", None),
    ] {
        assert_eq!(
            judged(pod(vec![waiting("CreateContainerConfigError", message)])),
            (reason, at_once, USER),
            "{message}"
        );
    }
}
