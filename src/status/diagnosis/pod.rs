//! Properties of a pod that several rules need.

use super::super::facts::{EventFacts, PodFacts};

/// After how many restarts a process that ends counts as one that will always end. Kubernetes waits 10 s before the
/// second restart and 20 s before the third, so that a service that only waits for another one has half a minute to
/// find it.
pub(super) const RESTARTS: i32 = 3;

/// Whether a pod's containers have not been created yet, for which its volumes and its sandbox come first.
pub(super) fn is_creating(pod: &PodFacts) -> bool {
    let waits = |code: &str| matches!(code, "ContainerCreating" | "PodInitializing");
    let mut waiting = pod.containers.iter().filter_map(|container| container.waiting.as_ref());
    waiting.any(|waiting| waits(&waiting.code))
}

/// The newest event about a pod that a test holds for.
pub(super) fn newest<'a>(
    events: &'a [EventFacts],
    pod: &PodFacts,
    holds: impl Fn(&EventFacts) -> bool,
) -> Option<&'a EventFacts> {
    events
        .iter()
        .filter(|event| event.is_about(pod) && holds(event))
        .max_by_key(|event| event.last)
}
