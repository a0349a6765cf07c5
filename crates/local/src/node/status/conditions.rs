//! The conditions of a pod.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::{ContainerState, PodState, Role};

/// The condition of a pod that Kubernetes takes away.
const DISRUPTION: &str = "DisruptionTarget";

/// What a condition says: whether it is true, and why not.
type Said = (bool, Option<(&'static str, String)>);

/// All conditions of a pod: the node's own, and those of others that the pod has.
pub(super) fn of(state: &PodState, pod: &Pod, phase: &str, now: Timestamp) -> Vec<PodCondition> {
    let old = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    // The node's own report counts before the API server's view, which may be older: otherwise the times of two reports
    // would replace each other for ever.
    let known: Vec<&PodCondition> = state.reported.iter().chain(old).collect();
    let containers = containers_ready(state, phase);
    let said = [
        ("PodReadyToStartContainers", (state.is_set_up, None)),
        ("Initialized", initialized(state, phase)),
        (
            "Ready",
            if state.is_lost {
                (false, None)
            } else {
                ready(&containers, pod, old)
            },
        ),
        ("ContainersReady", containers),
        ("PodScheduled", (true, None)),
    ];
    let mut conditions: Vec<_> = said
        .into_iter()
        .map(|(kind, said)| condition(kind, said, &known, now))
        .collect();
    let others = old
        .iter()
        .filter(|condition| !conditions.iter().any(|own| own.type_ == condition.type_));
    let others: Vec<_> = others.cloned().collect();
    conditions.extend(others);
    if let Some(words) = &state.preempted {
        let said = (true, Some(("PreemptionByScheduler", words.clone())));
        conditions.retain(|condition| condition.type_ != DISRUPTION);
        conditions.push(condition(DISRUPTION, said, &known, now));
    }
    conditions
}

fn condition(kind: &str, (is_true, reason): Said, known: &[&PodCondition], now: Timestamp) -> PodCondition {
    let status = if is_true { "True" } else { "False" };
    let before = known
        .iter()
        .find(|condition| condition.type_ == kind)
        .filter(|condition| condition.status == status);
    let (reason, message) = reason.map_or((None, None), |(reason, message)| {
        (Some(reason.to_owned()), Some(message))
    });
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        last_transition_time: before
            .and_then(|before| before.last_transition_time.clone())
            .or(Some(Time(now))),
        reason,
        message: message.filter(|message| !message.is_empty()),
        ..PodCondition::default()
    }
}

fn initialized(state: &PodState, phase: &str) -> Said {
    if phase == "Succeeded" {
        return (true, Some(("PodCompleted", String::new())));
    }
    let is_incomplete = |container: &&ContainerState| match container.role {
        Role::Init => !container.is_ready(),
        Role::Sidecar => !container.has_started,
        Role::Main => false,
    };
    let incomplete = names(state.containers.iter().filter(is_incomplete));
    let has_begun = || {
        state
            .containers
            .iter()
            .any(|container| container.role == Role::Main && !container.is_new())
    };
    if incomplete.is_empty() || has_begun() {
        return (true, None);
    }
    let message = format!("containers with incomplete status: {incomplete}");
    (false, Some(("ContainersNotInitialized", message)))
}

fn containers_ready(state: &PodState, phase: &str) -> Said {
    match phase {
        "Succeeded" => return (false, Some(("PodCompleted", String::new()))),
        "Failed" => return (false, Some(("PodFailed", String::new()))),
        _ => {}
    }
    let unready = state
        .containers
        .iter()
        .filter(|container| container.role != Role::Init && !container.is_ready());
    let unready = names(unready);
    if unready.is_empty() {
        return (true, None);
    }
    let message = format!("containers with unready status: {unready}");
    (false, Some(("ContainersNotReady", message)))
}

fn ready(containers: &Said, pod: &Pod, conditions: &[PodCondition]) -> Said {
    if !containers.0 {
        return containers.clone();
    }
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let closed: Vec<String> = gates
        .filter_map(|gate| {
            let gate = &gate.condition_type;
            match conditions.iter().find(|condition| condition.type_ == *gate) {
                None => Some(format!(
                    "corresponding condition of pod readiness gate {gate:?} does not exist."
                )),
                Some(condition) if condition.status != "True" => Some(format!(
                    "the status of pod readiness gate {gate:?} is not \"True\", but {}",
                    condition.status
                )),
                Some(_) => None,
            }
        })
        .collect();
    if closed.is_empty() {
        return (true, None);
    }
    (false, Some(("ReadinessGatesNotReady", closed.join(", "))))
}

/// Names as Go prints a list: `[a b]`; empty if there are none.
fn names<'a>(containers: impl Iterator<Item = &'a ContainerState>) -> String {
    let names: Vec<&str> = containers.map(|container| container.name.as_str()).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("[{}]", names.join(" "))
    }
}
