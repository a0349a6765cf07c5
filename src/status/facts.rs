//! What a verdict needs of a service's objects.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Event, Pod, PodCondition};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::jiff::Timestamp;

use super::times::{PodTimes, Runs, changed};
use super::{Status, readiness, standing};
use crate::names::INSTANCE_LABEL;
use crate::ownership::kept_until;

/// The label that says to which Service an endpoint slice belongs (Kubernetes, *Well-Known Labels*).
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The label that says of which revision of its `StatefulSet` a pod is (Kubernetes, `ControllerRevisionHashLabelKey`).
const REVISION_LABEL: &str = "controller-revision-hash";

/// What is known of a `StatefulSet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatefulSetFacts {
    /// Its name.
    pub name: Box<str>,
    /// Its uid.
    pub uid: Box<str>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// From when on it is to be deleted, if it has failed and was kept for people to look at.
    pub delete_after: Option<Timestamp>,
    /// How ready it is, as far as it says itself.
    pub readiness: Status,
    /// The version of its specification.
    pub generation: i64,
    /// Whether Kubernetes has begun with that version.
    pub is_observed: bool,
    /// The revision that its pods are to be of, where those of another one are replaced.
    pub revision: Option<Box<str>>,
    /// Whether they are replaced one after the other, and only once each is ready.
    pub is_ordered: bool,
    /// For how many seconds each is to stand before it counts.
    pub min_ready_seconds: i32,
    /// When its specification or its metadata changed last.
    pub changed: Option<Timestamp>,
}

/// What is known of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its uid, which tells it from others that had the name before it.
    pub uid: Box<str>,
    /// The service that it belongs to.
    pub service: String,
    /// The uid of the `StatefulSet` that it belongs to.
    pub owner: Box<str>,
    /// The node that it runs on; empty where it has none.
    pub node: Box<str>,
    /// The revision of its `StatefulSet` that it is of.
    pub revision: Box<str>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether Kubernetes calls it ready.
    pub ready: bool,
    /// Since when it does.
    pub ready_since: Option<Timestamp>,
    /// When its conditions changed last.
    pub times: PodTimes,
    /// Whether others than its containers decide about that too.
    pub has_readiness_gates: bool,
    /// Until when it should be gone, if it is being deleted.
    pub gone_by: Option<Timestamp>,
    /// Who holds it while it is being deleted.
    pub finalizers: Vec<String>,
    /// The claims of its volumes.
    pub claims: Vec<String>,
    /// Why it failed as a whole, such as `Evicted`, and in which words.
    pub failed: Option<Reason>,
    /// Why it has no node, in the scheduler's words.
    pub unschedulable: Option<Reason>,
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
    /// When it ran before.
    pub runs: Runs,
    /// How often it was started again.
    pub restarts: i32,
    /// Whether it is ready.
    pub ready: bool,
    /// Since when it runs.
    pub running_since: Option<Timestamp>,
    /// Whether its startup probe, if it has one, has passed.
    pub started: bool,
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
    /// The host names that it publishes, each with its addresses.
    pub hosts: Vec<Host>,
    /// The ports of each of them, with their names.
    pub ports: Arc<[(Box<str>, i32)]>,
}

/// A host name that a Service publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The name, which is that of a pod.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
}

impl From<&EndpointSlice> for SliceFacts {
    fn from(slice: &EndpointSlice) -> Self {
        let labels = slice.metadata.labels.as_ref();
        let hosts = slice.endpoints.iter().flatten().filter_map(|endpoint| {
            Some(Host {
                name: endpoint.hostname.clone()?,
                addresses: endpoint.addresses.clone(),
            })
        });
        let ports = slice.ports.iter().flatten();
        let ports = ports.filter_map(|port| Some((port.name.as_deref().unwrap_or_default().into(), port.port?)));
        Self {
            name: slice.metadata.name.clone().unwrap_or_default(),
            service: labels
                .and_then(|labels| labels.get(SERVICE_NAME_LABEL))
                .cloned()
                .unwrap_or_default(),
            hosts: hosts.collect(),
            ports: ports.collect(),
        }
    }
}

/// What an event says of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The kind of the object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The code, such as `FailedCreate`.
    pub reason: String,
    /// The words.
    pub message: String,
    /// When it was first seen.
    pub first: Option<Timestamp>,
    /// When it was last seen.
    pub last: Option<Timestamp>,
}

impl PodFacts {
    /// Whether its `StatefulSet` replaces it, or will once it is looked at, since it is of an earlier revision.
    #[must_use]
    pub fn is_outdated(&self, stateful_set: &StatefulSetFacts) -> bool {
        let newest = stateful_set.revision.as_deref();
        if !stateful_set.is_observed {
            return true;
        }
        !self.revision.is_empty() && newest.is_some_and(|newest| *self.revision != *newest)
    }
}

impl EventFacts {
    /// Whether the event is about this pod, and not about one that had its name before.
    #[must_use]
    pub fn is_about(&self, pod: &PodFacts) -> bool {
        self.kind == "Pod" && *self.uid == *pod.uid
    }
}

impl From<&StatefulSet> for StatefulSetFacts {
    fn from(stateful_set: &StatefulSet) -> Self {
        let metadata = &stateful_set.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into_boxed_str();
        let spec = stateful_set.spec.as_ref();
        let strategy = spec.and_then(|spec| spec.update_strategy.as_ref());
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let replaces_all = strategy.and_then(|strategy| strategy.type_.as_deref()) != Some("OnDelete")
            && rolling.and_then(|rolling| rolling.partition).unwrap_or(0) == 0;
        let revision = stateful_set
            .status
            .as_ref()
            .and_then(|status| status.update_revision.clone());
        Self {
            name: text(&metadata.name),
            uid: text(&metadata.uid),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            delete_after: kept_until(metadata),
            readiness: readiness::judge(stateful_set),
            generation: metadata.generation.unwrap_or_default(),
            is_observed: readiness::is_observed(stateful_set),
            revision: revision.filter(|_| replaces_all).map(String::into_boxed_str),
            is_ordered: spec.is_some_and(|spec| spec.pod_management_policy.as_deref() != Some("Parallel")),
            min_ready_seconds: standing::needed(stateful_set),
            changed: changed(stateful_set),
        }
    }
}

impl From<&Pod> for PodFacts {
    fn from(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        let status = pod.status.clone().unwrap_or_default();
        let condition = |kind: &str, wanted: &str| {
            let mut conditions = status.conditions.iter().flatten();
            conditions.find(|condition| condition.type_ == kind && condition.status == wanted)
        };
        let because = |condition: &PodCondition| reason(condition.reason.as_ref(), condition.message.as_ref());
        let ready = condition("Ready", "True");
        let spec = pod.spec.as_ref();
        let claims = spec.and_then(|spec| spec.volumes.as_ref()).into_iter().flatten();
        let claims = claims.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone()));
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
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
            uid: metadata.uid.clone().unwrap_or_default().into_boxed_str(),
            service: label(INSTANCE_LABEL).unwrap_or_default(),
            owner: metadata
                .owner_references
                .iter()
                .flatten()
                .find(|owner| owner.controller == Some(true))
                .map(|owner| owner.uid.clone().into_boxed_str())
                .unwrap_or_default(),
            node: spec
                .and_then(|spec| spec.node_name.clone())
                .unwrap_or_default()
                .into_boxed_str(),
            revision: label(REVISION_LABEL).unwrap_or_default().into_boxed_str(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            ready: ready.is_some(),
            ready_since: ready
                .and_then(|ready| ready.last_transition_time.as_ref())
                .map(|time| time.0),
            times: PodTimes::from(pod),
            has_readiness_gates: spec
                .and_then(|spec| spec.readiness_gates.as_ref())
                .is_some_and(|gates| !gates.is_empty()),
            gone_by: metadata.deletion_timestamp.as_ref().map(|time| time.0),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            claims: claims.collect(),
            failed: (status.phase.as_deref() == Some("Failed"))
                .then(|| reason(status.reason.as_ref(), status.message.as_ref())),
            unschedulable: condition("PodScheduled", "False").map(because),
            disrupted: condition("DisruptionTarget", "True").map(because),
            containers: all,
        }
    }
}

impl From<&Event> for EventFacts {
    fn from(event: &Event) -> Self {
        let object = &event.involved_object;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        // Newer writers of events give the time and, for a repeated one, the series; older ones give first and last.
        let once = event.event_time.as_ref().map(|time| time.0);
        let series = event
            .series
            .as_ref()
            .and_then(|series| series.last_observed_time.as_ref());
        Self {
            kind: text(&object.kind),
            name: text(&object.name),
            uid: text(&object.uid),
            reason: text(&event.reason),
            message: text(&event.message),
            first: event.first_timestamp.as_ref().map(|time| time.0).or(once),
            last: series
                .map(|time| time.0)
                .or_else(|| event.last_timestamp.as_ref().map(|time| time.0))
                .or(once),
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
        runs: Runs::from(status),
        restarts: status.restart_count,
        ready: status.ready,
        running_since: state
            .running
            .as_ref()
            .and_then(|running| running.started_at.as_ref())
            .map(|time| time.0),
        started: status.started.unwrap_or_default(),
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
