//! Pods and events, reduced to what a verdict needs.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Event, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::jiff::Timestamp;

use crate::names::INSTANCE_LABEL;

/// The label that says to which Service an endpoint slice belongs (Kubernetes, *Well-Known Labels*).
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// What is known of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// The service that it belongs to.
    pub service: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Why it failed as a whole, such as `Evicted`, and in which words.
    pub failed: Option<Reason>,
    /// Why no node takes it, in the scheduler's words.
    pub unschedulable: Option<String>,
    /// Why Kubernetes takes it away, such as `PreemptionByScheduler`.
    pub disrupted: Option<Reason>,
    /// Its containers, those that run before the others first.
    pub containers: Vec<ContainerFacts>,
}

/// What is known of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it runs before the others.
    pub init: bool,
    /// Why it does not run yet.
    pub waiting: Option<Reason>,
    /// How it ended last.
    pub ended: Option<Ended>,
    /// How often it was started again.
    pub restarts: i32,
    /// Whether it is ready.
    pub ready: bool,
}

/// A reason as Kubernetes gives it: a code and, often, some words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// The code, such as `ImagePullBackOff`.
    pub code: String,
    /// The words.
    pub message: String,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The code, such as `OOMKilled` or `Error`.
    pub reason: String,
    /// The words, where there are any.
    pub message: String,
    /// The exit code of its process.
    pub exit_code: i32,
}

/// What is known of an endpoint slice: which of its Service's pods have a name that resolves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceFacts {
    /// Its name.
    pub name: String,
    /// The Service that it belongs to.
    pub service: String,
    /// The host names that it publishes.
    pub hostnames: Vec<String>,
}

impl From<&EndpointSlice> for SliceFacts {
    fn from(slice: &EndpointSlice) -> Self {
        let labels = slice.metadata.labels.as_ref();
        Self {
            name: slice.metadata.name.clone().unwrap_or_default(),
            service: labels
                .and_then(|labels| labels.get(SERVICE_NAME_LABEL))
                .cloned()
                .unwrap_or_default(),
            hostnames: slice
                .endpoints
                .iter()
                .flatten()
                .filter_map(|endpoint| endpoint.hostname.clone())
                .collect(),
        }
    }
}

/// What an event says of the `StatefulSet`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The code, such as `FailedCreate`.
    pub reason: String,
    /// The words.
    pub message: String,
    /// When it was first seen.
    pub first: Option<Timestamp>,
}

impl From<&Pod> for PodFacts {
    fn from(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        let status = pod.status.clone().unwrap_or_default();
        let condition = |kind: &str, wanted: &str| {
            status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == kind && condition.status == wanted)
                .map(|condition| reason(condition.reason.as_ref(), condition.message.as_ref()))
        };
        let containers = |statuses: &Option<Vec<ContainerStatus>>, init: bool| -> Vec<ContainerFacts> {
            statuses
                .iter()
                .flatten()
                .map(|status| container(status, init))
                .collect()
        };
        let mut all = containers(&status.init_container_statuses, true);
        all.extend(containers(&status.container_statuses, false));
        // Collecting has left room for more, and these are kept for very many pods.
        all.shrink_to_fit();
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            service: metadata
                .labels
                .as_ref()
                .and_then(|labels| labels.get(INSTANCE_LABEL))
                .cloned()
                .unwrap_or_default(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deleting: metadata.deletion_timestamp.is_some(),
            failed: (status.phase.as_deref() == Some("Failed"))
                .then(|| reason(status.reason.as_ref(), status.message.as_ref())),
            unschedulable: condition("PodScheduled", "False")
                .filter(|reason| reason.code == "Unschedulable")
                .map(|reason| reason.message),
            disrupted: condition("DisruptionTarget", "True"),
            containers: all,
        }
    }
}

impl From<&Event> for EventFacts {
    fn from(event: &Event) -> Self {
        Self {
            reason: event.reason.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default(),
            first: event
                .first_timestamp
                .as_ref()
                .map(|time| time.0)
                .or_else(|| event.event_time.as_ref().map(|time| time.0)),
        }
    }
}

fn container(status: &ContainerStatus, init: bool) -> ContainerFacts {
    let state = status.state.clone().unwrap_or_default();
    let ended = |state: &Option<ContainerState>| state.as_ref()?.terminated.as_ref().map(ended);
    ContainerFacts {
        name: status.name.clone(),
        image: status.image.clone(),
        init,
        waiting: state
            .waiting
            .as_ref()
            .map(|waiting| reason(waiting.reason.as_ref(), waiting.message.as_ref())),
        ended: ended(&status.state).or_else(|| ended(&status.last_state)),
        restarts: status.restart_count,
        ready: status.ready,
    }
}

fn ended(terminated: &ContainerStateTerminated) -> Ended {
    Ended {
        reason: terminated.reason.clone().unwrap_or_default(),
        message: terminated.message.clone().unwrap_or_default(),
        exit_code: terminated.exit_code,
    }
}

fn reason(code: Option<&String>, message: Option<&String>) -> Reason {
    Reason {
        code: code.cloned().unwrap_or_default(),
        message: message.cloned().unwrap_or_default(),
    }
}
