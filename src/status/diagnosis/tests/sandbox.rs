//! Pods whose sandbox cannot be created.

use super::*;

#[test]
fn a_sandbox_that_cannot_be_created_is_explained_by_its_cause() {
    let failed_to_create = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to ";
    for (code, message, reason, later) in [
        (
            "FailedCreatePodSandBox",
            "get sandbox runtime: no runtime for \"nohandler\" is configured",
            "RuntimeHandlerMissing",
            USER,
        ),
        (
            "FailedCreatePodSandBox",
            "find runtime handler nohandler from runtime list map[runc:0xc0000]",
            "RuntimeHandlerMissing",
            USER,
        ),
        (
            "FailedCreatePodSandBox",
            "create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start \
             container process: container init was OOM-killed (memory limit too low?): unknown",
            "MemoryLimitTooSmall",
            USER,
        ),
        (
            "FailedCreatePodSandBox",
            "setup network for sandbox \"3f\": plugin type=\"bridge\" failed (add): failed to allocate for range 0: no IP \
             addresses available in range set: 10.88.0.1-10.88.0.254",
            "PodAddressesExhausted",
            SYSTEM,
        ),
        (
            "FailedCreatePodSandBox",
            "setup network for sandbox \"3f\": plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: failed to assign \
             an IP address to container",
            "PodAddressesExhausted",
            SYSTEM,
        ),
        (
            "FailedCreatePodSandBox",
            "setup network for sandbox \"3f\": plugin type=\"calico\" failed (add): stat /var/lib/calico/nodename: no such file",
            "PodNetworkFails",
            SYSTEM,
        ),
        (
            "NetworkNotReady",
            "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
             message:Network plugin returns error: cni plugin not initialized",
            "PodNetworkFails",
            SYSTEM,
        ),
        (
            "FailedCreatePodSandBox",
            "reserve sandbox name: it is reserved",
            "PodSandboxFails",
            SYSTEM,
        ),
    ] {
        let message = format!("{failed_to_create}{message}");
        let creating = pod(vec![waiting("ContainerCreating", "")]);
        let verdict = of(std::slice::from_ref(&creating), &[event(code, &message)]).expect("a verdict");
        assert_eq!(
            (verdict.cause.reason(), failed(&verdict, 3600)),
            (reason, later),
            "{message}"
        );
        assert!(verdict.sentence.contains(&message), "{}", verdict.sentence);
        // Once there is a sandbox, an event of before is no cause.
        let created = PodFacts {
            has_sandbox: true,
            ..creating
        };
        assert_eq!(of(&[created], &[event(code, &message)]), None);
    }
}

#[test]
fn of_sandbox_and_volumes_the_newest_event_counts() {
    let at = |seconds, event: EventFacts| EventFacts {
        last: Some(second(seconds)),
        ..event
    };
    let sandbox = |seconds| {
        at(
            seconds,
            event("FailedCreatePodSandBox", "no runtime for \"x\" is configured"),
        )
    };
    let mount = |seconds| {
        at(
            seconds,
            event("FailedMount", "MountVolume.SetUp failed for volume \"v\" : no"),
        )
    };
    let creating = [pod(vec![waiting("ContainerCreating", "")])];
    let cause = |events: &[EventFacts]| of(&creating, events).expect("a verdict").cause;
    assert_eq!(cause(&[sandbox(2), mount(1)]), Cause::RuntimeHandlerMissing);
    assert_eq!(cause(&[sandbox(1), mount(2)]), Cause::VolumeMountFails);
}
