//! A container as the rules look at it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::facts::ContainerFacts;
use super::crash_loop::CrashLoop;
use crate::status::min_ready;

/// For how long, in seconds, the last end of a container that is up again explains it at least.
const UP_AGAIN: i64 = 60;

/// A container with the restarts of its present fault alone. One that has ended and runs again has two views: as it
/// ended, which explains the state until the pod is ready; and as it runs.
pub(super) fn of(
    container: &ContainerFacts,
    crash_loop: CrashLoop,
    min_ready_seconds: i32,
) -> Vec<(ContainerFacts, Option<Timestamp>)> {
    let restarts = crash_loop.restarts;
    let mut now = ContainerFacts {
        restarts,
        ..container.clone()
    };
    if let Some(waiting) = now
        .waiting
        .as_mut()
        .filter(|waiting| waiting.code == "ImagePullBackOff")
    {
        // `Back-off pulling image "r/i:1": ErrImagePull: rpc error: ...`, which repeats the message of `ErrImagePull`.
        if let Some((_, error)) = waiting.message.split_once(": ErrImagePull: ") {
            waiting.message = error.to_owned();
        }
    }
    let (Some(running_since), Some(_)) = (container.running_since, &container.ended) else {
        return vec![(now, None)];
    };
    let runs = &container.runs;
    let ran = runs
        .started
        .zip(runs.finished)
        .map(|(from, to)| to.duration_since(from).as_secs());
    let needed = min_ready::seconds(min_ready_seconds);
    let explains = (2 * ran.unwrap_or_default()).max(needed).max(UP_AGAIN);
    let until = running_since.checked_add(SignedDuration::from_secs(explains)).ok();
    let ended = ContainerFacts {
        ready: false,
        running_since: None,
        ..now.clone()
    };
    let running = ContainerFacts { ended: None, ..now };
    vec![(ended, until), (running, None)]
}
