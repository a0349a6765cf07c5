//! A rollout that waits for a pod which it should replace.

use super::super::facts::{PodFacts, StatefulSetFacts};
use super::{Cause, Verdict};

/// Kubernetes, *`StatefulSets`*, "Forced rollback": a pod of a broken revision keeps its place also after the template was
/// mended, since an `OrderedReady` rollout waits for it to become ready first.
pub(super) fn diagnose(stateful_set: &StatefulSetFacts, pod: &PodFacts) -> Option<Verdict> {
    if !stateful_set.is_ordered || pod.ready || pod.gone_by.is_some() || !pod.is_outdated(stateful_set) {
        return None;
    }
    let words = format!(
        "Pod {0} is of the old revision {1} and not ready, and StatefulSet {2}, whose podManagementPolicy is OrderedReady, \
         replaces no pod before it is: `kubectl delete pod {0}` lets the rollout go on.",
        pod.name, pod.revision, stateful_set.name
    );
    Some(Verdict::of_pod(Cause::RolloutStuck, pod, words))
}
