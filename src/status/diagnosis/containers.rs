//! Containers that do not start, or do not stay.

use super::super::facts::{ContainerFacts, Ended, PodFacts};
use super::{Blame, Fails, Verdict, minutes};
use crate::wording::sentence;

/// After how many restarts a process that ends counts as one that will always end. Kubernetes waits 10 s before the second
/// restart and 20 s before the third, so that a service that only waits for another one has half a minute to find it.
const RESTARTS: i32 = 3;

pub(super) fn diagnose(pod: &PodFacts, container: &ContainerFacts) -> Option<Verdict> {
    let at_once = Fails::AtOnce(Blame::User);
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
    let verdict =
        |reason, fails, words: String| Some(Verdict::of_pod(reason, pod, fails, words).with_log(pod, container));
    if ended.reason == "OOMKilled" {
        return verdict(
            "OutOfMemory",
            at_once,
            format!("{what} was killed because it used more memory than its limit. Raise Limits.mem."),
        );
    }
    let often = if container.restarts >= RESTARTS {
        at_once
    } else {
        Fails::After(minutes(5), Blame::User)
    };
    if container.init {
        return (ended.exit_code != 0)
            .then(|| {
                format!(
                    "{what} ends with exit code {}, so that the service cannot begin.",
                    ended.exit_code
                )
            })
            .and_then(|words| verdict("InitContainerFailed", often, words));
    }
    if ended.exit_code == 0 {
        return verdict(
            "ContainerCompleted",
            often,
            format!(
                "{what} ends by itself, with exit code 0. A service has to stay: let Command run in the foreground."
            ),
        );
    }
    verdict(
        "ContainerExits",
        often,
        format!("{what} ends with {}.{}", exit(ended), hint(ended)),
    )
}

fn cannot_start(pod: &PodFacts, container: &ContainerFacts, message: &str) -> Verdict {
    let at_once = Fails::AtOnce(Blame::User);
    let what = subject(pod, container);
    let verdict = |reason, fails, words: String| Verdict::of_pod(reason, pod, fails, words);
    let program = message.split("exec: \"").nth(1).and_then(|rest| rest.split('"').next());
    let program = program.map_or_else(
        || "the program of Command".to_owned(),
        |program| format!("\"{program}\""),
    );
    if message.contains("executable file not found") || message.contains("no such file or directory") {
        return verdict(
            "CommandNotFound",
            at_once,
            format!(
                "{what} cannot start: {program} is not in the image {}. Correct Command.",
                container.image
            ),
        );
    }
    if message.contains("permission denied") {
        return verdict(
            "CommandNotExecutable",
            at_once,
            format!("{what} cannot start: {program} may not be executed by user 1001. Correct Command or the image."),
        );
    }
    let grace = Fails::After(minutes(2), Blame::User);
    verdict(
        "ContainerCannotStart",
        grace,
        format!("{what} cannot start: {}", sentence(message)),
    )
}

fn subject(pod: &PodFacts, container: &ContainerFacts) -> String {
    let kind = if container.init { "Init container" } else { "Container" };
    format!("{kind} {} of pod {}", container.name, pod.name)
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
