//! Why a service is not ready, and whether it ever will be: one file of rules per kind of cause. Pure.

pub mod admission;
mod cause;
mod containers;
mod gates;
mod image_errors;
mod images;
mod loss;
mod probes;
mod references;
mod rejection;
mod rollout;
mod sandbox;
mod scheduling;
mod subject;
mod verdict;
mod volumes;

pub use cause::{Blame, Cause, Fails};
pub use verdict::{GracePeriods, Verdict};

use self::subject::Subject;
use super::facts::{EventFacts, PodFacts, StatefulSetFacts};

/// After how many restarts a process that ends counts as one that will always end. Kubernetes waits 10 s before the second
/// restart and 20 s before the third, so that a service that only waits for another one has half a minute to find it.
const RESTARTS: i32 = 3;

/// Finds the cause that keeps a service from being ready; `None` where nothing is wrong, or nothing is known to be.
///
/// Of several causes the gravest is told: one that fails at once before one that may pass. Unknown states are no cause.
#[must_use]
pub fn diagnose(stateful_set: &StatefulSetFacts, pods: &[PodFacts], events: &[EventFacts]) -> Option<Verdict> {
    let of_pods = pods.iter().filter_map(|pod| of_pod(stateful_set, pod, events));
    // An event may be of what is changed just now.
    let of_stateful_set = events
        .iter()
        .filter(|_| stateful_set.is_observed)
        .filter_map(|event| admission::diagnose(stateful_set, event, pods));
    of_pods
        .chain(of_stateful_set)
        .min_by_key(|verdict| match verdict.fails {
            Fails::AtOnce(_) => 0,
            Fails::After(..) => 1,
            Fails::Never => 2,
        })
}

fn of_pod(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Option<Verdict> {
    let of_container = || {
        let subjects = pod.containers.iter().map(|each| Subject::new(stateful_set, pod, each));
        subjects.into_iter().find_map(|subject| of_container(subject, events))
    };
    let of_revision = loss::diagnose(stateful_set, pod).or_else(|| rollout::diagnose(stateful_set, pod));
    if pod.is_outdated(stateful_set) {
        // What keeps a pod of the old revision from being ready may have been mended in the new one.
        return of_revision;
    }
    of_revision.or_else(|| {
        of_container()
            .or_else(|| gates::diagnose(pod))
            .or_else(|| sandbox::diagnose(pod, events))
            .or_else(|| volumes::diagnose(pod, events))
            .or_else(|| scheduling::diagnose(pod, events))
    })
}

fn of_container(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    images::diagnose(subject)
        .or_else(|| references::diagnose(subject))
        .or_else(|| probes::diagnose(subject, events))
        .or_else(|| containers::diagnose(subject))
}

/// Whether a pod's containers have not been created yet, for which its volumes and its sandbox come first.
fn is_creating(pod: &PodFacts) -> bool {
    let waits = |code: &str| matches!(code, "ContainerCreating" | "PodInitializing");
    let mut waiting = pod.containers.iter().filter_map(|container| container.waiting.as_ref());
    waiting.any(|waiting| waits(&waiting.code))
}

/// The newest event about a pod that a test holds for.
fn newest<'a>(events: &'a [EventFacts], pod: &PodFacts, holds: impl Fn(&EventFacts) -> bool) -> Option<&'a EventFacts> {
    events
        .iter()
        .filter(|event| event.is_about(pod) && holds(event))
        .max_by_key(|event| event.last)
}

#[cfg(test)]
mod tests;
