//! Whether the pods of a service have stood for as long as they are to, where Kubernetes's own word is not enough.
//!
//! Kubernetes counts `minReadySeconds` from the time of the pod's condition `Ready`. A container that ends and is started
//! again between two reports of the kubelet leaves that time as it was, so that a pod whose process dies every few seconds
//! counts as one that has been ready all the time.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::facts::{PodFacts, StatefulSetFacts};

/// A container that was started again while its pod went on counting as ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// From when on it has stood for long enough, by the clock of its node, which Kubernetes goes by too.
    pub(super) until: Timestamp,
    /// What is told until then.
    pub(super) sentence: String,
}

impl Standing {
    /// The container that has to stand the longest yet; `None` where Kubernetes's word is enough.
    pub(super) fn of(stateful_set: &StatefulSetFacts, pods: &[PodFacts]) -> Option<Self> {
        if stateful_set.min_ready_seconds == 0 {
            return None;
        }
        let there = pods.iter().filter(|pod| pod.gone_by.is_none());
        let again = there.flat_map(|pod| {
            let started_again = pod.containers.iter().filter_map(move |container| {
                let since = container.running_since?;
                (since > pod.ready_since?).then_some((since, container))
            });
            started_again.map(move |(since, container)| (since, pod, container))
        });
        let (since, pod, container) = again.max_by_key(|(since, _, _)| *since)?;
        Some(Self {
            sentence: format!(
                "StatefulSet {} has pods that have not been ready for long enough: container {} of pod {} was started \
                 again at {}.",
                stateful_set.name,
                container.name,
                pod.name,
                since.strftime("%H:%M:%S UTC")
            ),
            until: since + SignedDuration::from_secs(stateful_set.min_ready_seconds.into()),
        })
    }
}
