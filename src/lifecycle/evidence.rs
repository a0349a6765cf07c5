//! What explains a service that is not ready, beyond its `StatefulSet`: pods, events and logs.
//!
//! None of it is needed to know how a service is doing, so that a fault here, or a missing right, only leaves the
//! explanation out.

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::deadline::{Deadline, Step, repeat};
use crate::api::{Api, Fault};
use crate::clock;
use crate::ownership::{Maker, maker};
use crate::status::diagnosis::GracePeriods;
use crate::status::{
    Assessment, EventFacts, Involved, Phase, PodFacts, SERVICE_NAME_LABEL, SliceFacts, StatefulSetFacts, Status,
};

/// How many of a container's last lines a sentence carries.
const LOG_LINES: i64 = 5;

/// How many characters of them, from the end.
const LOG_CHARACTERS: usize = 600;

/// What the kernel's own words for it, `exec format error`, leave out.
const FOREIGN_PROGRAM: &str = " Its program is made for another processor architecture than that of its node, or is a \
     script without a first line such as #!/bin/sh.";

/// The pods of a service.
pub(super) async fn pods_of<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Vec<PodFacts> {
    let labels = stateful_set
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.match_labels.as_ref());
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if selector.is_empty() {
        return Vec::new();
    }
    let step = Step::new::<Pod>("list", namespace, "").optional();
    let selector = selector.join(",");
    let pods = repeat(deadline, &step, || api.list::<Pod>(namespace, &selector, "")).await;
    pods.ok()
        .and_then(Result::ok)
        .unwrap_or_default()
        .iter()
        .map(PodFacts::from)
        .collect()
}

/// The endpoint slices of a service that is ready; `None` where they cannot be had, and for a service that this plugin did
/// not make, whose pods need not have names.
pub(super) async fn slices_of<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Option<Vec<SliceFacts>> {
    let is_ready = StatefulSetFacts::from(stateful_set).readiness.phase == Phase::Ready;
    if !is_ready || maker(&stateful_set.metadata) != Maker::Us {
        return None;
    }
    let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
    let selector = format!("{SERVICE_NAME_LABEL}={name}");
    let step = Step::new::<EndpointSlice>("list", namespace, "").optional();
    let slices = repeat(deadline, &step, || api.list::<EndpointSlice>(namespace, &selector, "")).await;
    Some(slices.ok()?.ok()?.iter().map(SliceFacts::from).collect())
}

/// The events on some objects of a service.
pub async fn events_of<A: Api>(api: &A, namespace: &str, objects: &[Involved], deadline: Deadline) -> Vec<EventFacts> {
    let step = Step::new::<Event>("list", namespace, "").optional();
    let lists = objects.iter().map(async |Involved { kind, name }| {
        let fields = format!("involvedObject.kind={kind},involvedObject.name={name}");
        let events = repeat(deadline, &step, || api.list::<Event>(namespace, "", &fields)).await;
        events.ok().and_then(Result::ok).unwrap_or_default()
    });
    join_all(lists).await.iter().flatten().map(EventFacts::from).collect()
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
                status.message.push_str(" The last it has written:\n");
                log
            }
            Self::Forbidden => " Its log cannot be read: the account in use lacks the permission to get pods/log.",
            Self::Unreadable => " Its log cannot be read at the moment.",
        };
        status.message.push_str(words);
    }
}

/// Reads the last that a container has written.
pub async fn read_tail<A: Api>(api: &A, namespace: &str, pod: &str, container: &str, deadline: Deadline) -> Tail {
    let step = Step::new::<Pod>("get", namespace, pod).optional();
    match repeat(deadline, &step, || api.log(namespace, pod, container, LOG_LINES)).await {
        Ok(Ok(log)) => {
            let log = log.trim();
            let mut characters = log.char_indices().rev();
            let start = characters.nth(LOG_CHARACTERS - 1).map_or(0, |(index, _)| index);
            Tail::Lines(log[start..].to_owned())
        }
        Ok(Err(Fault::Refused { code: 403, .. })) => Tail::Forbidden,
        Ok(Err(_)) | Err(_) => Tail::Unreadable,
    }
}

/// The state of a service now; where it has failed for the end of a process, with the last that the process has written.
pub(super) async fn last_words<A: Api>(
    api: &A,
    namespace: &str,
    assessment: &Assessment,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Status {
    let now = clock::now();
    let mut status = assessment.at(now, grace_periods);
    if let Some((pod, container)) = assessment.needs_log(now, grace_periods) {
        read_tail(api, namespace, pod, container, deadline)
            .await
            .add_to(&mut status);
    }
    status
}
