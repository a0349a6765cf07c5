//! Containers that do not start, or do not stay.

use super::super::facts::{ContainerFacts, Ended, PodFacts};
use super::{Cause, RESTARTS, Verdict, subject};
use crate::wording::sentence;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    if let Some(waiting) = &container.waiting
        && matches!(
            waiting.code.as_str(),
            "RunContainerError" | "CreateContainerError" | "StartError"
        )
    {
        return Some(cannot_start(pod, container, &waiting.message));
    }
    if container.ready {
        return None;
    }
    let ended = container.ended.as_ref()?;
    if matches!(ended.reason.as_str(), "StartError" | "ContainerCannotRun") {
        return Some(cannot_start(pod, container, &ended.message));
    }
    let what = subject(pod, container);
    let verdict = |cause, words: String| Verdict::of_pod(cause, pod, words).with_log(pod, container);
    if ended.reason == "OOMKilled" {
        let words = format!("{what} was killed because it used more memory than its limit. Raise Limits.mem.");
        return Some(verdict(Cause::OutOfMemory, words));
    }
    let verdict = |cause, words| {
        let verdict = verdict(cause, words);
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
                    "{what} ends with exit code {}, so that the service cannot begin.",
                    ended.exit_code
                )
            })
            .and_then(|words| verdict(Cause::InitContainerFailed, words));
    }
    if ended.exit_code == 0 {
        return verdict(
            Cause::ContainerCompleted,
            format!(
                "{what} ends by itself, with exit code 0. A service has to stay: let Command run in the foreground."
            ),
        );
    }
    verdict(
        Cause::ContainerExits,
        format!("{what} ends with {}.{}", exit(ended), hint(ended)),
    )
}

fn cannot_start(pod: &PodFacts, container: &ContainerFacts, message: &str) -> Verdict {
    let what = subject(pod, container);
    let verdict = |cause, words: String| Verdict::of_pod(cause, pod, words);
    let program = message.split("exec: \"").nth(1).and_then(|rest| rest.split('"').next());
    let program = program.map_or_else(
        || "the program of Command".to_owned(),
        |program| format!("\"{program}\""),
    );
    if message.contains("executable file not found") || message.contains("no such file or directory") {
        return verdict(
            Cause::CommandNotFound,
            format!(
                "{what} cannot start: {program} is not in the image {}. Correct Command.",
                container.image
            ),
        );
    }
    if message.contains("permission denied") {
        return verdict(
            Cause::CommandNotExecutable,
            format!("{what} cannot start: {program} may not be executed by user 1001. Correct Command or the image."),
        );
    }
    verdict(
        Cause::ContainerCannotStart,
        format!("{what} cannot start: {}", sentence(message)),
    )
}

fn exit(ended: &Ended) -> String {
    // A process that a signal ended has 128 and the signal's number (POSIX shells, and so container runtimes).
    match ended.exit_code {
        code @ 129..=159 => format!("exit code {code}, killed by signal {}", code - 128),
        code => format!("exit code {code}"),
    }
}

fn hint(ended: &Ended) -> &'static str {
    match ended.exit_code {
        126 => " The shell could not execute the program.",
        127 => " The shell did not find the program.",
        _ => "",
    }
}
