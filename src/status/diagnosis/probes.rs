//! Probes that do not pass. Which probe it was that ended a container is told by events alone.

use super::super::facts::{ContainerFacts, EventFacts, PodFacts};
use super::{Cause, RESTARTS, Verdict, newest, subject};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts, events: &[EventFacts]) -> Option<Verdict> {
    if container.ready || container.init {
        return None;
    }
    killed(pod, container, events).or_else(|| not_passed(pod, container, events))
}

/// A container that the kubelet has killed because of a probe.
fn killed(pod: &PodFacts, container: &ContainerFacts, events: &[EventFacts]) -> Option<Verdict> {
    container.ended.as_ref()?;
    // `Container foo failed liveness probe, will be restarted`
    let words = format!("Container {} failed ", container.name);
    let killing = newest(events, pod, |event| {
        event.reason == "Killing" && event.message.starts_with(&words)
    })?;
    let (cause, probe, advice) = if killing.message.contains("startup probe") {
        (
            Cause::StartupProbeFails,
            "startup",
            "Give it more time, or correct the probe.",
        )
    } else {
        (
            Cause::LivenessProbeFails,
            "liveness",
            "Correct the probe or the service.",
        )
    };
    let words = format!(
        "{} is killed because its {probe} probe fails{} {advice}",
        subject(pod, container),
        last_failure(pod, probe, events)
    );
    let verdict = Verdict::of_pod(cause, pod, words).with_log(pod, container);
    Some(if container.restarts >= RESTARTS {
        verdict.at_once()
    } else {
        verdict
    })
}

/// A container that runs, and whose probe has not passed so far.
fn not_passed(pod: &PodFacts, container: &ContainerFacts, events: &[EventFacts]) -> Option<Verdict> {
    let since = container.running_since?;
    if !container.started {
        // Kubernetes ends what does not start in the time that its startup probe allows, and that is told then.
        return None;
    }
    let words = format!(
        "{} runs, but its readiness probe has not passed{}",
        subject(pod, container),
        last_failure(pod, "readiness", events)
    );
    Some(
        Verdict::of_pod(Cause::ReadinessProbeFails, pod, words)
            .since(Some(since))
            .with_log(pod, container),
    )
}

/// How a probe has failed last, as the end of a sentence.
fn last_failure(pod: &PodFacts, probe: &str, events: &[EventFacts]) -> String {
    // `Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused`
    let failure = newest(events, pod, |event| {
        event.reason == "Unhealthy" && event.message.to_lowercase().starts_with(&format!("{probe} probe "))
    });
    match failure.and_then(|event| event.message.split_once(": ")) {
        Some((_, words)) if !words.trim().is_empty() => format!(": {}", sentence(words)),
        _ => ".".to_owned(),
    }
}
