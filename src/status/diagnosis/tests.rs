//! Each rule, with the words that Kubernetes, containerd and runc really use.

use super::*;
use crate::status::{Ended, Reason};

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
        created: Some(second(0)),
        containers,
        ..PodFacts::default()
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// The verdict on one pod, as `(reason, blame at once, blame after an hour)`.
fn judged(pod: PodFacts) -> (&'static str, Option<Blame>, Option<Blame>) {
    let verdict = diagnose("foo", &[pod], &[]).expect("a verdict");
    assert!(verdict.sentence.ends_with('.'), "{}", verdict.sentence);
    assert!(
        verdict.sentence.contains("foo-0") && verdict.culprit == "Pod foo-0",
        "{}",
        verdict.sentence
    );
    (verdict.reason, verdict.failed(second(0)), verdict.failed(second(3600)))
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
        let verdict = diagnose("foo", &[pod(vec![container.clone()])], &[]).expect("a verdict");
        assert_eq!(verdict.log_of, Some(("foo-0".to_owned(), "foo".to_owned())));
        assert_eq!(judged(pod(vec![container])), (reason, at_once, USER));
    }
}

#[test]
fn the_exit_code_says_what_happened() {
    let sentence = |code| {
        diagnose("foo", &[pod(vec![ended("Error", code, 1)])], &[])
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
        assert_eq!(diagnose("foo", &[pod(vec![container])], &[]), None);
    }
    assert_eq!(diagnose("foo", &[], &[]), None);
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
            unschedulable: Some(message.to_owned()),
            ..pod(Vec::new())
        };
        assert!(
            diagnose("foo", std::slice::from_ref(&pod), &[])
                .expect("a verdict")
                .waits_for_resources
        );
        assert_eq!(judged(pod), (reason, None, USER), "{message}");
    }
}

fn refused(words: &str) -> EventFacts {
    EventFacts {
        reason: "FailedCreate".to_owned(),
        message: format!("create Pod foo-0 in StatefulSet foo failed error: {words}"),
        first: Some(second(0)),
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
        let verdict = diagnose("foo", &[], &[refused(words)]).expect("a verdict");
        assert!(
            verdict
                .sentence
                .starts_with("Kubernetes does not let StatefulSet foo make its pods: ")
        );
        assert_eq!(verdict.culprit, "StatefulSet foo");
        assert_eq!(
            (verdict.reason, verdict.failed(second(0)), verdict.failed(second(3600))),
            (reason, at_once, later),
            "{words}"
        );
    }
}

#[test]
fn an_event_about_a_pod_that_was_made_since_is_no_cause() {
    assert_eq!(diagnose("foo", &[pod(Vec::new())], &[refused("exceeded quota")]), None);
    let other = EventFacts {
        reason: "SuccessfulCreate".to_owned(),
        ..EventFacts::default()
    };
    assert_eq!(diagnose("foo", &[], &[other]), None);
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
            deleting: true,
            ..pod(Vec::new())
        };
        assert_eq!(judged(pod), (reason, None, None));
    }
}

#[test]
fn of_several_causes_the_gravest_is_told() {
    let waits = PodFacts {
        unschedulable: Some("0/1 nodes are available: 1 Insufficient cpu.".to_owned()),
        ..pod(Vec::new())
    };
    let doomed = pod(vec![waiting("InvalidImageName", "")]);
    assert_eq!(
        diagnose("foo", &[waits, doomed], &[]).expect("a verdict").reason,
        "ImageNameInvalid"
    );
}
