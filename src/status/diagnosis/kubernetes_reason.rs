//! Kubernetes's own reason for a fault: the reason of a container's state, of a pod's condition or of an event.
//!
//! A fault that alternates between states has all their names, so that its message stays as it is.

use super::super::facts::{ContainerFacts, EventFacts, PodFacts};
use super::Cause;
use super::pod::newest;
use super::sandbox::is_of_sandbox;

/// The reasons of the states that a container in a crash loop and one without its image alternate between.
const CRASH_LOOP: &str = "CrashLoopBackOff";
const PULL: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

pub(super) fn of_container(cause: Cause, container: &ContainerFacts) -> String {
    let waiting = container.waiting.as_ref().map(|waiting| waiting.code.as_str());
    let ended = container.ended.as_ref().map(|ended| ended.reason.as_str());
    match (cause, waiting, ended) {
        (Cause::ReadinessProbeFails, ..) => "Unhealthy".to_owned(),
        (Cause::LivenessProbeFails | Cause::StartupProbeFails, ..) => format!("Unhealthy, {CRASH_LOOP}"),
        (_, Some(code), _) if PULL.contains(&code) => PULL.join(", "),
        (_, Some("RunContainerError" | "StartError"), _)
        | (_, None | Some(CRASH_LOOP), Some("StartError" | "ContainerCannotRun")) => {
            format!("RunContainerError, {CRASH_LOOP}")
        }
        (_, None | Some(CRASH_LOOP), Some("OOMKilled")) => "OOMKilled".to_owned(),
        (_, None | Some(CRASH_LOOP), Some(reason)) => format!("{reason}, {CRASH_LOOP}"),
        (_, Some(code), _) => code.to_owned(),
        (_, None, None) => String::new(),
    }
}

pub(super) fn of_pod(cause: Cause, pod: &PodFacts, events: &[EventFacts]) -> String {
    let code = match cause {
        Cause::SchedulingGated => "SchedulingGated",
        Cause::ScaleUpInProgress => "FailedScheduling, TriggeredScaleUp",
        _ if pod.unschedulable.is_some() => "FailedScheduling",
        Cause::PodTerminating => "Terminating",
        Cause::Evicted => "Evicted",
        Cause::Preempted => "Preempted",
        Cause::NodeLost => "NodeNotReady",
        Cause::ReadinessGateClosed => "ReadinessGatesNotReady",
        _ if pod.failed.as_ref().is_some_and(|failed| !failed.code.is_empty()) => "",
        Cause::PodLeftBehind | Cause::RolloutStuck => "",
        _ => {
            let failure = newest(events, pod, |event| {
                is_of_sandbox(event)
                    || matches!(
                        event.reason.as_str(),
                        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume"
                    )
            });
            return failure.map(|event| event.reason.clone()).unwrap_or_default();
        }
    };
    code.to_owned()
}
