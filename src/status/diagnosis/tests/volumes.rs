//! Volumes and claims.

use super::*;

#[test]
fn a_volume_that_cannot_be_mounted_is_explained_by_its_cause() {
    for (reason, message, wanted, later) in [
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found",
            "SecretMissing",
            USER,
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"v\" : configmap \"c\" not found",
            "ConfigMapMissing",
            USER,
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: k",
            "KeyMissing",
            USER,
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"v\" : mount failed: exit status 32",
            "VolumeMountFails",
            USER,
        ),
        (
            "FailedAttachVolume",
            "Multi-Attach error for volume \"v\"",
            "VolumeAttachFails",
            SYSTEM,
        ),
    ] {
        let pods = [pod(vec![waiting("ContainerCreating", "")])];
        let summary = event(
            "FailedMount",
            "Unable to attach or mount volumes: timed out waiting for the condition",
        );
        let verdict = of(&pods, &[event(reason, message), summary]).expect("a verdict");
        assert_eq!(
            (verdict.cause.reason(), failed(&verdict, 0), failed(&verdict, 3600)),
            (wanted, None, later),
            "{message}"
        );
        // Once its containers start, an earlier event does not count any more.
        assert_eq!(of(&[pod(vec![running(false)])], &[event(reason, message)]), None);
    }
}

#[test]
fn a_claim_without_a_volume_is_explained_by_its_cause() {
    let waits = |message: &str| PodFacts {
        unschedulable: Some(unschedulable(message)),
        claims: vec!["data-foo-0".to_owned()],
        ..pod(Vec::new())
    };
    let of_claim = |reason, message, name: &str| EventFacts {
        kind: "PersistentVolumeClaim".to_owned(),
        name: name.to_owned(),
        ..event(reason, message)
    };
    let unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
    let no_class = "storageclass.storage.k8s.io \"fast\" not found";
    for (message, events, wanted) in [
        (
            "0/1 nodes are available: persistentvolumeclaim \"c\" not found.",
            vec![],
            "ClaimMissing",
        ),
        (unbound, vec![], "ClaimPending"),
        (
            "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.",
            vec![],
            "ClaimPending",
        ),
        (
            unbound,
            vec![of_claim("ProvisioningFailed", no_class, "data-foo-0")],
            "StorageClassMissing",
        ),
        (
            unbound,
            vec![of_claim("ProvisioningFailed", no_class, "other")],
            "ClaimPending",
        ),
        (
            unbound,
            vec![of_claim("ProvisioningFailed", "quota", "data-foo-0")],
            "ClaimPending",
        ),
    ] {
        let verdict = of(&[waits(message)], &events).expect("a verdict");
        assert_eq!(verdict.cause.reason(), wanted, "{message}");
        assert!(verdict.cause.waits_for_resources());
    }
}
