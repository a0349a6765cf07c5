//! The Event that keeps why a service has failed, so that the answer outlives the service and the process that gave it.
//!
//! Kubernetes deletes Events by itself, by default an hour after they were written, so that nothing
//! has to clean them up. `kubectl describe` and `kubectl get events` show them.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault, server_time};
use crate::error::{Error, Result};
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL, VERDICT_ANNOTATION};
use crate::status::diagnosis::Cause;
use crate::status::{Phase, Pod, Status};

/// The source of the Event, as `kubectl` shows it.
const COMPONENT: &str = "k8sdataservice";

/// The result of an attempt to record a verdict.
pub(super) enum Recorded {
    /// It is recorded.
    Written,
    /// The same version of the service was judged before, and that verdict counts.
    Before(Status),
    /// The cluster does not allow it, for this reason.
    Refused(Error),
}

/// A [`Status`] as the Event's annotation holds it. The message is the Event's own.
#[derive(Serialize, Deserialize)]
struct Record {
    phase: String,
    reason: String,
    ready: i32,
    wanted: Option<i32>,
    pods: Vec<RecordedPod>,
}

#[derive(Serialize, Deserialize)]
struct RecordedPod {
    name: String,
    container: String,
    created: Option<String>,
}

/// Records why this version of a service has failed.
///
/// The name of the Event has the uid and the resource version of the `StatefulSet`, so that of several processes that
/// judge the same version one is first, and a service that recovered and failed again has another verdict.
///
/// # Errors
/// [`Error::Unavailable`] at the deadline.
pub(super) async fn record<A: Api>(
    api: &A,
    stateful_set: &StatefulSet,
    status: &Status,
    deadline: Deadline,
) -> Result<Recorded> {
    let event = event(stateful_set, status);
    let metadata = &stateful_set.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    // A role of an earlier version does not allow it.
    let creating = Step::new::<Event>("create", namespace, event.metadata.name.as_deref().unwrap_or_default());
    let creating = creating.optional();
    match retry(deadline, &creating, || api.create(&event)).await? {
        Ok(_) => Ok(Recorded::Written),
        Err(Fault::AlreadyExists) => {
            let before = recall(api, namespace, name, metadata.uid.as_deref(), deadline).await?;
            Ok(before.map_or(Recorded::Written, Recorded::Before))
        }
        Err(fault) => Ok(Recorded::Refused(creating.failed(fault))),
    }
}

/// The last verdict on the service with this uid, if one is recorded and may be read; without a uid, on any service of
/// this name.
///
/// # Errors
/// [`Error::Unavailable`] at the deadline.
pub(super) async fn recall<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    deadline: Deadline,
) -> Result<Option<Status>> {
    let listing = Step::new::<Event>("list", namespace, "").optional();
    let of_one = uid.map(|uid| format!(",involvedObject.uid={uid}")).unwrap_or_default();
    let fields = format!("involvedObject.kind=StatefulSet,involvedObject.name={name}{of_one},type=Warning");
    let events = match retry(deadline, &listing, || api.list::<Event>(namespace, "", &fields)).await? {
        Ok(events) => events,
        Err(fault) => {
            listing.swallow("an earlier verdict is not looked for", &fault);
            return Ok(None);
        }
    };
    // The service was deleted at the last version that was judged, if for a verdict at all.
    let verdicts = events.iter().filter_map(|event| Some((version(event), status(event)?)));
    Ok(verdicts.max_by_key(|(version, _)| *version).map(|(_, status)| status))
}

fn event(stateful_set: &StatefulSet, status: &Status) -> Event {
    let metadata = &stateful_set.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (name, uid, version) = (
        text(&metadata.name),
        text(&metadata.uid),
        text(&metadata.resource_version),
    );
    let record = Record {
        phase: status.phase.as_str().to_owned(),
        reason: status.reason.to_owned(),
        ready: status.ready,
        wanted: status.wanted,
        pods: status.pods.iter().map(RecordedPod::from).collect(),
    };
    // Nothing in it can fail to be written.
    let record = serde_json::to_string(&record).unwrap_or_default();
    let now = Some(Time(server_time::now()));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{uid}.{version}")),
            namespace: metadata.namespace.clone(),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into()),
            annotations: Some([(VERDICT_ANNOTATION.to_owned(), record)].into()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("StatefulSet".to_owned()),
            namespace: metadata.namespace.clone(),
            name: Some(name),
            uid: Some(uid),
            resource_version: Some(version),
            ..ObjectReference::default()
        },
        reason: Some(status.reason.to_owned()),
        message: Some(status.message.clone()),
        type_: Some("Warning".to_owned()),
        source: Some(EventSource {
            component: Some(COMPONENT.to_owned()),
            ..EventSource::default()
        }),
        first_timestamp: now.clone(),
        last_timestamp: now,
        count: Some(1),
        ..Event::default()
    }
}

fn version(event: &Event) -> u64 {
    let version = event.involved_object.resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// The verdict that an Event records, if it is one of ours.
fn status(event: &Event) -> Option<Status> {
    let annotations = event.metadata.annotations.as_ref()?;
    let record: Record = serde_json::from_str(annotations.get(VERDICT_ANNOTATION)?).ok()?;
    let phases = [Phase::Failed, Phase::RetryableFailed];
    Some(Status {
        phase: phases.into_iter().find(|phase| phase.as_str() == record.phase)?,
        reason: Cause::named(&record.reason).map_or("Failed", Cause::reason),
        message: event.message.clone()?,
        ready: record.ready,
        wanted: record.wanted,
        pods: record.pods.iter().map(Pod::from).collect(),
        endpoints: [].into(),
    })
}

impl From<&Pod> for RecordedPod {
    fn from(pod: &Pod) -> Self {
        Self {
            name: pod.name.clone(),
            container: pod.container.clone(),
            created: pod.created.as_ref().map(Timestamp::to_string),
        }
    }
}

impl From<&RecordedPod> for Pod {
    fn from(pod: &RecordedPod) -> Self {
        Self {
            name: pod.name.clone(),
            container: pod.container.clone(),
            created: pod.created.as_ref().and_then(|created| created.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_back_as_it_was_written() {
        let stateful_set = StatefulSet {
            metadata: ObjectMeta {
                name: Some("foo".to_owned()),
                namespace: Some("flyte".to_owned()),
                uid: Some("u".to_owned()),
                resource_version: Some("12".to_owned()),
                ..ObjectMeta::default()
            },
            ..StatefulSet::default()
        };
        let verdict = Status {
            phase: Phase::RetryableFailed,
            reason: Cause::RegistryUnreachable.reason(),
            message: "The registry cannot be reached.\nlast line".to_owned(),
            ready: 1,
            wanted: Some(2),
            pods: [Pod {
                name: "foo-0".to_owned(),
                container: "foo".to_owned(),
                created: "2026-01-02T03:04:05Z".parse().ok(),
            }]
            .into(),
            endpoints: [].into(),
        };
        let event = event(&stateful_set, &verdict);
        assert_eq!(event.metadata.name.as_deref(), Some("foo.u.12"));
        assert_eq!(version(&event), 12);
        assert_eq!(status(&event), Some(verdict));
    }

    #[test]
    fn an_event_of_kubernetes_is_no_verdict() {
        assert_eq!(status(&Event::default()), None);
    }
}
