//! When a fault began, from which its grace period counts. A pod may have waited long before it: for a node, for a
//! large image, for its init containers.
//!
//! Conditions and containers have times, and an event has the time of its first report. If the events of a pod are
//! known and none is about the fault, its event has not arrived yet, and the fault has just begun.

use k8s_openapi::jiff::Timestamp;

use super::super::facts::{ContainerFacts, EventFacts, PodFacts};
use super::Cause;
use super::crash_loop::CrashLoop;
use super::pod::is_creating;

/// The reports of a pod's events on a fault.
enum Reported {
    /// No event of the pod is known.
    Unknown,
    /// Events are known, and none is about the fault.
    NotYet,
    /// Since this moment.
    Since(Timestamp),
}

/// Since when a container of a pod has had a fault.
pub(super) fn of_container(
    cause: Cause,
    pod: &PodFacts,
    container: &ContainerFacts,
    crash_loop: CrashLoop,
    events: &[EventFacts],
) -> Option<Timestamp> {
    let earliest = earliest(pod, container);
    if cause == Cause::ReadinessProbeFails {
        let earliest = earliest.max(container.running_since).max(pod.times.not_ready);
        return begun(earliest, &reported(pod, events, is_readiness_failure));
    }
    match container.waiting.as_ref().map(|waiting| waiting.code.as_str()) {
        // A container that was not created has not ended either.
        Some("CreateContainerConfigError" | "CreateContainerError") => {
            begun(earliest, &reported(pod, events, is_creation_failure))
        }
        None | Some("CrashLoopBackOff" | "RunContainerError" | "StartError") => earliest.max(crash_loop.began),
        Some(_) => begun(earliest, &reported(pod, events, is_pull_failure)),
    }
}

/// Since when a pod has had a fault that is not a container's.
pub(super) fn of_pod(cause: Cause, pod: &PodFacts, events: &[EventFacts]) -> Option<Timestamp> {
    let times = &pod.times;
    let placed = pod.created.max(times.scheduling);
    if pod.unschedulable.is_some() {
        return match reported(pod, events, |event| event.reason == "FailedScheduling") {
            Reported::Since(first) => placed.max(Some(first)),
            Reported::Unknown | Reported::NotYet => placed.max(times.unschedulable),
        };
    }
    match cause {
        Cause::Evicted | Cause::Preempted | Cause::NodeLost => times.disrupted.or(times.not_ready).max(pod.created),
        _ if is_creating(pod) => begun(placed, &reported(pod, events, is_mount_failure)),
        _ => placed.max(times.not_ready),
    }
}

/// The earliest time at which a container of a pod can have had a fault: its node, its init containers, the containers
/// that start before it, and its own last run come first.
fn earliest(pod: &PodFacts, container: &ContainerFacts) -> Option<Timestamp> {
    let before = pod.containers.iter().take_while(|other| other.name != container.name);
    let started = before
        .filter_map(|other| other.running_since.max(other.runs.finished))
        .max();
    let initialized = pod.times.initialized.filter(|_| !container.init);
    [
        pod.created,
        pod.times.scheduling,
        initialized,
        started,
        last_end(container),
    ]
    .into_iter()
    .flatten()
    .max()
}

/// When a container ended that cannot start again. One that starts and ends again is a [`CrashLoop`].
fn last_end(container: &ContainerFacts) -> Option<Timestamp> {
    let waiting = container.waiting.as_ref()?;
    let starts = matches!(
        waiting.code.as_str(),
        "CrashLoopBackOff" | "RunContainerError" | "StartError"
    );
    container.runs.finished.filter(|_| !starts)
}

fn begun(earliest: Option<Timestamp>, reported: &Reported) -> Option<Timestamp> {
    match *reported {
        Reported::Unknown => earliest,
        Reported::NotYet => None,
        Reported::Since(first) => earliest.max(Some(first)),
    }
}

fn reported(pod: &PodFacts, events: &[EventFacts], is_the_fault: impl Fn(&EventFacts) -> bool) -> Reported {
    let of_pod = || events.iter().filter(|event| event.is_about(pod));
    if of_pod().next().is_none() {
        return Reported::Unknown;
    }
    let first = of_pod()
        .filter(|event| is_the_fault(event))
        .filter_map(|event| event.first)
        .min();
    first.map_or(Reported::NotYet, Reported::Since)
}

fn is_pull_failure(event: &EventFacts) -> bool {
    // `Failed to pull image "r/i:1": ...`, `Error: ErrImagePull`, `Error: ImagePullBackOff`
    let about_image = || {
        let message = &event.message;
        message.starts_with("Failed to pull image")
            || message.starts_with("Error: ErrImage")
            || message.starts_with("Error: ImagePull")
    };
    match event.reason.as_str() {
        "Failed" => about_image(),
        "InspectFailed" | "ErrImageNeverPull" => true,
        "BackOff" => event.message.starts_with("Back-off pulling image"),
        _ => false,
    }
}

fn is_creation_failure(event: &EventFacts) -> bool {
    event.reason == "Failed" && !is_pull_failure(event)
}

fn is_readiness_failure(event: &EventFacts) -> bool {
    event.reason == "Unhealthy" && event.message.starts_with("Readiness probe ")
}

fn is_mount_failure(event: &EventFacts) -> bool {
    matches!(
        event.reason.as_str(),
        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume"
    )
}
