//! Why a service is not ready, and whether it ever will be: one file of rules per kind of cause. Pure.

pub mod admission;
mod cause;
mod containers;
mod crash_loop;
mod cure;
mod gates;
mod image_errors;
mod image_words;
mod images;
mod kubernetes_reason;
mod loss;
mod onset;
mod pod;
mod probes;
mod references;
mod refusals;
mod rejection;
mod rollout;
mod sandbox;
mod scheduling;
mod subject;
mod verdict;
mod view;
mod volumes;

pub use cause::{Blame, Cause, Fails};
pub use images::{known_platform, open_platform};
pub use verdict::{GracePeriods, Verdict};

use k8s_openapi::jiff::Timestamp;

use self::crash_loop::CrashLoop;
use self::subject::Subject;
use super::facts::{EventFacts, PodFacts, StatefulSetFacts};

/// Finds the causes that keep a service from being ready; none where nothing is wrong, or nothing is known to be.
///
/// They come in the order of the pods. Unknown states are no cause.
#[must_use]
pub fn causes(stateful_set: &StatefulSetFacts, pods: &[PodFacts], events: &[EventFacts]) -> Vec<Verdict> {
    let of_pods = pods.iter().flat_map(|pod| of_pod(stateful_set, pod, pods, events));
    // An event may be of what is changed just now.
    let of_stateful_set = refusals::newest(events)
        .into_iter()
        .filter(|_| stateful_set.is_observed)
        .filter_map(|event| {
            let verdict = admission::diagnose(stateful_set, event, pods)?;
            Some(
                verdict
                    .since(refusals::since(event, events))
                    .in_kubernetes_words(&event.reason),
            )
        });
    of_pods.chain(of_stateful_set).collect()
}

/// The cause that is reported at a moment: one that the service has failed for, else the gravest by its kind, so that
/// what is reported changes only with what is wrong.
#[must_use]
pub fn gravest<'a>(causes: &'a [Verdict], now: Timestamp, grace_periods: &GracePeriods) -> Option<&'a Verdict> {
    let holding = || causes.iter().filter(|verdict| verdict.holds(now));
    holding()
        .find(|verdict| verdict.failed(now, grace_periods).is_some())
        .or_else(|| holding().min_by_key(|verdict| verdict.rank(now)))
}

fn of_pod(stateful_set: &StatefulSetFacts, pod: &PodFacts, pods: &[PodFacts], events: &[EventFacts]) -> Vec<Verdict> {
    let known = |verdict: Verdict| {
        let since = verdict.since.or_else(|| onset::of_pod(verdict.cause, pod, events));
        let reason = kubernetes_reason::of_pod(verdict.cause, pod, events);
        vec![verdict.since(since).in_kubernetes_words(reason)]
    };
    let of_revision = loss::diagnose(stateful_set, pod, events).or_else(|| rollout::diagnose(stateful_set, pod, pods));
    if let Some(verdict) = of_revision {
        return known(verdict);
    }
    if pod.is_outdated(stateful_set) {
        // The new revision may mend the fault of a pod of the old one.
        return Vec::new();
    }
    let of_containers = of_containers(stateful_set, pod, events);
    if !of_containers.is_empty() {
        return of_containers;
    }
    gates::diagnose(pod)
        .or_else(|| sandbox::diagnose(pod, events))
        .or_else(|| volumes::diagnose(pod, events))
        .or_else(|| scheduling::diagnose(pod, events))
        .map_or_else(Vec::new, known)
}

/// The causes of the first container that has any. One that has ended and is up again has two: its last end, which
/// counts for a while, and what is wrong with it now.
fn of_containers(stateful_set: &StatefulSetFacts, pod: &PodFacts, events: &[EventFacts]) -> Vec<Verdict> {
    let mut causes = Vec::new();
    // One that runs well and always has needs no look.
    let containers = pod
        .containers
        .iter()
        .filter(|container| !container.ready || container.ended.is_some());
    for container in containers {
        let crash_loop = CrashLoop::of(pod, container, stateful_set.min_ready_seconds);
        for (view, until) in view::of(container, crash_loop, stateful_set.min_ready_seconds) {
            let Some(verdict) = of_container(Subject::new(stateful_set, pod, &view), events) else {
                continue;
            };
            let since = match verdict.cause {
                Cause::ReadinessProbeFails => None,
                _ => verdict.since,
            };
            let since = since.or_else(|| onset::of_container(verdict.cause, pod, &view, crash_loop, events));
            let reason = kubernetes_reason::of_container(verdict.cause, &view);
            // The last end is a cause of its own as long as it explains better than others.
            let before = until.is_none().then(|| containers::ended_before(pod, container));
            causes.push(Verdict {
                ended_before: before.flatten(),
                up_again_until: until,
                of_ready_pod: pod.ready,
                ..verdict.since(since).in_kubernetes_words(reason)
            });
        }
        if !causes.is_empty() {
            break;
        }
    }
    causes
}

fn of_container(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    images::diagnose(subject, events)
        .or_else(|| references::diagnose(subject))
        .or_else(|| probes::diagnose(subject, events))
        .or_else(|| containers::diagnose(subject))
}

/// The gravest cause of those that hold a few seconds after the beginning of time, when a probe has had its first
/// result.
#[cfg(test)]
fn diagnose(stateful_set: &StatefulSetFacts, pods: &[PodFacts], events: &[EventFacts]) -> Option<Verdict> {
    let now = Timestamp::UNIX_EPOCH + probes::FIRST_RESULT;
    let causes = causes(stateful_set, pods, events);
    let holding = causes.into_iter().filter(|verdict| verdict.holds(now));
    holding.min_by_key(|verdict| match verdict.fails {
        Fails::AtOnce(_) => 0,
        Fails::After(..) => 1,
        Fails::Never => 2,
    })
}

#[cfg(test)]
mod tests;
