//! The events that controllers write.

mod correlator;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;

use correlator::{Correlator, Saying, Writing};

/// Whether an event reports a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Warning,
}

/// Writes events about objects. An event that cannot be written is lost, as in Kubernetes.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    correlator: Correlator,
    /// How many events were written: two of one object at one time need two names.
    number: i128,
}

impl Recorder {
    /// Writes an event of a controller.
    pub(super) async fn record<K: Resource<DynamicType = ()>>(
        &mut self,
        (client, now): (&Client, Timestamp),
        component: &'static str,
        about: &K,
        (kind, reason, message): (Kind, &str, String),
    ) {
        let saying = Saying {
            uid: about.meta().uid.clone().unwrap_or_default(),
            component,
            type_: name_of(kind),
            reason: reason.to_owned(),
            message,
        };
        let Some((writing, key)) = self.correlator.writing(&saying, now) else {
            return;
        };
        let events: Api<Event> =
            Api::namespaced(client.clone(), about.meta().namespace.as_deref().unwrap_or("default"));
        let message = match writing {
            Writing::Again { name, count, message } => {
                let patch = json!({"count": count, "lastTimestamp": Time(now), "message": message});
                let result = events.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
                match result {
                    Err(kube::Error::Api(status)) if status.is_not_found() => message,
                    result => return report(result),
                }
            }
            Writing::New { message } => message,
        };
        self.correlator.forget(&key);
        let mut event = self.new_event(about, now, kind, reason, message);
        event.count = Some(1);
        event.first_timestamp = Some(Time(now));
        event.last_timestamp = Some(Time(now));
        event.reporting_component = Some(component.to_owned());
        event.source = Some(EventSource {
            component: Some(component.to_owned()),
            host: None,
        });
        let name = event.metadata.name.clone().unwrap_or_default();
        let result = events.create(&PostParams::default(), &event).await;
        if result.is_ok() {
            self.correlator.wrote(key, name);
        }
        report(result);
    }

    /// Writes an event with an action, as the scheduler does: it has a time and no count.
    pub(super) async fn record_action<K: Resource<DynamicType = ()>>(
        &mut self,
        (client, now): (&Client, Timestamp),
        component: &'static str,
        about: &K,
        action: &str,
        (kind, reason, message): (Kind, &str, String),
    ) {
        let mut event = self.new_event(about, now, kind, reason, message);
        event.action = Some(action.to_owned());
        event.event_time = Some(MicroTime(now));
        event.reporting_component = Some(component.to_owned());
        event.reporting_instance = Some(format!("{component}-local"));
        report(api(client, about).create(&PostParams::default(), &event).await);
    }

    fn new_event<K: Resource<DynamicType = ()>>(
        &mut self,
        about: &K,
        now: Timestamp,
        kind: Kind,
        reason: &str,
        message: String,
    ) -> Event {
        self.number += 1;
        let of = about.meta();
        let name = of.name.as_deref().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}", now.as_nanosecond() + self.number)),
                namespace: of.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::kind(&()).into_owned()),
                namespace: of.namespace.clone(),
                name: of.name.clone(),
                uid: of.uid.clone(),
                resource_version: of.resource_version.clone(),
                field_path: None,
            },
            reason: Some(reason.to_owned()),
            message: Some(message),
            type_: Some(name_of(kind).to_owned()),
            ..Event::default()
        }
    }
}

/// The requests about events of an object.
fn api<K: Resource<DynamicType = ()>>(client: &Client, about: &K) -> Api<Event> {
    Api::namespaced(client.clone(), about.meta().namespace.as_deref().unwrap_or("default"))
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "Normal",
        Kind::Warning => "Warning",
    }
}

fn report<T>(result: Result<T, kube::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "an event could not be written");
    }
}
