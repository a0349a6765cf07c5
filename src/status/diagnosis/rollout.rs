//! A rollout that waits for a pod which it should replace.

use k8s_openapi::jiff::SignedDuration;

use super::super::facts::{PodFacts, StatefulSetFacts};
use super::{Cause, Verdict};

/// Within which time a rollout that can go on does.
const GOES_ON: SignedDuration = SignedDuration::from_secs(10);

/// A pod of the old revision that is not ready, and that Kubernetes does not replace.
///
/// With the policy `OrderedReady` a rollout replaces no pod before every pod is ready, so that a pod of a broken
/// revision keeps its place also after the template was mended (Kubernetes, *`StatefulSets`*, "Forced rollback").
///
/// With `Parallel` it replaces such a pod in its turn, except where the feature `MaxUnavailableStatefulSet` is on: then
/// the broken pod of the old revision uses up what may be unavailable (kubernetes issue 137409). It is on by default in
/// 1.35.0 to 1.35.3, off from 1.35.4 and in 1.36, and on again in 1.37, which replaces these pods first. The pods show
/// which of the two it is: a rollout that goes on either deletes a pod or waits for one of the new revision.
pub(super) fn diagnose(stateful_set: &StatefulSetFacts, pod: &PodFacts, pods: &[PodFacts]) -> Option<Verdict> {
    if pod.ready || pod.gone_by.is_some() || !stateful_set.is_observed || !pod.is_outdated(stateful_set) {
        return None;
    }
    let name = &stateful_set.name;
    let why = if stateful_set.is_ordered {
        format!("StatefulSet {name}, whose podManagementPolicy is OrderedReady, replaces no pod before it is")
    } else {
        let goes_on = |other: &PodFacts| other.gone_by.is_some() || !other.ready && !other.is_outdated(stateful_set);
        if pods.iter().any(goes_on) {
            return None;
        }
        format!(
            "StatefulSet {name} replaces no pod, since too many are unavailable: its cluster has the feature \
             MaxUnavailableStatefulSet, which counts this one"
        )
    };
    let words = format!(
        "Pod {0} is of the old revision {1} and not ready, and {why}: `kubectl delete pod {0}` lets the rollout go on.",
        pod.name, pod.revision
    );
    // The last pod that became ready had to stand before it was this one's turn.
    let stood = pods.iter().filter_map(|other| other.ready_since).max();
    let needed = SignedDuration::from_secs(stateful_set.min_ready_seconds.into());
    let stood = stood.and_then(|since| since.checked_add(needed).ok());
    let since = [stateful_set.changed, pod.times.not_ready, pod.created, stood];
    let since = since.into_iter().flatten().max();
    // Where the rollout goes on, it gets there within moments.
    let not_before = since.and_then(|since| since.checked_add(GOES_ON).ok());
    Some(Verdict {
        not_before: not_before.filter(|_| !stateful_set.is_ordered),
        ..Verdict::of_pod(Cause::RolloutStuck, pod, words).since(since)
    })
}
