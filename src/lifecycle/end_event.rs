//! The Event that records when and why a service has ended, for everybody who looks for the service later.
//!
//! Kubernetes deletes Events by itself, by default an hour after they were written.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault};
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL, RECEIPT_ANNOTATION};

/// The source of the Event, as `kubectl` shows it.
const COMPONENT: &str = "k8sdataservice";

/// The reason of the Event, which selects it.
pub(super) const REASON: &str = "DataServiceEnded";

/// Records that a service has ended. A failure is logged, and matters to nobody else.
///
/// # Arguments
/// `message` is a sentence for people, and `receipt` the same for programs, as JSON.
pub async fn record_end<A: Api>(
    api: &A,
    stateful_set: &StatefulSet,
    (message, receipt): (&str, String),
    at: Timestamp,
    deadline: Deadline,
) {
    let event = event(stateful_set, message, receipt, at);
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let name = event.metadata.name.clone().unwrap_or_default();
    let creating = Step::new::<Event>("create", &namespace, &name).optional();
    match retry(deadline, &creating, || api.create(&event)).await {
        // Two processes have ended the same service, and the first one has recorded it.
        Ok(Ok(_) | Err(Fault::AlreadyExists)) => {}
        Ok(Err(fault)) => creating.swallow("the end of a service is not recorded", &fault),
        Err(error) => creating.swallow("the end of a service is not recorded", &error),
    }
}

/// The sentence that records the end of the last service of a name, if there is one and it may be read.
pub(super) async fn recall_end<A: Api>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Option<String> {
    let listing = Step::new::<Event>("list", namespace, "").optional();
    let fields = format!("involvedObject.kind=StatefulSet,involvedObject.name={name},reason={REASON}");
    let events = retry(deadline, &listing, || api.list::<Event>(namespace, "", &fields))
        .await
        .ok()?
        .ok()?;
    let ours = events
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some(REASON));
    let last = ours.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?;
    last.message
}

fn event(stateful_set: &StatefulSet, message: &str, receipt: String, at: Timestamp) -> Event {
    let metadata = &stateful_set.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (name, uid) = (text(&metadata.name), text(&metadata.uid));
    let now = Some(Time(at));
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{uid}.ended")),
            namespace: metadata.namespace.clone(),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into()),
            annotations: Some([(RECEIPT_ANNOTATION.to_owned(), receipt)].into()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("StatefulSet".to_owned()),
            namespace: metadata.namespace.clone(),
            name: Some(name),
            uid: Some(uid),
            ..ObjectReference::default()
        },
        reason: Some(REASON.to_owned()),
        message: Some(message.to_owned()),
        type_: Some("Normal".to_owned()),
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
