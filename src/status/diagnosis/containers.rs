//! Containers that do not start, or do not stay.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::facts::{ContainerFacts, Ended, PodFacts};
use super::pod::RESTARTS;
use super::subject::{Part, Subject};
use super::{Cause, Verdict};
use crate::text::sentence;

/// For how long the event that a container was killed may be on its way. Times are truncated to whole seconds.
const EVENT_DELAY: SignedDuration = SignedDuration::from_secs(2);

/// How the node of a cluster on this machine alone explains that a program is not there.
const NO_IMAGE: &str = "no image can run in local mode";

pub(super) fn diagnose(subject: Subject<'_>) -> Option<Verdict> {
    let Subject { pod, container, .. } = subject;
    if let Some(waiting) = &container.waiting
        && matches!(
            waiting.code.as_str(),
            "RunContainerError" | "CreateContainerError" | "StartError"
        )
    {
        return Some(cannot_start(subject, &waiting.message));
    }
    if container.ready {
        return None;
    }
    let ended = container.ended.as_ref()?;
    if matches!(ended.reason.as_str(), "StartError" | "ContainerCannotRun") {
        return Some(cannot_start(subject, &ended.message));
    }
    let verdict = |cause, words: String| Verdict::of_pod(cause, pod, words).with_log(pod, container);
    if ended.reason == "OOMKilled" {
        let words = format!(
            "{subject} was killed because it used more memory than its limit. Raise {}.",
            subject.field(Part::MemoryLimit)
        );
        return Some(verdict(Cause::OutOfMemory, words));
    }
    let verdict = |cause, words| {
        let verdict = verdict(cause, words).not_before(probe_reported_by(container));
        Some(if container.restarts >= RESTARTS {
            verdict.at_once()
        } else {
            verdict
        })
    };
    if container.init {
        return (ended.exit_code != 0)
            .then(|| {
                format!(
                    "{subject} exited with {}, so the service cannot start.{}",
                    exit(ended),
                    hint(ended)
                )
            })
            .and_then(|words| verdict(Cause::InitContainerFailed, words));
    }
    if ended.exit_code == 0 {
        let stays = if container.sidecar { "sidecar" } else { "service" };
        return verdict(
            Cause::ContainerCompleted,
            format!(
                "{subject} exited with code 0. A {stays} must keep running: run {} in the foreground.",
                subject.field(Part::Command)
            ),
        );
    }
    verdict(
        Cause::ContainerExits,
        format!("{subject} exited with {}.{}", exit(ended), hint(ended)),
    )
}

/// When the kubelet will have reported that it killed a container for a probe. Its event and the end of the container
/// arrive by different watches.
///
/// Only the first end is held back: later ones follow a cause that is already reported.
fn probe_reported_by(container: &ContainerFacts) -> Option<Timestamp> {
    if !container.may_be_killed || container.runs.finished_before.is_some() || container.waiting.is_some() {
        return None;
    }
    container.runs.finished?.checked_add(EVENT_DELAY).ok()
}

fn cannot_start(subject: Subject<'_>, message: &str) -> Verdict {
    let Subject { pod, container, .. } = subject;
    let verdict = |cause, words: String| Verdict::of_pod(cause, pod, words);
    let command = subject.field(Part::Command);
    let named = message.split("exec: \"").nth(1).and_then(|rest| rest.split('"').next());
    let program = named.map_or_else(
        || format!("the program of {command}"),
        |program| format!("\"{program}\""),
    );
    // The words are those of the error, and not of the program's name.
    let error = message.replace(&program, "");
    if is_limit_too_small(&error) {
        let field = subject.field(Part::MemoryLimit);
        let words = format!(
            "{subject} cannot start, since its memory limit is too small: {} Raise {field}.",
            sentence(message)
        );
        return verdict(Cause::MemoryLimitTooSmall, words);
    }
    if error.contains("exec format error") {
        let words = format!(
            "{subject} cannot start: {program} cannot be executed (exec format error): it is made for another processor \
             architecture than that of node {}, or a script without a first line such as #!/bin/sh. Correct {command} or {}.",
            pod.node,
            subject.field(Part::Image)
        );
        return verdict(Cause::CommandNotExecutable, words);
    }
    if error.contains(NO_IMAGE) {
        let missing = match named {
            Some(program) if program.contains('/') => format!("\"{program}\" is not on this machine, and "),
            Some(program) => format!("\"{program}\" is not on the PATH of this machine, and "),
            None => String::new(),
        };
        let words = format!(
            "{subject} cannot start: {missing}{NO_IMAGE}: set {command} to a program on this machine, or run on a cluster."
        );
        return verdict(Cause::CommandNotFound, words);
    }
    if error.contains("executable file not found") || error.contains("no such file or directory") {
        let words = format!(
            "{subject} cannot start: {program} is not in the image {}. Correct {command}.",
            container.image
        );
        return verdict(Cause::CommandNotFound, words);
    }
    if error.contains("permission denied") {
        let words = format!(
            "{subject} cannot start: its user, 1001 unless {} says otherwise, lacks permission to execute {program}. \
             Correct {command} or the image.",
            subject.field(Part::User)
        );
        return verdict(Cause::CommandNotExecutable, words);
    }
    verdict(
        Cause::ContainerCannotStart,
        format!("{subject} cannot start: {}", sentence(message)),
    )
}

/// Whether a container runtime reports that a memory limit leaves no room for the start: runc, CRI-O and Docker.
pub(super) fn is_limit_too_small(message: &str) -> bool {
    message.contains("memory limit too low")
        || message.contains("inimum memory limit")
        || message.contains("set memory limit") && message.contains("too low")
}

/// How a container that is up again has ended last, as a sentence; none where its pod was ready in between.
pub(super) fn ended_before(pod: &PodFacts, container: &ContainerFacts) -> Option<String> {
    let (since, ended) = container.running_since.zip(container.ended.as_ref())?;
    let was_ready = pod.ready || pod.times.not_ready.is_some_and(|from| from > since);
    let reason = match ended.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    (!was_ready).then(|| format!("Before that, the container exited with {}{reason}.", exit(ended)))
}

fn exit(ended: &Ended) -> String {
    // A process that a signal ended has 128 and the signal's number (POSIX shells, and so container runtimes).
    match ended.exit_code {
        code @ 129..=159 => format!("code {code}, killed by signal {}", code - 128),
        code => format!("code {code}"),
    }
}

fn hint(ended: &Ended) -> &'static str {
    if ended.message.contains("exec format error") {
        return " Its program is made for another processor architecture, or a script without a first line such as #!/bin/sh.";
    }
    match ended.exit_code {
        126 => " The shell could not execute the program.",
        127 => " The shell did not find the program.",
        _ => "",
    }
}
