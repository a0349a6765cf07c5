//! A container that ends again and again: how often for its present fault, and since when.
//!
//! A container's status counts all restarts of the pod's life, and keeps only the last run. How long the kubelet waited
//! before a restart gives the rest: nothing before the first one, then 10 s, 20 s, 40 s and so on up to 5 min, and it
//! begins again after a container has run for 10 min (Kubernetes, *Pod Lifecycle*, "Container restarts").

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::facts::{ContainerFacts, PodFacts};

/// How long the kubelet waits before the second restart, in seconds, and at most.
const FIRST_BACKOFF: i64 = 10;
const LAST_BACKOFF: i64 = 300;

/// For how long a container has to have been ready, in seconds, before its next end is certainly another fault.
const HEALED: i64 = 60;

/// For how many seconds a service has to stand at least before it could have been called ready.
const LEAST_STANDING: i64 = 3;

/// The ends of a container that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CrashLoop {
    /// How often the container was started again for this fault.
    pub(super) restarts: i32,
    /// When it began, which is not before the fault did; `None` where the status gives no times.
    pub(super) began: Option<Timestamp>,
}

impl CrashLoop {
    /// Reads the status of a container.
    pub(super) fn of(pod: &PodFacts, container: &ContainerFacts, min_ready_seconds: i32) -> Self {
        let runs = &container.runs;
        let Some(finished) = runs.finished else {
            return Self {
                restarts: container.restarts,
                began: None,
            };
        };
        let ran = runs.started.map_or(0, |started| seconds(started, finished));
        let was_ready = pod.times.not_ready.is_some_and(|since| since >= finished);
        // Times are cut to whole seconds, so that a second more is certain.
        let was_up = was_ready && ran > i64::from(min_ready_seconds).max(LEAST_STANDING);
        let restarts = restarts(container).unwrap_or(container.restarts);
        if was_up && ran >= HEALED || restarts == 0 {
            return Self {
                restarts: 0,
                began: Some(finished),
            };
        }
        let waited = SignedDuration::from_secs(waits(restarts));
        let last = runs.started.unwrap_or(finished);
        Self {
            restarts: if was_up { 0 } else { restarts },
            began: last.checked_sub(waited).ok(),
        }
    }
}

/// How often the kubelet has started a container again in this series, by how long it waits.
fn restarts(container: &ContainerFacts) -> Option<i32> {
    let runs = &container.runs;
    let waits_now = container
        .waiting
        .as_ref()
        .filter(|waiting| waiting.code == "CrashLoopBackOff");
    let (wait, is_still_to_come) = if let Some(waiting) = waits_now {
        (announced(&waiting.message)?, true)
    } else if let Some(running_since) = container.running_since {
        (seconds(runs.finished?, running_since), false)
    } else {
        (seconds(runs.finished_before?, runs.started?), false)
    };
    let restarts = restart_after(wait) - i32::from(is_still_to_come);
    Some(if wait + 1 >= LAST_BACKOFF {
        // It waits no longer than that, however often it has.
        restarts.max(container.restarts)
    } else {
        restarts.clamp(1, container.restarts.max(1))
    })
}

/// How many seconds the kubelet reports that it waits: `back-off 20s restarting failed container=foo
/// pod=foo-0_flyte(...)`.
fn announced(message: &str) -> Option<i64> {
    let wait = message.strip_prefix("back-off ")?.split(' ').next()?;
    Some(wait.parse::<SignedDuration>().ok()?.as_secs())
}

/// Which restart it is that comes after a wait of so many seconds. A kubelet that is configured to begin with shorter
/// waits reaches the same ones after the same time, though after more restarts.
fn restart_after(wait: i64) -> i32 {
    let mut restart = 1;
    let mut least = FIRST_BACKOFF;
    // A second is lost where times are cut to whole ones.
    while wait + 1 >= least {
        restart += 1;
        if least == LAST_BACKOFF {
            break;
        }
        least = (2 * least).min(LAST_BACKOFF);
    }
    restart
}

/// For how many seconds the kubelet has waited in all for so many restarts.
fn waits(restarts: i32) -> i64 {
    let mut waited = 0;
    let mut next = FIRST_BACKOFF;
    for _ in 1..restarts {
        waited += next;
        next = (2 * next).min(LAST_BACKOFF);
    }
    waited
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}
