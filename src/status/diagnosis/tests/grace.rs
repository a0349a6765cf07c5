//! Grace periods count from when the fault began, for every cause there is.

use std::time::Duration;

use super::*;
use crate::status::{Gate, PodTimes, Runs};

/// How long the pod has waited before anything goes wrong, in seconds.
const WAITED: i64 = 20 * 60;

/// The grace period that the platform sets for causes that have none.
const GRACE: Duration = Duration::from_mins(10);

/// A service with a fault that begins at [`WAITED`], and what is known of it.
struct Scenario {
    stateful_set: StatefulSetFacts,
    pods: Vec<PodFacts>,
    events: Vec<EventFacts>,
}

fn at_fault(event: EventFacts) -> EventFacts {
    EventFacts {
        first: Some(second(WAITED)),
        last: Some(second(WAITED)),
        ..event
    }
}

/// A pod that was on its node at once, and has waited there, as for a large image.
fn waiting_pod(container: ContainerFacts) -> PodFacts {
    PodFacts {
        times: PodTimes {
            scheduling: Some(second(1)),
            initialized: Some(second(2)),
            not_ready: Some(second(2)),
            ..PodTimes::default()
        },
        ..pod(vec![container])
    }
}

fn of_one(pod: PodFacts, events: Vec<EventFacts>) -> Scenario {
    // The watch leaves out what follows on the node, such as `Pulling`.
    let scheduled = EventFacts {
        first: Some(second(1)),
        ..event("Scheduled", "Successfully assigned flyte/foo-0 to node-0")
    };
    Scenario {
        stateful_set: stateful_set(),
        pods: vec![pod],
        events: std::iter::once(scheduled).chain(events).collect(),
    }
}

fn pulling(code: &str, reason: &str, words: &str) -> Scenario {
    let message = match reason {
        "Failed" => format!("Failed to pull image \"r/i:1\": {words}"),
        _ => words.to_owned(),
    };
    of_one(
        waiting_pod(waiting(code, words)),
        vec![at_fault(event(reason, &message))],
    )
}

fn creating(words: &str) -> Scenario {
    let container = waiting("CreateContainerConfigError", words);
    of_one(
        waiting_pod(container),
        vec![at_fault(event("Failed", &format!("Error: {words}")))],
    )
}

/// A container that has ended for the first time.
fn ends(container: ContainerFacts, events: Vec<EventFacts>) -> Scenario {
    let runs = Runs {
        started: Some(second(WAITED - 1)),
        finished: Some(second(WAITED)),
        finished_before: None,
    };
    of_one(waiting_pod(ContainerFacts { runs, ..container }), events)
}

fn cannot_start(words: &str) -> Scenario {
    ends(waiting("RunContainerError", &format!("exec: \"p\": {words}")), vec![])
}

fn killed(probe: &str) -> Scenario {
    let words = format!("Container foo failed {probe} probe, will be restarted");
    ends(ended("Error", 137, 1), vec![at_fault(event("Killing", &words))])
}

fn mounting(reason: &str, words: &str) -> Scenario {
    let container = waiting("ContainerCreating", "");
    of_one(waiting_pod(container), vec![at_fault(event(reason, words))])
}

/// A pod behind a scheduling gate, which was opened when the fault began: its condition is as old as the pod.
fn unplaced(words: &str, events: Vec<EventFacts>) -> Scenario {
    let pod = PodFacts {
        unschedulable: Some(unschedulable(words)),
        times: PodTimes {
            scheduling: Some(second(0)),
            unschedulable: Some(second(WAITED)),
            ..PodTimes::default()
        },
        ..pod(Vec::new())
    };
    Scenario {
        stateful_set: stateful_set(),
        pods: vec![pod],
        events: std::iter::once(at_fault(event("FailedScheduling", words)))
            .chain(events)
            .collect(),
    }
}

fn refused(words: &str) -> Scenario {
    let refusal = EventFacts {
        kind: "StatefulSet".to_owned(),
        name: "foo".to_owned(),
        uid: "set".to_owned(),
        ..event(
            "FailedCreate",
            &format!("create Pod foo-0 in StatefulSet foo failed error: {words}"),
        )
    };
    Scenario {
        stateful_set: StatefulSetFacts {
            created: Some(second(0)),
            ..stateful_set()
        },
        pods: Vec::new(),
        events: vec![at_fault(refusal)],
    }
}

fn lost(code: &str) -> Scenario {
    let pod = waiting_pod(running(true));
    let pod = PodFacts {
        disrupted: Some(Reason {
            code: code.to_owned(),
            message: "words".to_owned(),
        }),
        times: PodTimes {
            disrupted: Some(second(WAITED)),
            ..pod.times
        },
        ..pod
    };
    of_one(pod, vec![])
}

fn rejected(code: &str) -> Scenario {
    let pod = PodFacts {
        failed: Some(Reason {
            code: code.to_owned(),
            message: "words".to_owned(),
        }),
        times: PodTimes {
            scheduling: Some(second(WAITED)),
            ..PodTimes::default()
        },
        ..pod(Vec::new())
    };
    of_one(pod, vec![])
}

#[expect(clippy::too_many_lines, reason = "a table, with a row for each cause")]
fn scenario(cause: Cause) -> Scenario {
    match cause {
        Cause::ImageNotFound => pulling("ErrImagePull", "Failed", "r/i:1: not found"),
        Cause::ImageNameInvalid => pulling("InvalidImageName", "InspectFailed", "couldn't parse image name"),
        Cause::ImageNeverPulled => pulling("ErrImageNeverPull", "ErrImageNeverPull", "is not present"),
        Cause::ImagePullUnauthorized => pulling("ErrImagePull", "Failed", "unexpected status: 403 Forbidden"),
        Cause::ImagePullThrottled => pulling("ErrImagePull", "Failed", "429 Too Many Requests"),
        Cause::RegistryUnreachable => pulling("ImagePullBackOff", "Failed", "net/http: TLS handshake timeout"),
        Cause::ImagePlatformMismatch => {
            pulling("ErrImagePull", "Failed", "no match for platform in manifest: not found")
        }
        Cause::ImagePullFailed => pulling("ErrImagePull", "Failed", "something new"),
        Cause::CommandNotFound => cannot_start("executable file not found in $PATH: unknown"),
        Cause::CommandNotExecutable => cannot_start("permission denied: unknown"),
        Cause::MemoryLimitTooSmall => cannot_start("container init was OOM-killed (memory limit too low?): unknown"),
        Cause::ContainerCannotStart => cannot_start("something new"),
        Cause::ContainerExits => ends(ended("Error", 3, 0), vec![]),
        Cause::ContainerCompleted => ends(ended("Completed", 0, 0), vec![]),
        Cause::OutOfMemory => ends(ended("OOMKilled", 137, 0), vec![]),
        Cause::InitContainerFailed => ends(
            ContainerFacts {
                init: true,
                ..ended("Error", 1, 0)
            },
            vec![],
        ),
        Cause::LivenessProbeFails => killed("liveness"),
        Cause::StartupProbeFails => killed("startup"),
        // It has run all the time, and its startup probe has just passed.
        Cause::ReadinessProbeFails => of_one(
            waiting_pod(running(true)),
            vec![at_fault(event(
                "Unhealthy",
                "Readiness probe failed: connection refused",
            ))],
        ),
        Cause::RunsAsRoot => creating("container has runAsNonRoot and image will run as root"),
        Cause::ContainerConfigInvalid => creating("something new"),
        Cause::SecretMissing => creating("secret \"s\" not found"),
        Cause::ConfigMapMissing => creating("configmap \"c\" not found"),
        Cause::KeyMissing => creating("couldn't find key k in Secret ns/s"),
        Cause::ReadinessGateClosed => of_one(
            PodFacts {
                closed_gates: vec![Gate {
                    condition: "example.com/gate".to_owned(),
                    ..Gate::default()
                }],
                containers_ready_since: Some(second(WAITED)),
                ..waiting_pod(ContainerFacts {
                    ready: true,
                    ..running(true)
                })
            },
            vec![],
        ),
        Cause::RuntimeHandlerMissing => mounting("FailedCreatePodSandBox", "no runtime for \"gvisor\" is configured"),
        Cause::PodAddressesExhausted => mounting("FailedCreatePodSandBox", "no IP addresses available in range set"),
        Cause::PodNetworkFails => mounting("FailedCreatePodSandBox", "failed to setup network for sandbox"),
        Cause::PodSandboxFails => mounting("FailedCreatePodSandBox", "something new"),
        Cause::VolumeMountFails => mounting("FailedMount", "MountVolume.SetUp failed: exit status 32"),
        Cause::VolumeAttachFails => mounting("FailedAttachVolume", "Multi-Attach error for volume \"v\""),
        Cause::ClaimMissing => unplaced("persistentvolumeclaim \"c\" not found.", vec![]),
        Cause::StorageClassMissing => unplaced("storageclass.storage.k8s.io \"fast\" not found", vec![]),
        Cause::ClaimPending => unplaced("pod has unbound immediate PersistentVolumeClaims.", vec![]),
        Cause::InsufficientCpu => unplaced("1 Insufficient cpu.", vec![]),
        Cause::InsufficientMemory => unplaced("1 Insufficient memory.", vec![]),
        Cause::InsufficientGpu => unplaced("1 Insufficient nvidia.com/gpu.", vec![]),
        Cause::InsufficientStorage => unplaced("1 Insufficient ephemeral-storage.", vec![]),
        Cause::TooManyPods => unplaced("1 Too many pods.", vec![]),
        Cause::NoMatchingNode => unplaced("1 node(s) didn't match Pod's node affinity/selector.", vec![]),
        Cause::PodAffinityUnmatched => unplaced("1 node(s) didn't match pod affinity rules.", vec![]),
        Cause::TaintNotTolerated => unplaced("1 node(s) had untolerated taint {a: b}.", vec![]),
        Cause::Unschedulable => unplaced("something new", vec![]),
        Cause::ScaleUpInProgress => unplaced(
            "1 Insufficient cpu.",
            vec![at_fault(event("TriggeredScaleUp", "pod triggered scale-up"))],
        ),
        Cause::SchedulingGated => {
            let gated = Reason {
                code: "SchedulingGated".to_owned(),
                ..Reason::default()
            };
            let times = PodTimes {
                scheduling: Some(second(WAITED)),
                ..PodTimes::default()
            };
            let gated = PodFacts {
                unschedulable: Some(gated),
                created: Some(second(WAITED)),
                times,
                ..pod(Vec::new())
            };
            Scenario {
                stateful_set: stateful_set(),
                pods: vec![gated],
                events: Vec::new(),
            }
        }
        Cause::NodeOutOfResources => rejected("OutOfcpu"),
        Cause::PodNotSupportedByNode => rejected("AppArmor"),
        Cause::PodRejectedByNode => rejected("UnexpectedAdmissionError"),
        Cause::DeadlineExceeded => rejected("DeadlineExceeded"),
        Cause::PodFailed => rejected("SomethingNew"),
        Cause::QuotaExceeded => refused("pods \"foo-0\" is forbidden: exceeded quota: q"),
        Cause::LimitRangeRefused => refused("is forbidden: maximum cpu usage per Container is 1, but limit is 2"),
        Cause::PodSecurityRefused => refused("is forbidden: violates PodSecurity \"restricted:latest\""),
        Cause::AdmissionRefused => refused("admission webhook \"w\" denied the request: no"),
        Cause::WebhookUnavailable => refused("Internal error occurred: failed calling webhook \"w\": refused"),
        Cause::ServiceAccountMissing => refused("is forbidden: error: serviceaccount \"s\" not found"),
        Cause::NamespaceTerminating => refused("is forbidden: because it is being terminated"),
        Cause::NameTooLong => refused("Pod \"foo-0\" is invalid: metadata.labels: must be no more than 63 bytes"),
        Cause::Forbidden => refused("pods \"foo-0\" is forbidden: no PriorityClass with name x was found"),
        Cause::PodNotCreated => refused("something new"),
        Cause::Evicted => lost("EvictionByEvictionAPI"),
        Cause::Preempted => lost("PreemptionByScheduler"),
        Cause::NodeLost => lost("DeletionByTaintManager"),
        Cause::PodTerminating => of_one(
            PodFacts {
                gone_by: Some(second(WAITED)),
                ..waiting_pod(running(false))
            },
            vec![],
        ),
        Cause::PodLeftBehind => Scenario {
            stateful_set: StatefulSetFacts {
                created: Some(second(WAITED)),
                ..stateful_set()
            },
            ..of_one(
                PodFacts {
                    owner: "earlier".into(),
                    ..waiting_pod(running(false))
                },
                vec![],
            )
        },
        Cause::RolloutStuck => Scenario {
            stateful_set: StatefulSetFacts {
                revision: Some("foo-2".into()),
                is_ordered: true,
                changed: Some(second(WAITED)),
                ..stateful_set()
            },
            ..of_one(
                PodFacts {
                    revision: "foo-1".into(),
                    ..waiting_pod(waiting("InvalidImageName", ""))
                },
                vec![],
            )
        },
    }
}

/// The verdict on the fault of a cause.
pub(super) fn judged(cause: Cause) -> Verdict {
    let Scenario {
        stateful_set,
        mut pods,
        events,
    } = scenario(cause);
    for pod in pods.iter_mut().filter(|pod| pod.unschedulable.is_none()) {
        pod.node = "node-1".into();
    }
    diagnose(&stateful_set, &pods, &events).expect("a verdict")
}

#[test]
fn a_pod_that_waited_before_has_the_whole_grace_period_of_every_cause() {
    for cause in Cause::ALL.iter().copied() {
        let Scenario {
            stateful_set,
            pods,
            events,
        } = scenario(cause);
        let verdict = diagnose(&stateful_set, &pods, &events).expect("a verdict");
        assert_eq!(verdict.cause, cause, "{}", verdict.sentence);
        let (grace_periods, grace) = match cause.fails() {
            Fails::After(grace, _) => (GracePeriods::new(), grace),
            _ => (GracePeriods::from([(cause, GRACE)]), GRACE),
        };
        let failed = |second: i64| {
            let now = Timestamp::from_second(second).expect("a time");
            verdict.failed(now, &grace_periods)
        };
        let grace = i64::try_from(grace.as_secs()).expect("seconds");
        // A fault that has several signs begins with the first of them.
        for (after, fails) in [(1, false), (grace - 5, false), (grace, true)] {
            assert_eq!(
                failed(WAITED + after).is_some(),
                fails,
                "{cause:?} after {after} s: {:?}",
                verdict.since
            );
        }
    }
}

#[test]
fn a_fault_whose_event_is_still_on_its_way_has_just_begun() {
    for cause in [
        Cause::RegistryUnreachable,
        Cause::SecretMissing,
        Cause::ReadinessProbeFails,
        Cause::ImagePullFailed,
    ] {
        let mut scenario = scenario(cause);
        scenario.events.truncate(1);
        let verdict = diagnose(&scenario.stateful_set, &scenario.pods, &scenario.events).expect("a verdict");
        assert_eq!((verdict.cause, failed(&verdict, WAITED + 3600)), (cause, None));
        // Without any event, as where they may not be read, the pod's own times have to do.
        let verdict = diagnose(&scenario.stateful_set, &scenario.pods, &[]).expect("a verdict");
        assert!(failed(&verdict, WAITED).is_some(), "{cause:?}");
    }
}

#[test]
fn a_pod_that_waited_for_its_node_has_the_whole_grace_period_also_without_events() {
    for cause in [Cause::RegistryUnreachable, Cause::SecretMissing] {
        let mut scenario = scenario(cause);
        scenario.pods[0].times.scheduling = Some(second(WAITED));
        let verdict = diagnose(&scenario.stateful_set, &scenario.pods, &[]).expect("a verdict");
        assert_eq!(failed(&verdict, WAITED + 10), None, "{cause:?}");
        assert!(failed(&verdict, WAITED + 3600).is_some(), "{cause:?}");
    }
}

#[test]
fn a_refusal_that_is_repeated_counts_from_when_the_pod_was_last_made() {
    let mut scenario = scenario(Cause::QuotaExceeded);
    scenario.events[0].first = Some(second(0));
    let made = EventFacts {
        reason: "SuccessfulCreate".to_owned(),
        message: "create Pod foo-0 in StatefulSet foo successful".to_owned(),
        last: Some(second(WAITED - 1)),
        ..scenario.events[0].clone()
    };
    scenario.events.push(made);
    let verdict = diagnose(&scenario.stateful_set, &[], &scenario.events).expect("a verdict");
    assert_eq!(
        (verdict.cause, failed(&verdict, WAITED + 890)),
        (Cause::QuotaExceeded, None)
    );
    assert_eq!(failed(&verdict, WAITED + 900), USER);
}

#[test]
fn of_several_refusals_the_newest_counts() {
    let earlier = scenario(Cause::AdmissionRefused).events.remove(0);
    let earlier = EventFacts {
        last: Some(second(WAITED - 60)),
        ..earlier
    };
    let now = scenario(Cause::QuotaExceeded).events.remove(0);
    for events in [[earlier.clone(), now.clone()], [now, earlier]] {
        let verdict = diagnose(&stateful_set(), &[], &events).expect("a verdict");
        assert_eq!(verdict.cause, Cause::QuotaExceeded);
    }
}
