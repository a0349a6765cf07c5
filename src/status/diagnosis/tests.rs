//! Each rule, with the words that Kubernetes, containerd and runc really use.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::status::{Ended, Reason};

fn stateful_set() -> StatefulSetFacts {
    StatefulSetFacts::from(&StatefulSet {
        metadata: ObjectMeta {
            name: Some("foo".to_owned()),
            uid: Some("set".to_owned()),
            ..ObjectMeta::default()
        },
        ..StatefulSet::default()
    })
}

fn of(pods: &[PodFacts], events: &[EventFacts]) -> Option<Verdict> {
    diagnose(&stateful_set(), pods, events)
}

fn failed(verdict: &Verdict, second: i64) -> Option<Blame> {
    verdict.failed(Timestamp::from_second(second).expect("a time"), &GracePeriods::new())
}

fn waiting(code: &str, message: &str) -> ContainerFacts {
    let waiting = Reason {
        code: code.to_owned(),
        message: message.to_owned(),
    };
    ContainerFacts {
        name: "foo".to_owned(),
        image: "r/i:1".to_owned(),
        waiting: Some(waiting),
        ..ContainerFacts::default()
    }
}

fn ended(reason: &str, exit_code: i32, restarts: i32) -> ContainerFacts {
    let ended = Ended {
        reason: reason.to_owned(),
        exit_code,
        message: String::new(),
    };
    ContainerFacts {
        name: "foo".to_owned(),
        ended: Some(ended),
        restarts,
        ..ContainerFacts::default()
    }
}

fn pod(containers: Vec<ContainerFacts>) -> PodFacts {
    PodFacts {
        name: "foo-0".to_owned(),
        uid: "pod".into(),
        created: Some(second(0)),
        containers,
        ..PodFacts::default()
    }
}

fn unschedulable(message: &str) -> Reason {
    Reason {
        code: "Unschedulable".to_owned(),
        message: message.to_owned(),
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// The verdict on one pod, as `(reason, blame at once, blame after an hour)`.
fn judged(pod: PodFacts) -> (&'static str, Option<Blame>, Option<Blame>) {
    let verdict = of(&[pod], &[]).expect("a verdict");
    assert!(verdict.sentence.ends_with('.'), "{}", verdict.sentence);
    assert!(
        verdict.sentence.contains("foo-0") && verdict.culprit == "Pod foo-0",
        "{}",
        verdict.sentence
    );
    (verdict.cause.reason(), failed(&verdict, 0), failed(&verdict, 3600))
}

const USER: Option<Blame> = Some(Blame::User);
const SYSTEM: Option<Blame> = Some(Blame::System);

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
fn a_container_that_does_not_start_is_told_by_its_cause() {
    let runc = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
                unable to start container process: exec: \"my-service\": ";
    for (end, reason, at_once) in [
        ("executable file not found in $PATH: unknown", "CommandNotFound", USER),
        ("permission denied: unknown", "CommandNotExecutable", USER),
        ("something new", "ContainerCannotStart", None),
    ] {
        let words = format!("{runc}{end}");
        assert_eq!(
            judged(pod(vec![waiting("RunContainerError", &words)])),
            (reason, at_once, USER),
            "{end}"
        );
    }
}

#[test]
fn a_container_that_does_not_stay_is_told_by_how_it_ended() {
    for (container, reason, at_once) in [
        (ended("OOMKilled", 137, 1), "OutOfMemory", USER),
        (ended("Error", 3, 1), "ContainerExits", None),
        (ended("Error", 3, 3), "ContainerExits", USER),
        (ended("Completed", 0, 1), "ContainerCompleted", None),
        (ended("Completed", 0, 3), "ContainerCompleted", USER),
        (
            ContainerFacts {
                init: true,
                ..ended("Error", 1, 3)
            },
            "InitContainerFailed",
            USER,
        ),
    ] {
        let verdict = of(&[pod(vec![container.clone()])], &[]).expect("a verdict");
        assert_eq!(verdict.log_of, Some(("foo-0".to_owned(), "foo".to_owned())));
        assert_eq!(judged(pod(vec![container])), (reason, at_once, USER));
    }
}

#[test]
fn the_exit_code_says_what_happened() {
    let sentence = |code| {
        of(&[pod(vec![ended("Error", code, 1)])], &[])
            .expect("a verdict")
            .sentence
    };
    assert_eq!(sentence(3), "Container foo of pod foo-0 ends with exit code 3.");
    assert!(sentence(127).contains("exit code 127. The shell did not find the program."));
    assert!(sentence(139).contains("exit code 139, killed by signal 11"));
}

#[test]
fn a_container_that_runs_or_an_init_container_that_is_done_is_no_cause() {
    let ready = ContainerFacts {
        ready: true,
        ..ended("Error", 1, 5)
    };
    let done = ContainerFacts {
        init: true,
        ..ended("Completed", 0, 0)
    };
    let creating = waiting("ContainerCreating", "");
    let unknown = waiting("SomethingNew", "in a later version");
    for container in [ready, done, creating, unknown, ContainerFacts::default()] {
        let pod = PodFacts {
            ready: container.ready,
            ..pod(vec![container])
        };
        assert_eq!(of(&[pod], &[]), None);
    }
    assert_eq!(of(&[], &[]), None);
}

#[test]
fn what_a_pod_names_and_does_not_exist_is_told() {
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

#[test]
fn a_pod_that_no_node_takes_waits_for_resources_and_says_for_which() {
    for (message, reason) in [
        (
            "0/1 nodes are available: 1 Insufficient cpu. preemption: none",
            "InsufficientCpu",
        ),
        ("0/1 nodes are available: 1 Insufficient memory.", "InsufficientMemory"),
        (
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
            "InsufficientGpu",
        ),
        (
            "0/1 nodes are available: 1 Insufficient ephemeral-storage.",
            "InsufficientStorage",
        ),
        ("0/1 nodes are available: 1 Too many pods.", "TooManyPods"),
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            "NoMatchingNode",
        ),
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint {a: b}.",
            "TaintNotTolerated",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "ClaimPending",
        ),
        ("something new", "Unschedulable"),
    ] {
        let pod = PodFacts {
            unschedulable: Some(unschedulable(message)),
            ..pod(Vec::new())
        };
        assert!(
            of(std::slice::from_ref(&pod), &[])
                .expect("a verdict")
                .cause
                .waits_for_resources()
        );
        assert_eq!(judged(pod), (reason, None, USER), "{message}");
    }
}

fn refused(words: &str) -> EventFacts {
    EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "FailedCreate".to_owned(),
        message: format!("create Pod foo-0 in StatefulSet foo failed error: {words}"),
        first: Some(second(0)),
        ..EventFacts::default()
    }
}

#[test]
fn a_pod_that_may_not_be_made_is_told_by_who_refuses_it() {
    for (words, reason, at_once, later) in [
        (
            "pods \"foo-0\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
            "QuotaExceeded",
            None,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: violates PodSecurity \"restricted:latest\": seccompProfile",
            "PodSecurityRefused",
            USER,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "LimitRangeRefused",
            USER,
            USER,
        ),
        (
            "admission webhook \"w\" denied the request: no",
            "AdmissionRefused",
            USER,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "AdmissionRefused",
            USER,
            USER,
        ),
        (
            "Internal error occurred: failed calling webhook \"w\": connection refused",
            "WebhookUnavailable",
            None,
            None,
        ),
        (
            "pods \"foo-0\" is forbidden: error looking up service account ns/s: serviceaccount \"s\" not found",
            "ServiceAccountMissing",
            None,
            USER,
        ),
        (
            "pods \"foo-0\" is forbidden: unable to create new content in namespace n because it is being terminated",
            "NamespaceTerminating",
            USER,
            USER,
        ),
        (
            "Pod \"foo-0\" is invalid: metadata.labels: must be no more than 63 bytes",
            "NameTooLong",
            USER,
            USER,
        ),
        ("something new", "PodNotCreated", None, USER),
    ] {
        let verdict = of(&[], &[refused(words)]).expect("a verdict");
        assert!(
            verdict
                .sentence
                .starts_with("Kubernetes does not let StatefulSet foo make its pods: ")
        );
        assert_eq!(verdict.culprit, "StatefulSet foo");
        assert_eq!(
            (verdict.cause.reason(), failed(&verdict, 0), failed(&verdict, 3600)),
            (reason, at_once, later),
            "{words}"
        );
    }
}

#[test]
fn an_event_about_a_pod_that_was_made_since_is_no_cause() {
    assert_eq!(of(&[pod(Vec::new())], &[refused("exceeded quota")]), None);
    let other = EventFacts {
        reason: "SuccessfulCreate".to_owned(),
        ..EventFacts::default()
    };
    assert_eq!(of(&[], &[other]), None);
}

#[test]
fn a_pod_that_was_taken_away_is_made_again_and_never_a_failure() {
    for (code, reason) in [
        ("Evicted", "Evicted"),
        ("PreemptionByScheduler", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
    ] {
        let lost = Reason {
            code: code.to_owned(),
            message: "The node was low on resource: memory".to_owned(),
        };
        let pod = PodFacts {
            disrupted: Some(lost),
            gone_by: Some(second(30)),
            ..pod(Vec::new())
        };
        assert_eq!(judged(pod), (reason, None, None));
    }
}

#[test]
fn of_several_causes_the_gravest_is_told() {
    let waits = PodFacts {
        unschedulable: Some(unschedulable("0/1 nodes are available: 1 Insufficient cpu.")),
        ..pod(Vec::new())
    };
    let doomed = pod(vec![waiting("InvalidImageName", "")]);
    assert_eq!(
        of(&[waits, doomed], &[]).expect("a verdict").cause.reason(),
        "ImageNameInvalid"
    );
}

fn event(reason: &str, message: &str) -> EventFacts {
    EventFacts {
        kind: "Pod".to_owned(),
        name: "foo-0".to_owned(),
        uid: "pod".to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        first: Some(second(0)),
        last: Some(second(0)),
    }
}

#[test]
fn a_container_that_a_probe_has_killed_is_told_by_the_probe() {
    let killing = |probe| {
        event(
            "Killing",
            &format!("Container foo failed {probe} probe, will be restarted"),
        )
    };
    for (probe, restarts, reason, at_once) in [
        ("liveness", 1, "LivenessProbeFails", None),
        ("liveness", 3, "LivenessProbeFails", USER),
        ("startup", 1, "StartupProbeFails", None),
        ("startup", 3, "StartupProbeFails", USER),
    ] {
        let unhealthy = event(
            "Unhealthy",
            &format!("{probe} probe failed: HTTP probe failed with statuscode: 500"),
        );
        let events = [killing(probe), unhealthy];
        let verdict = of(&[pod(vec![ended("Error", 137, restarts)])], &events).expect("a verdict");
        assert_eq!((verdict.cause.reason(), failed(&verdict, 0)), (reason, at_once));
        assert_eq!(failed(&verdict, 3600), USER);
        assert!(verdict.log_of.is_some());
        let words = format!("its {probe} probe fails: HTTP probe failed with statuscode: 500.");
        assert!(verdict.sentence.contains(&words), "{}", verdict.sentence);
    }
    // The same event about a pod that had the name before, or about another container, says nothing.
    for (uid, message) in [
        ("other", "Container foo failed liveness probe, will be restarted"),
        ("pod", "Container other failed liveness probe, will be restarted"),
    ] {
        let event = EventFacts {
            uid: uid.to_owned(),
            ..event("Killing", message)
        };
        let verdict = of(&[pod(vec![ended("Error", 137, 1)])], &[event]).expect("a verdict");
        assert_eq!(verdict.cause, Cause::ContainerExits);
    }
}

fn running(started: bool) -> ContainerFacts {
    ContainerFacts {
        name: "foo".to_owned(),
        running_since: Some(second(0)),
        started,
        ..ContainerFacts::default()
    }
}

#[test]
fn a_readiness_probe_that_does_not_pass_is_waited_for_and_then_told() {
    let unhealthy = event(
        "Unhealthy",
        "Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused",
    );
    let verdict = of(&[pod(vec![running(true)])], &[unhealthy]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::ReadinessProbeFails);
    assert!(
        verdict.sentence.contains("has not passed: dial tcp 10.0.0.7:80"),
        "{}",
        verdict.sentence
    );
    assert_eq!((failed(&verdict, 599), failed(&verdict, 600)), (None, USER));
    // Also where events cannot be read.
    let verdict = of(&[pod(vec![running(true)])], &[]).expect("a verdict");
    assert!(verdict.sentence.ends_with("has not passed."), "{}", verdict.sentence);
    // While a startup probe has time left, nothing is wrong.
    assert_eq!(of(&[pod(vec![running(false)])], &[]), None);
}

#[test]
fn a_volume_that_cannot_be_mounted_is_told_by_its_cause() {
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
        // Once its containers start, an event of before says nothing any more.
        assert_eq!(of(&[pod(vec![running(false)])], &[event(reason, message)]), None);
    }
}

#[test]
fn a_claim_without_a_volume_is_told_by_its_cause() {
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

#[test]
fn an_autoscaler_that_adds_a_node_is_waited_for_from_when_it_said_so() {
    let waits = PodFacts {
        unschedulable: Some(unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")),
        ..pod(Vec::new())
    };
    let at = |seconds, event: EventFacts| EventFacts {
        last: Some(second(seconds)),
        ..event
    };
    let up = |seconds| {
        at(
            seconds,
            event("TriggeredScaleUp", "pod triggered scale-up: [{gpus 0->1 (max: 4)}]"),
        )
    };
    let not = |seconds| {
        at(
            seconds,
            event(
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: 1 max node group size reached",
            ),
        )
    };
    let verdict = of(std::slice::from_ref(&waits), &[not(10), up(1000)]).expect("a verdict");
    assert_eq!(verdict.cause, Cause::ScaleUpInProgress);
    assert!(
        verdict.sentence.contains("A node is on its way: pod triggered"),
        "{}",
        verdict.sentence
    );
    assert_eq!(
        (failed(&verdict, 1000 + 1799), failed(&verdict, 1000 + 1800)),
        (None, USER)
    );
    let verdict = of(std::slice::from_ref(&waits), &[up(10), not(1000)]).expect("a verdict");
    assert_eq!((verdict.cause, failed(&verdict, 899)), (Cause::InsufficientGpu, None));
    assert!(
        verdict.sentence.contains("The autoscaler adds no node: pod didn't"),
        "{}",
        verdict.sentence
    );
}

#[test]
fn a_pod_behind_a_scheduling_gate_is_waited_for() {
    let gated = Reason {
        code: "SchedulingGated".to_owned(),
        message: "Scheduling is blocked due to non-empty scheduling gates".to_owned(),
    };
    let gated = PodFacts {
        unschedulable: Some(gated),
        ..pod(Vec::new())
    };
    assert_eq!(judged(gated), ("SchedulingGated", None, None));
}

#[test]
fn a_pod_that_does_not_go_is_tried_again_elsewhere_after_a_while() {
    let going = PodFacts {
        gone_by: Some(second(100)),
        finalizers: vec!["example.com/hold".to_owned()],
        ..pod(vec![running(true)])
    };
    let verdict = of(&[going], &[]).expect("a verdict");
    assert_eq!(
        (verdict.cause, failed(&verdict, 0), failed(&verdict, 699)),
        (Cause::PodTerminating, None, None)
    );
    assert_eq!(failed(&verdict, 700), SYSTEM);
    assert!(
        verdict
            .sentence
            .contains("should be by 00:01:40 UTC. The finalizer example.com/hold holds it.")
    );
}

#[test]
fn a_node_that_does_not_answer_is_told_by_pods_that_were_ready() {
    let silent = PodFacts {
        node: "n1".into(),
        ..pod(vec![ContainerFacts {
            ready: true,
            ..running(true)
        }])
    };
    assert_eq!(judged(silent.clone()), ("NodeLost", None, None));
    for other in [
        PodFacts {
            ready: true,
            ..silent.clone()
        },
        PodFacts {
            has_readiness_gates: true,
            ..silent
        },
    ] {
        assert_eq!(of(&[other], &[]), None);
    }
}

#[test]
fn an_ordered_rollout_that_waits_for_a_pod_of_the_old_revision_is_told() {
    let ordered = StatefulSetFacts {
        revision: Some("foo-2".into()),
        is_ordered: true,
        ..stateful_set()
    };
    // What the old revision suffers from may be mended in the new one, so it does not make the service fail at once.
    let old = PodFacts {
        revision: "foo-1".into(),
        ..pod(vec![waiting("InvalidImageName", "")])
    };
    let verdict = diagnose(&ordered, std::slice::from_ref(&old), &[]).expect("a verdict");
    assert_eq!(
        (verdict.cause, failed(&verdict, 0), failed(&verdict, 300)),
        (Cause::RolloutStuck, None, USER)
    );
    assert!(
        verdict.sentence.contains("`kubectl delete pod foo-0`"),
        "{}",
        verdict.sentence
    );
    for (stateful_set, revision) in [(ordered, "foo-2"), (stateful_set(), "foo-1")] {
        let pod = PodFacts {
            revision: revision.into(),
            ..old.clone()
        };
        let verdict = diagnose(&stateful_set, &[pod], &[]).expect("a verdict");
        assert_eq!(verdict.cause, Cause::ImageNameInvalid);
    }
}

#[test]
fn a_pod_that_is_replaced_is_not_blamed_for_what_the_new_revision_may_have_mended() {
    let broken = PodFacts {
        revision: "foo-1".into(),
        ..pod(vec![waiting("InvalidImageName", "")])
    };
    let refused = EventFacts {
        kind: "StatefulSet".to_owned(),
        uid: "set".to_owned(),
        reason: "FailedCreate".to_owned(),
        message: "create Pod foo-1 in StatefulSet foo failed error: pods \"foo-1\" is forbidden".to_owned(),
        ..EventFacts::default()
    };
    let updated = StatefulSetFacts {
        revision: Some("foo-2".into()),
        ..stateful_set()
    };
    assert_eq!(diagnose(&updated, std::slice::from_ref(&broken), &[]), None);
    // Until Kubernetes has begun, what it says of revisions and what events tell is of before.
    let changed = StatefulSetFacts {
        revision: Some("foo-1".into()),
        is_observed: false,
        ..stateful_set()
    };
    assert_eq!(diagnose(&changed, &[broken], &[refused]), None);
}

#[test]
fn a_grace_period_of_the_platform_counts_instead_of_the_causes_own() {
    let verdict = |reason: &str| of(&[pod(vec![waiting(reason, "429")])], &[]).expect("a verdict");
    let hour = std::time::Duration::from_hours(1);
    for (verdict, later) in [
        (verdict("InvalidImageName"), USER),
        (verdict("ErrImagePull"), SYSTEM),
        (of(&[pod(vec![ended("Error", 1, 3)])], &[]).expect("a verdict"), USER),
    ] {
        let set = GracePeriods::from([(verdict.cause, hour)]);
        assert_eq!(verdict.failed(second(3599), &set), None, "{:?}", verdict.cause);
        assert_eq!(verdict.failed(second(3600), &set), later, "{:?}", verdict.cause);
    }
}

#[test]
fn a_pod_of_an_earlier_service_of_that_name_is_told() {
    let of_another = |owner: &str| PodFacts {
        owner: owner.into(),
        ..pod(vec![running(false)])
    };
    let verdict = of(&[of_another("earlier")], &[]).expect("a verdict");
    assert_eq!((verdict.cause, failed(&verdict, 299)), (Cause::PodLeftBehind, None));
    assert_eq!(failed(&verdict, 300), SYSTEM);
    assert!(
        verdict.sentence.contains("`kubectl delete pod foo-0`"),
        "{}",
        verdict.sentence
    );
    assert_eq!(of(&[of_another("set")], &[]), None);
}
