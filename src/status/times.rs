//! When the state of a `StatefulSet`, of a pod and of its containers changed last, in their own words.
//!
//! Every replica of the connector reads the same times, so that a grace period ends at the same moment for all of them.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;

/// The manager of the fields that the scheduler writes.
const SCHEDULER: &str = "kube-scheduler";

/// When the conditions of a pod changed last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodTimes {
    /// When the scheduler assigned it to a node, or since when it has had none.
    pub scheduling: Option<Timestamp>,
    /// When the scheduler last gave another reason why no node takes the pod. The condition's own time stays as it was
    /// while only its reason changes, as when the last scheduling gate is removed.
    pub unschedulable: Option<Timestamp>,
    /// When its init containers had completed.
    pub initialized: Option<Timestamp>,
    /// Since when it has not been ready.
    pub not_ready: Option<Timestamp>,
    /// When Kubernetes announced that it takes the pod away.
    pub disrupted: Option<Timestamp>,
}

/// When a container ran, by its status: the last run that ended, and when the one before it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs {
    /// When the last run that ended began; `None` where the process did not start.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// When the run before it ended, as long as the container has not been started again since.
    pub finished_before: Option<Timestamp>,
}

impl From<&Pod> for PodTimes {
    fn from(pod: &Pod) -> Self {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        let changed = |kind: &str, wanted: Option<&str>| {
            let mut conditions = conditions.into_iter().flatten();
            let condition = conditions.find(|condition| condition.type_ == kind)?;
            let is_wanted = wanted.is_none_or(|wanted| condition.status == wanted);
            let changed = condition.last_transition_time.as_ref().filter(|_| is_wanted);
            changed.map(|time| time.0)
        };
        let scheduler = pod.metadata.managed_fields.iter().flatten();
        let scheduler = scheduler.filter(|entry| entry.manager.as_deref() == Some(SCHEDULER));
        Self {
            scheduling: changed("PodScheduled", None),
            unschedulable: changed("PodScheduled", Some("False")).and_then(|_| {
                scheduler
                    .filter_map(|entry| entry.time.as_ref())
                    .map(|time| time.0)
                    .max()
            }),
            initialized: changed("Initialized", Some("True")),
            not_ready: changed("Ready", Some("False")),
            disrupted: changed("DisruptionTarget", Some("True")),
        }
    }
}

impl From<&ContainerStatus> for Runs {
    fn from(status: &ContainerStatus) -> Self {
        let terminated = |state: &Option<ContainerState>| state.as_ref()?.terminated.clone();
        let (last, before) = match (terminated(&status.state), terminated(&status.last_state)) {
            (Some(last), before) => (Some(last), before),
            (None, last) => (last, None),
        };
        Self {
            started: last.as_ref().and_then(started),
            finished: last.as_ref().and_then(finished),
            finished_before: before.as_ref().and_then(finished),
        }
    }
}

/// When somebody changed a `StatefulSet` last, its status aside.
pub(super) fn changed(stateful_set: &StatefulSet) -> Option<Timestamp> {
    let entries = stateful_set.metadata.managed_fields.iter().flatten();
    let entries = entries.filter(|entry| entry.subresource.is_none());
    let times = entries.filter_map(|entry| entry.time.as_ref()).map(|time| time.0);
    times
        .chain(stateful_set.metadata.creation_timestamp.as_ref().map(|time| time.0))
        .max()
}

/// When a process began; containerd reports the beginning of 1970 for one that could not be started.
fn started(run: &ContainerStateTerminated) -> Option<Timestamp> {
    let started = run.started_at.as_ref().map(|time| time.0);
    started.filter(|started| *started > Timestamp::UNIX_EPOCH)
}

fn finished(run: &ContainerStateTerminated) -> Option<Timestamp> {
    run.finished_at.as_ref().map(|time| time.0)
}
