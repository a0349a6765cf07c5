//! The facts about a service's objects that a verdict needs.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateTerminated, ContainerStatus, Event, Pod, PodCondition, Probe,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::jiff::Timestamp;

use super::origins::ContainerOrigins;
use super::pod_details::{Gate, closed_gates, missing_reference};
use super::reason::{Reason, reason};
use super::times::{PodTimes, Runs, changed};
use super::{Status, readiness};
use crate::identity::labels::INSTANCE_LABEL;
use crate::identity::owner::{ManagedBy, kept_until, managed_by};

/// For how long, in seconds, a pod of a `StatefulSet` that somebody else made must be up, if it sets no
/// `minReadySeconds`: as long as one of ours without `MinReadySeconds`.
const FOREIGN: i32 = 3;

/// The label of an endpoint slice with the name of its Service (Kubernetes, *Well-Known Labels*).
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The label of a pod with its revision of the `StatefulSet` (Kubernetes, `ControllerRevisionHashLabelKey`).
pub(crate) const REVISION_LABEL: &str = "controller-revision-hash";

/// The label of a node's processor architecture (Kubernetes, *Well-Known Labels*).
const ARCHITECTURE_LABEL: &str = "kubernetes.io/arch";

/// The facts about a `StatefulSet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatefulSetFacts {
    /// Its name.
    pub name: Box<str>,
    /// Its uid.
    pub uid: Box<str>,
    /// The Service that it names as its own.
    pub service: Box<str>,
    /// Whether this plugin created it.
    pub is_ours: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// From when on it is to be deleted, if it has failed and was kept for people to look at.
    pub delete_after: Option<Timestamp>,
    /// How ready it is, by its own status.
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
    /// The names of its claim templates.
    pub claim_templates: Box<[Box<str>]>,
    /// Which fields its containers come from.
    pub origins: ContainerOrigins,
}

/// The facts about a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its uid, which distinguishes it from earlier pods of the same name.
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
    /// The readiness gates that are not open.
    pub closed_gates: Vec<Gate>,
    /// Since when all its containers have been ready; `None` where they are not, or where that is not known.
    pub containers_ready_since: Option<Timestamp>,
    /// Whether its kubelet reports that a container is not ready.
    pub has_unready_containers: bool,
    /// Whether its sandbox exists and has a network.
    pub has_sandbox: bool,
    /// The processor architecture that its node selector asks for.
    pub architecture: Option<Box<str>>,
    /// Until when it should be gone, if it is being deleted.
    pub gone_by: Option<Timestamp>,
    /// The finalizers that hold it while it is being deleted.
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

/// The facts about a container.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as in Kubernetes"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it has to end before the others start.
    pub init: bool,
    /// Whether it is a native sidecar: an init container that runs as long as the others.
    pub sidecar: bool,
    /// Where it refers to the object or the key that it lacks, such as `env[TOKEN]` or `envFrom[0]`.
    pub reference: Option<Box<str>>,
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
    /// Whether it has a probe for which the kubelet kills it: a liveness or a startup probe.
    pub may_be_killed: bool,
    /// How long after its start the first result of its readiness probe may come, in seconds; 0 without one.
    pub probed_within: i64,
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

/// The facts about an endpoint slice: which of its Service's pods have a name that resolves.
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
            let name = endpoint.hostname.clone()?;
            // Any pod that the Service selects may claim the host name of another one.
            let target = endpoint.target_ref.as_ref().and_then(|target| target.name.as_ref());
            if target.is_some_and(|target| *target != name) {
                return None;
            }
            Some(Host {
                name,
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

/// An event about an object.
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

/// The ordinal of a pod of a `StatefulSet` by its name; `None` for a pod of something else.
pub(crate) fn ordinal(stateful_set: &str, pod: &str) -> Option<u32> {
    let digits = pod.strip_prefix(stateful_set)?.strip_prefix('-')?;
    // The name of another StatefulSet may begin with this one's.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

impl PodFacts {
    /// Whether the pod is one of the `StatefulSet`, or has the name of one. A pod of something else may have the same
    /// labels.
    #[must_use]
    pub fn belongs_to(&self, stateful_set: &StatefulSetFacts) -> bool {
        let is_controlled = !self.owner.is_empty() && self.owner == stateful_set.uid;
        is_controlled || ordinal(&stateful_set.name, &self.name).is_some()
    }

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
            service: spec.map(|spec| text(&spec.service_name)).unwrap_or_default(),
            is_ours: managed_by(metadata) == ManagedBy::Us,
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            delete_after: kept_until(metadata),
            readiness: readiness::judge(stateful_set),
            generation: metadata.generation.unwrap_or_default(),
            is_observed: readiness::is_observed(stateful_set),
            revision: revision.filter(|_| replaces_all).map(String::into_boxed_str),
            is_ordered: spec.is_some_and(|spec| spec.pod_management_policy.as_deref() != Some("Parallel")),
            min_ready_seconds: needed(stateful_set),
            changed: changed(stateful_set),
            claim_templates: spec
                .and_then(|spec| spec.volume_claim_templates.as_ref())
                .into_iter()
                .flatten()
                .map(|claim| text(&claim.metadata.name))
                .collect(),
            origins: ContainerOrigins::from(stateful_set),
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
        let first = spec
            .and_then(|spec| spec.init_containers.as_deref())
            .unwrap_or_default();
        let beside = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
        let mut all = containers(first, status.init_container_statuses.as_deref(), true);
        all.extend(containers(beside, status.container_statuses.as_deref(), false));
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
            closed_gates: closed_gates(spec, &status),
            containers_ready_since: condition("ContainersReady", "True")
                .and_then(|ready| ready.last_transition_time.as_ref())
                .map(|time| time.0),
            has_unready_containers: condition("ContainersReady", "False").is_some(),
            // The first is its name since Kubernetes 1.29.
            has_sandbox: ["PodReadyToStartContainers", "PodHasNetwork"]
                .iter()
                .any(|kind| condition(kind, "True").is_some()),
            architecture: spec
                .and_then(|spec| spec.node_selector.as_ref()?.get(ARCHITECTURE_LABEL))
                .map(|architecture| architecture.as_str().into()),
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

/// The containers of a list, in the order of the specification: the kubelet sorts them by name.
fn containers(given: &[Container], statuses: Option<&[ContainerStatus]>, init: bool) -> Vec<ContainerFacts> {
    let mut statuses: Vec<_> = statuses
        .into_iter()
        .flatten()
        .map(|status| {
            let position = given.iter().position(|container| container.name == status.name);
            (position.unwrap_or(usize::MAX), status)
        })
        .collect();
    statuses.sort_by_key(|(position, _)| *position);
    statuses
        .into_iter()
        .map(|(position, status)| container(status, given.get(position), init))
        .collect()
}

fn container(status: &ContainerStatus, given: Option<&Container>, init: bool) -> ContainerFacts {
    let state = status.state.clone().unwrap_or_default();
    let ended = |state: &Option<ContainerState>| state.as_ref()?.terminated.as_ref().map(ended);
    let sidecar = init && given.is_some_and(|given| given.restart_policy.as_deref() == Some("Always"));
    ContainerFacts {
        name: status.name.clone(),
        image: status.image.clone(),
        init: init && !sidecar,
        sidecar,
        reference: state
            .waiting
            .as_ref()
            .filter(|waiting| waiting.reason.as_deref() == Some("CreateContainerConfigError"))
            .and_then(|waiting| missing_reference(given?, waiting.message.as_deref()?)),
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
        may_be_killed: given.is_some_and(|given| given.liveness_probe.is_some() || given.startup_probe.is_some()),
        probed_within: given
            .and_then(|given| given.readiness_probe.as_ref())
            .map_or(0, probed_within),
    }
}

/// The kubelet probes a container at once if its start is known by then, else a period later.
fn probed_within(probe: &Probe) -> i64 {
    let Probe {
        initial_delay_seconds: delay,
        period_seconds: period,
        timeout_seconds: timeout,
        ..
    } = probe;
    [delay.unwrap_or(0), period.unwrap_or(10), timeout.unwrap_or(1)]
        .map(i64::from)
        .iter()
        .sum()
}

fn ended(terminated: &ContainerStateTerminated) -> Ended {
    Ended {
        reason: terminated.reason.clone().unwrap_or_default(),
        message: terminated.message.clone().unwrap_or_default(),
        exit_code: terminated.exit_code,
    }
}

/// For how many seconds the pods of a `StatefulSet` are to stand.
fn needed(stateful_set: &StatefulSet) -> i32 {
    let said = stateful_set.spec.as_ref().and_then(|spec| spec.min_ready_seconds);
    let said = said.unwrap_or_default();
    if managed_by(&stateful_set.metadata) == ManagedBy::Us {
        said
    } else {
        said.max(FOREIGN)
    }
}
