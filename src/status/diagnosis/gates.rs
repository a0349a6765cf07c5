//! Pods whose containers are ready, and that wait for a readiness gate: a condition that somebody else's controller
//! sets.

use super::super::facts::PodFacts;
use super::super::pod_details::Gate;
use super::{Cause, Verdict};
use crate::text::sentence;

pub(super) fn diagnose(pod: &PodFacts) -> Option<Verdict> {
    let mut serving = pod.containers.iter().filter(|container| !container.init).peekable();
    let are_ready = serving.peek().is_some() && serving.all(|container| container.ready);
    if pod.ready || pod.closed_gates.is_empty() || pod.has_unready_containers || !are_ready {
        return None;
    }
    let gates: Vec<String> = pod.closed_gates.iter().map(describe).collect();
    let words = format!(
        "Pod {} waits for {} Install or repair the controller of the gate, or remove the gate from PodTemplate.spec.\
         readinessGates.",
        pod.name,
        sentence(&gates.join(", and for "))
    );
    let since = pod.containers_ready_since.or(pod.created);
    Some(Verdict::of_pod(Cause::ReadinessGateClosed, pod, words).since(since))
}

fn describe(gate: &Gate) -> String {
    let Gate {
        condition,
        status,
        reason,
    } = gate;
    if status.is_empty() {
        return format!("the readiness gate {condition}, which no controller has set");
    }
    let code = if reason.code.is_empty() {
        String::new()
    } else {
        format!(" ({})", reason.code)
    };
    let message = if reason.message.is_empty() {
        String::new()
    } else {
        format!(": {}", reason.message.trim_end_matches('.'))
    };
    format!("the readiness gate {condition}, which its controller has set to {status}{code}{message}")
}
