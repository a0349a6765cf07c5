//! Whether the pods of a service have stood for as long as they are to, where Kubernetes's own word is not enough.
//!
//! Kubernetes counts `minReadySeconds` from the time of the pod's condition `Ready`, which is cut to whole seconds, and
//! goes by what the kubelet has reported so far. A process that ends just before the time is up still counts as ready
//! then. And a container that ends and is started again between two reports leaves the condition as it was. So the time
//! is counted here, from the start of the containers, and long enough that the kubelet would have reported an end
//! within it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::facts::{PodFacts, StatefulSetFacts};

/// The loss, in seconds, of times that are cut to whole seconds.
const ROUNDING: i64 = 1;

/// How long, in seconds, the kubelet takes to report that a container has ended: it looks each second, and then asks
/// and writes.
const REPORT: i64 = 2;

/// How many seconds a node takes from the scheduler's decision to the start of a container whose image it has, and how
/// many more of its delay count at most. A node that is slow to start a container is slow to report its end.
const PROMPT: i64 = 2;
const SLOW: i64 = 5;

/// For how many seconds after its start a container has to run before it is certain that it ran for as long as it is
/// to.
pub(super) fn seconds(min_ready_seconds: i32) -> i64 {
    if min_ready_seconds == 0 {
        return 0;
    }
    i64::from(min_ready_seconds) + ROUNDING + REPORT
}

/// From when on each pod of a service counts, by the clock of its node, which Kubernetes goes by too; those that are
/// being deleted, and those of somebody else with the same labels, aside. A pod that is not ready does not count at any
/// time.
pub(super) fn of(stateful_set: &StatefulSetFacts, pods: &[PodFacts]) -> Box<[Timestamp]> {
    let there = pods
        .iter()
        .filter(|pod| pod.gone_by.is_none() && pod.owner == stateful_set.uid);
    there.map(|pod| until(pod, stateful_set.min_ready_seconds)).collect()
}

fn until(pod: &PodFacts, min_ready_seconds: i32) -> Timestamp {
    if !pod.ready {
        return Timestamp::MAX;
    }
    let started = pod
        .containers
        .iter()
        .filter_map(|container| container.running_since)
        .max();
    let after = |since: Option<Timestamp>, seconds: i64| {
        since.and_then(|since| since.checked_add(SignedDuration::from_secs(seconds)).ok())
    };
    let took = started.zip(pod.times.scheduling);
    let took = took.map_or(0, |(started, scheduled)| started.duration_since(scheduled).as_secs());
    let by_start = after(started, seconds(min_ready_seconds) + (took - PROMPT).clamp(0, SLOW));
    let by_readiness = after(pod.ready_since, i64::from(min_ready_seconds) + ROUNDING);
    if min_ready_seconds == 0 {
        return Timestamp::MIN;
    }
    by_start.max(by_readiness).unwrap_or(Timestamp::MIN)
}
