//! Probes that do not pass. Only events report which probe ended a container.

use k8s_openapi::jiff::SignedDuration;

use super::super::facts::{EventFacts, PodFacts};
use super::pod::{RESTARTS, newest};
use super::subject::{Part, Subject};
use super::{Cause, Verdict};
use crate::text::sentence;

/// For how long a container that has just started needs no explanation for not being ready, besides the time in which
/// the first result of its probe comes.
pub(super) const FIRST_RESULT: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn diagnose(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    if subject.container.ready || subject.container.init {
        return None;
    }
    killed(subject, events).or_else(|| not_passed(subject, events))
}

/// A container that the kubelet has killed because of a probe.
fn killed(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    let Subject { pod, container, .. } = subject;
    container.ended.as_ref()?;
    // `Container foo failed liveness probe, will be restarted`, and `Init container foo failed liveness probe` of a
    // sidecar.
    let words = format!("ontainer {} failed ", container.name);
    let killing = newest(events, pod, |event| {
        let start = event.message.trim_start_matches("Init ").trim_start_matches(['C', 'c']);
        event.reason == "Killing" && start.starts_with(&words)
    })?;
    let (cause, probe, advice) = if killing.message.contains("startup probe") {
        (
            Cause::StartupProbeFails,
            "startup",
            format!("Give it more time, or correct {}.", subject.field(Part::StartupProbe)),
        )
    } else {
        (
            Cause::LivenessProbeFails,
            "liveness",
            format!("Correct {} or the service.", subject.field(Part::LivenessProbe)),
        )
    };
    let words = format!(
        "{subject} is killed because its {probe} probe fails{} {advice}",
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
fn not_passed(subject: Subject<'_>, events: &[EventFacts]) -> Option<Verdict> {
    let Subject { pod, container, .. } = subject;
    let since = container.running_since?;
    if !container.started {
        // The kubelet kills a container that does not start in the time that its startup probe allows, and reports it
        // then.
        return None;
    }
    let failure = last_failure(pod, "readiness", events);
    let has_failed = failure != ".";
    let words = format!(
        "{subject} runs, but its readiness probe has not passed{failure} Correct {} or the service.",
        subject.field(Part::ReadinessProbe)
    );
    let within = FIRST_RESULT + SignedDuration::from_secs(container.probed_within);
    let first_result = since.checked_add(within).ok().filter(|_| !has_failed);
    Some(
        Verdict::of_pod(Cause::ReadinessProbeFails, pod, words)
            .since(Some(since))
            .not_before(first_result)
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
