//! Events on pods, as the kubelet reports them.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;

use crate::clock::Clock;

const COMPONENT: &str = "kubelet";

/// What an event reports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Report {
    uid: String,
    /// The container that it is about.
    field: Option<String>,
    is_warning: bool,
    reason: &'static str,
    message: String,
}

enum Entry {
    Report { pod: Box<ObjectReference>, report: Report },
    Forget(String),
}

/// Sends events in their order, without anybody waiting for it.
#[derive(Debug, Clone)]
pub(super) struct Recorder(mpsc::UnboundedSender<Entry>);

impl Recorder {
    /// A recorder, and what sends its events until the last recorder is dropped.
    pub(super) fn new(client: Client, clock: Clock, node: String) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sent = Sender {
            client,
            clock,
            node,
            known: HashMap::new(),
            count: 0,
        };
        (Self(sender), sent.run(receiver))
    }

    pub(super) fn normal(&self, pod: &Pod, container: Option<&str>, reason: &'static str, message: impl Into<String>) {
        self.record(pod, container, false, reason, message.into());
    }

    pub(super) fn warning(&self, pod: &Pod, container: Option<&str>, reason: &'static str, message: impl Into<String>) {
        self.record(pod, container, true, reason, message.into());
    }

    fn record(&self, pod: &Pod, container: Option<&str>, is_warning: bool, reason: &'static str, message: String) {
        let field = container.map(|container| field(pod, container));
        let report = Report {
            uid: pod.uid().unwrap_or_default(),
            field: field.clone(),
            is_warning,
            reason,
            message,
        };
        let pod = Box::new(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            resource_version: pod.metadata.resource_version.clone(),
            field_path: field,
        });
        // There is nobody to report to once the node stops.
        let _ = self.0.send(Entry::Report { pod, report });
    }

    /// Forgets the events of a pod that is gone.
    pub(super) fn forget(&self, uid: &str) {
        let _ = self.0.send(Entry::Forget(uid.to_owned()));
    }
}

fn field(pod: &Pod, container: &str) -> String {
    let mut init = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let list = if init.any(|other| other.name == container) {
        "initContainers"
    } else {
        "containers"
    };
    format!("spec.{list}{{{container}}}")
}

struct Sender {
    client: Client,
    clock: Clock,
    node: String,
    /// The names of events, and how often each was reported.
    known: HashMap<Report, (String, i32)>,
    count: u64,
}

impl Sender {
    async fn run(mut self, mut entries: mpsc::UnboundedReceiver<Entry>) {
        while let Some(entry) = entries.recv().await {
            match entry {
                Entry::Forget(uid) => self.known.retain(|report, _| report.uid != uid),
                Entry::Report { pod, report } => {
                    if let Err(error) = self.send(*pod, report).await {
                        tracing::debug!("an event of the local node is lost: {error}");
                    }
                }
            }
        }
    }

    async fn send(&mut self, pod: ObjectReference, report: Report) -> Result<(), kube::Error> {
        let events = Api::<Event>::namespaced(self.client.clone(), pod.namespace.as_deref().unwrap_or_default());
        let now = Some(Time(self.clock.now()));
        if let Some((name, count)) = self.known.get_mut(&report) {
            *count += 1;
            let patch = json!({"count": *count, "lastTimestamp": now});
            match events.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
                // The API server forgets events after a while.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                answer => return answer.map(drop),
            }
        }
        self.count += 1;
        let moment = self.clock.now().as_nanosecond() + i128::from(self.count);
        let name = format!("{}.{moment:x}", pod.name.as_deref().unwrap_or_default());
        let mut event = Event {
            count: Some(1),
            first_timestamp: now.clone(),
            involved_object: pod,
            last_timestamp: now,
            message: Some(report.message.clone()),
            reason: Some(report.reason.to_owned()),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(self.node.clone()),
            source: Some(EventSource {
                component: Some(COMPONENT.to_owned()),
                host: Some(self.node.clone()),
            }),
            type_: Some(if report.is_warning { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        };
        event.metadata.name = Some(name.clone());
        event.metadata.namespace = event.involved_object.namespace.clone();
        events.create(&PostParams::default(), &event).await?;
        self.known.insert(report, (name, 1));
        Ok(())
    }
}
