//! The evidence on a service that is not ready, beyond its `StatefulSet`: pods, events and logs.
//!
//! None of it is needed to know how a service is doing, so that a fault here, or a missing permission, only leaves the
//! explanation out.

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ApiResource;

use super::retry::{Deadline, Step, retry, retry_or_log};
use crate::cluster::{Api, Fault, server_time};
use crate::error::Result;
use crate::identity::labels::{APP, APP_LABEL};
use crate::identity::owner::{ManagedBy, managed_by};
use crate::status::diagnosis::{GracePeriods, known_platform, open_platform};
use crate::status::{
    Assessment, EventFacts, Involved, Phase, PodFacts, SERVICE_NAME_LABEL, SliceFacts, StatefulSetFacts, Status,
};

/// How many of a container's last lines a sentence carries.
const LOG_LINES: i64 = 5;

/// How many characters of them, from the end.
const LOG_CHARACTERS: usize = 600;

/// The explanation that the kernel's own message, `exec format error`, leaves out.
const FOREIGN_PROGRAM: &str = " Its program is made for another processor architecture than that of its node, or is a \
     script without a first line such as #!/bin/sh.";

/// The pods of a service.
pub(super) async fn pods_of<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Vec<PodFacts> {
    let Some(selector) = selector_of(stateful_set) else {
        return Vec::new();
    };
    let step = Step::new::<Pod>("list", namespace, "").optional();
    let list = || api.list::<Pod>(namespace, &selector, "");
    let pods = retry_or_log(deadline, &step, "they are left out of an answer", list).await;
    pods.unwrap_or_default().iter().map(PodFacts::from).collect()
}

/// The pods that belong to a `StatefulSet`, also those that are being deleted. Empty where they cannot be read.
pub async fn own_pods<A: Api>(api: &A, stateful_set: &StatefulSet, deadline: Deadline) -> Vec<Pod> {
    let namespace = stateful_set.metadata.namespace.as_deref().unwrap_or_default();
    let Some(selector) = selector_of(stateful_set) else {
        return Vec::new();
    };
    let step = Step::new::<Pod>("list", namespace, "").optional();
    let list = || api.list::<Pod>(namespace, &selector, "");
    let pods = retry_or_log(deadline, &step, "they are left out of a receipt", list).await;
    let uid = stateful_set.metadata.uid.as_deref();
    let is_own = |pod: &Pod| {
        let owners = pod.metadata.owner_references.iter().flatten();
        owners.into_iter().any(|owner| Some(owner.uid.as_str()) == uid)
    };
    pods.unwrap_or_default().into_iter().filter(is_own).collect()
}

/// The selector of a `StatefulSet`'s pods; `None` where it selects by no label.
fn selector_of(stateful_set: &StatefulSet) -> Option<String> {
    let spec = stateful_set.spec.as_ref()?;
    let labels = spec.selector.match_labels.iter().flatten();
    let selector: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    (!selector.is_empty()).then(|| selector.join(","))
}

/// The label of the slices of a headless Service (Kubernetes, *Well-Known Labels*).
const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// The endpoint slices of a service that is ready; `None` where they cannot be read. Pods of a service that this plugin
/// did not create have names only where its `StatefulSet` names a headless Service.
pub(super) async fn slices_of<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Option<Vec<SliceFacts>> {
    let is_ready = StatefulSetFacts::from(stateful_set).readiness.phase == Phase::Ready;
    if !is_ready {
        return None;
    }
    let selector = if managed_by(&stateful_set.metadata) == ManagedBy::Us {
        let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
        format!("{SERVICE_NAME_LABEL}={name}")
    } else {
        let service = stateful_set.spec.as_ref().and_then(|spec| spec.service_name.as_deref());
        let service = service.filter(|service| !service.is_empty())?;
        format!("{SERVICE_NAME_LABEL}={service},{HEADLESS_LABEL}")
    };
    let step = Step::new::<EndpointSlice>("list", namespace, "").optional();
    let list = || api.list::<EndpointSlice>(namespace, &selector, "");
    let slices = retry_or_log(deadline, &step, "whether pods have names yet is not checked", list).await;
    Some(slices?.iter().map(SliceFacts::from).collect())
}

/// The events on some objects of a service.
pub async fn events_of<A: Api>(api: &A, namespace: &str, objects: &[Involved], deadline: Deadline) -> Vec<EventFacts> {
    let step = Step::new::<Event>("list", namespace, "").optional();
    let lists = objects.iter().map(async |Involved { kind, name }| {
        let fields = format!("involvedObject.kind={kind},involvedObject.name={name}");
        let list = || api.list::<Event>(namespace, "", &fields);
        let events = retry_or_log(deadline, &step, "they are left out of an answer", list).await;
        events.unwrap_or_default()
    });
    join_all(lists).await.iter().flatten().map(EventFacts::from).collect()
}

/// The events on some objects of a namespace, by one list however many objects there are.
pub async fn events_in<A: Api>(api: &A, namespace: &str, objects: &[Involved], deadline: Deadline) -> Vec<EventFacts> {
    let step = Step::new::<Event>("list", namespace, "").optional();
    let list = || api.list::<Event>(namespace, "", "type=Warning");
    let events = retry_or_log(deadline, &step, "they are left out of a list", list).await;
    let is_meant = |event: &Event| {
        let on = &event.involved_object;
        let mut objects = objects.iter();
        objects
            .any(|object| on.kind.as_deref() == Some(object.kind) && on.name.as_deref() == Some(object.name.as_str()))
    };
    let events = events.unwrap_or_default();
    events
        .iter()
        .filter(|event| is_meant(event))
        .map(EventFacts::from)
        .collect()
}

/// The pods of all services in a namespace, or in all of them where it is empty.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn pods_in<A: Api>(api: &A, namespace: &str, deadline: Deadline) -> Result<Vec<Pod>> {
    let listing = Step::new::<Pod>("list", namespace, "");
    // Pods of version 2.0 and before have this label, too.
    let selector = format!("{APP_LABEL}={APP}");
    let pods = retry(deadline, &listing, || api.list::<Pod>(namespace, &selector, "")).await?;
    pods.map_err(|fault| listing.failed(fault))
}

/// The last that a container has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// These lines; empty where it has written nothing.
    Lines(String),
    /// The account may not read logs.
    Forbidden,
    /// The log could not be read, for a reason that may pass.
    Unreadable,
}

impl Tail {
    /// Adds the lines to the message of a status.
    pub fn add_to(&self, status: &mut Status) {
        let words = match self {
            Self::Lines(log) if log.is_empty() => " It has written nothing.",
            Self::Lines(log) => {
                if log.contains("exec format error") {
                    status.message.push_str(FOREIGN_PROGRAM);
                }
                status.message.push_str(" Its last log lines:\n");
                log
            }
            Self::Forbidden => " Its log cannot be read: the account in use lacks the permission to get pods/log.",
            Self::Unreadable => " Its log cannot be read at the moment.",
        };
        status.message.push_str(words);
    }
}

/// The consequence if a log cannot be read.
const LOG_LEFT_OUT: &str = "its log is left out of an answer";

/// Reads the last that a container has written.
pub async fn read_tail<A: Api>(api: &A, namespace: &str, pod: &str, container: &str, deadline: Deadline) -> Tail {
    let step = Step::new::<Pod>("get", namespace, pod).optional();
    match retry(deadline, &step, || api.log(namespace, pod, container, LOG_LINES)).await {
        Ok(Ok(log)) => {
            let log = log.trim();
            let mut characters = log.char_indices().rev();
            let start = characters.nth(LOG_CHARACTERS - 1).map_or(0, |(index, _)| index);
            Tail::Lines(log[start..].to_owned())
        }
        Ok(Err(fault)) => {
            step.swallow(LOG_LEFT_OUT, &fault);
            match fault {
                Fault::Refused { code: 403, .. } => Tail::Forbidden,
                _ => Tail::Unreadable,
            }
        }
        Err(error) => {
            step.swallow(LOG_LEFT_OUT, &error);
            Tail::Unreadable
        }
    }
}

/// Names the platform that an image lacks, where only its node says which, if the account may get nodes.
pub(super) async fn name_platform<A: Api>(
    api: &A,
    assessment: &Assessment,
    status: &mut Status,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) {
    let Some(node) = assessment.needs_platform(server_time::now(), grace_periods) else {
        return;
    };
    let step = Step::of("get", &ApiResource::erase::<Node>(&()), "", node).optional();
    let read = || api.platform_of(node);
    if let Some(platform) = retry_or_log(deadline, &step, "its platform is left out of an answer", read)
        .await
        .flatten()
    {
        let known = known_platform(&platform, node);
        status.message = status.message.replacen(&open_platform(node), &known, 1);
    }
}

/// The state of a service now; where it has failed for the end of a process, with the last that the process has
/// written, and where it has failed for an image, with the platform that this lacks.
pub(super) async fn last_words<A: Api>(
    api: &A,
    namespace: &str,
    assessment: &Assessment,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Status {
    let now = server_time::now();
    let mut status = assessment.at(now, grace_periods);
    if let Some((pod, container)) = assessment.needs_log(now, grace_periods) {
        read_tail(api, namespace, pod, container, deadline)
            .await
            .add_to(&mut status);
    }
    name_platform(api, assessment, &mut status, grace_periods, deadline).await;
    status
}
