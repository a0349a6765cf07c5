//! A cluster, through the Kubernetes client.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use backon::ExponentialBuilder;
use futures::{Stream, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, ExponentialBackoff};

use serde::Serialize;
use serde_json::json;

use super::answer::{from_status, is_gone};
use super::fault::CREDENTIALS;
use super::managed_fields::FIELD_MANAGER;
use super::unreachable::unreachable;
use super::{Api, Deleted, Fault, Kind};

/// How long one request to watch lasts, in seconds. A connection that broke without a word is noticed soon after.
const WATCH_SECONDS: u32 = 60;

/// How many objects to list at a time. What a list of many takes in memory while it is read, the process keeps.
const PAGE: u32 = 100;

/// What the kubelet answers, as if it were a log, where it has removed the log already.
const LOG_IS_GONE: &str = "unable to retrieve container logs";

/// A cluster, through the Kubernetes client.
#[derive(Clone)]
pub struct KubeApi {
    pub(super) client: kube::Client,
    native_sidecars: Arc<OnceLock<bool>>,
}

impl KubeApi {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            native_sidecars: Arc::default(),
        }
    }

    /// Whether the server starts a container of `restartPolicy: Always` before the others and ends it after them, which it
    /// does from 1.29 on (Kubernetes, *Sidecar Containers*). The answer is remembered. A server that does not say its
    /// version, though it answers, is taken for a new one.
    ///
    /// # Errors
    /// A fault that may pass: a wrong guess would make a service that never starts.
    pub async fn has_native_sidecars(&self) -> Result<bool, Fault> {
        if let Some(known) = self.native_sidecars.get() {
            return Ok(*known);
        }
        let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
        let native = match self.client.apiserver_version().await.map_err(fault) {
            Ok(version) => number(&version.major)
                .zip(number(&version.minor))
                .is_none_or(|version| version >= (1, 29)),
            Err(Fault::Refused { reason, .. }) if reason != CREDENTIALS => true,
            Err(fault) => return Err(fault),
        };
        Ok(*self.native_sidecars.get_or_init(|| native))
    }

    fn of<K: Kind>(&self, namespace: &str) -> kube::Api<K> {
        kube::Api::namespaced(self.client.clone(), namespace)
    }

    /// Patches exactly this version of an object.
    async fn change<K: Kind, P: Serialize + Debug + Sync>(
        &self,
        object: &K,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, Fault> {
        let metadata = object.meta();
        let kind = self.of::<K>(metadata.namespace.as_deref().unwrap_or_default());
        let name = metadata.name.as_deref().unwrap_or_default();
        match kind.patch(name, params, patch).await {
            // It was changed or is gone, and is not made anew for a manifest that has a uid.
            Err(kube::Error::Api(status)) if status.code == 409 || is_gone(&status) => Err(Fault::Changed),
            // Another has its name, and no uid can be changed.
            Err(kube::Error::Api(status)) if concerns(&status, "metadata.uid") => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
            Ok(changed) => Ok(changed),
        }
    }
}

/// Whether the API server refuses a field.
fn concerns(status: &Status, field: &str) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.field == field)
}

impl Api for KubeApi {
    async fn read<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, Fault> {
        match self.of::<K>(namespace).get(name).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if is_gone(&status) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    async fn list<K: Kind>(&self, namespace: &str, labels: &str, fields: &str) -> Result<Vec<K>, Fault> {
        let params = ListParams::default().labels(labels).fields(fields);
        let list = self.of::<K>(namespace).list(&params).await.map_err(fault)?;
        Ok(list.items)
    }

    async fn log(&self, namespace: &str, pod: &str, container: &str, lines: i64) -> Result<String, Fault> {
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines),
            ..LogParams::default()
        };
        let pods = self.of::<Pod>(namespace);
        // Of a container that waits to be started again, this is what its last run has written.
        let log = pods.logs(pod, &params).await.map_err(fault)?;
        if !log.trim().is_empty() && !log.starts_with(LOG_IS_GONE) {
            return Ok(log);
        }
        let params = LogParams {
            previous: true,
            ..params
        };
        let previous = pods.logs(pod, &params).await.unwrap_or_default();
        Ok(if previous.starts_with(LOG_IS_GONE) {
            String::new()
        } else {
            previous
        })
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        self.of::<K>(&namespace).create(&params, object).await.map_err(fault)
    }

    async fn delete<K: Kind>(&self, namespace: &str, name: &str, uid: &str) -> Result<Deleted, Fault> {
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(uid.to_owned()),
            ..Preconditions::default()
        });
        match self.of::<K>(namespace).delete(name, &params).await {
            Ok(answer) => {
                // The object comes back only while a finalizer holds it; otherwise a status says that it is gone.
                let held = answer.left().is_some_and(|object| {
                    object
                        .meta()
                        .finalizers
                        .as_ref()
                        .is_some_and(|finalizers| !finalizers.is_empty())
                });
                Ok(if held { Deleted::Terminating } else { Deleted::Gone })
            }
            Err(kube::Error::Api(status)) if is_gone(&status) => Ok(Deleted::Gone),
            // The precondition: the object that has this name now is another one.
            Err(kube::Error::Api(status)) if status.code == 409 => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
        }
    }

    async fn annotate<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        key: &str,
        value: &str,
    ) -> Result<(), Fault> {
        let patch = json!({"metadata": {"uid": uid, "annotations": {key: value}}});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let kind = self.of::<K>(namespace);
        kind.patch(name, &params, &Patch::Merge(&patch))
            .await
            .map(|_| ())
            .map_err(|error| match fault(error) {
                // Kubernetes takes the uid of another object for an attempt to change that of this one.
                Fault::Refused { code: 422, message, .. } if message.contains("metadata.uid") => Fault::Changed,
                other => other,
            })
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let mut manifest = object.clone();
        // An apply that brings its own is refused.
        manifest.meta_mut().managed_fields = None;
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.change(object, &params, &Patch::Apply(&manifest)).await
    }

    async fn note_managers<K: Kind>(&self, object: &K, managers: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        let metadata = object.meta();
        let patch = json!({"metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "managedFields": managers,
        }});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.change(object, &params, &Patch::Merge(&patch)).await
    }

    fn watch<K: Kind>(&self, namespace: &str, selector: &str) -> impl Stream<Item = Result<Event<K>, Fault>> + Send {
        let config = watcher::Config::default()
            .labels(selector)
            .timeout(WATCH_SECONDS)
            .page_size(PAGE);
        let pause = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_jitter();
        watcher::watcher(self.of::<K>(namespace), config)
            .backoff(ExponentialBackoff::from(pause.without_max_times()))
            .map_err(watch_fault)
    }
}

fn watch_fault(error: watcher::Error) -> Fault {
    match error {
        watcher::Error::InitialListFailed(source)
        | watcher::Error::WatchStartFailed(source)
        | watcher::Error::WatchFailed(source) => fault(source),
        // Such as 410, "too old": the stream lists anew.
        watcher::Error::WatchError(status) => Fault::transient(status.message),
        watcher::Error::NoResourceVersion => Fault::transient(error.to_string()),
    }
}

/// Sorts an error of the client by what it means for the caller.
pub(super) fn fault(error: kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) => from_status(*status),
        other => unreachable(&other),
    }
}
