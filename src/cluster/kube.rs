//! A cluster, through the Kubernetes client.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use futures::AsyncReadExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{fault, is_gone};
use super::fault::CREDENTIALS;
use super::managed_fields::FIELD_MANAGER;
use super::{Annotation, Api, Changes, Chunk, Deleted, Fault, Kind, Selection, list_watch};

/// How much of a log to read at most: more than a message shows, however long its lines are.
const LOG_BYTES: i64 = 64 * 1024;

/// The kubelet's answer, in place of a log, if it has removed the log already.
const LOG_IS_GONE: &str = "unable to retrieve container logs";

/// The labels of a node's operating system and processor architecture (Kubernetes, *Well-Known Labels*).
const PLATFORM_LABELS: [&str; 2] = ["kubernetes.io/os", "kubernetes.io/arch"];

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

    /// Whether the server starts a container of `restartPolicy: Always` before the others and ends it after them, which
    /// it does from 1.29 on (Kubernetes, *Sidecar Containers*). The answer is remembered. A server that does not say
    /// its version, though it answers, is taken for a new one.
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
        if namespace.is_empty() {
            return kube::Api::all(self.client.clone());
        }
        kube::Api::namespaced(self.client.clone(), namespace)
    }

    async fn delete_if<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        preconditions: Preconditions,
    ) -> Result<Deleted, Fault> {
        let params = DeleteParams::background().preconditions(preconditions);
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
            // A precondition: the object that has this name now is another one, or was changed.
            Err(kube::Error::Api(status)) if status.code == 409 => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
        }
    }

    /// Merges a patch into exactly this version of an object.
    async fn merge<K: Kind>(&self, object: &K, mut patch: Value) -> Result<K, Fault> {
        let metadata = object.meta();
        patch["metadata"]["uid"] = json!(metadata.uid);
        patch["metadata"]["resourceVersion"] = json!(metadata.resource_version);
        self.change(object, &ours(), &Patch::Merge(&patch)).await
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
            // It was changed or is gone, and a manifest with a uid does not create it again.
            Err(kube::Error::Api(status)) if status.code == 409 || is_gone(&status) => Err(Fault::Changed),
            // Another has its name, and no uid can be changed.
            Err(kube::Error::Api(status)) if concerns(&status, "metadata.uid") => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
            Ok(changed) => Ok(changed),
        }
    }
}

/// The parameters of a merge patch of this plugin.
fn ours() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// The object as it is applied: the API server refuses an apply that has managed fields.
fn manifest<K: Kind>(object: &K) -> K {
    let mut manifest = object.clone();
    manifest.meta_mut().managed_fields = None;
    manifest
}

/// Reads at most as much of a log as was asked for. It may be cut off in the middle of a character.
async fn read_log(pods: &kube::Api<Pod>, pod: &str, params: &LogParams) -> Result<String, Fault> {
    let mut log = Vec::new();
    let stream = pods.log_stream(pod, params).await.map_err(fault)?;
    let limit = u64::try_from(LOG_BYTES).unwrap_or_default();
    stream
        .take(limit)
        .read_to_end(&mut log)
        .await
        .map_err(|error| Fault::transient(format!("the log could not be read ({error})")))?;
    Ok(String::from_utf8_lossy(&log).into_owned())
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
            limit_bytes: Some(LOG_BYTES),
            ..LogParams::default()
        };
        let pods = self.of::<Pod>(namespace);
        // Of a container that waits to be started again, this is what its last run has written.
        let log = read_log(&pods, pod, &params).await?;
        if !log.trim().is_empty() && !log.starts_with(LOG_IS_GONE) {
            return Ok(log);
        }
        let params = LogParams {
            previous: true,
            ..params
        };
        let previous = read_log(&pods, pod, &params).await.unwrap_or_default();
        Ok(if previous.starts_with(LOG_IS_GONE) {
            String::new()
        } else {
            previous
        })
    }

    async fn platform_of(&self, node: &str) -> Result<Option<String>, Fault> {
        let node = kube::Api::<Node>::all(self.client.clone())
            .get_metadata(node)
            .await
            .map_err(fault)?;
        let [os, architecture] = PLATFORM_LABELS.map(|label| node.metadata.labels.as_ref()?.get(label));
        Ok(os
            .zip(architecture)
            .map(|(os, architecture)| format!("{os}/{architecture}")))
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
        let preconditions = Preconditions {
            uid: Some(uid.to_owned()),
            ..Preconditions::default()
        };
        self.delete_if::<K>(namespace, name, preconditions).await
    }

    async fn delete_version<K: Kind>(&self, object: &K) -> Result<Deleted, Fault> {
        let metadata = object.meta();
        let preconditions = Preconditions {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        };
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
        self.delete_if::<K>(&namespace, &name, preconditions).await
    }

    async fn annotate<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        annotations: &[Annotation<'_>],
    ) -> Result<(), Fault> {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let patch = json!({"metadata": {"uid": uid, "annotations": annotations}});
        let kind = self.of::<K>(namespace);
        kind.patch(name, &ours(), &Patch::Merge(&patch))
            .await
            .map(|_| ())
            .map_err(|error| match fault(error) {
                // Kubernetes takes the uid of another object for an attempt to change that of this one.
                Fault::Refused { code: 422, message, .. } if message.contains("metadata.uid") => Fault::Changed,
                other => other,
            })
    }

    async fn set_annotations<K: Kind>(&self, object: &K, annotations: &[Annotation<'_>]) -> Result<(), Fault> {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let patch = json!({"metadata": {"annotations": annotations}});
        self.merge(object, patch).await.map(|_| ())
    }

    async fn set_owners<K: Kind>(&self, object: &K, owners: &[OwnerReference]) -> Result<(), Fault> {
        let patch = json!({"metadata": {"ownerReferences": owners}});
        self.merge(object, patch).await.map(|_| ())
    }

    async fn scale(
        &self,
        stateful_set: &StatefulSet,
        replicas: i32,
        annotations: &[Annotation<'_>],
    ) -> Result<StatefulSet, Fault> {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"replicas": replicas}});
        self.merge(stateful_set, patch).await
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.change(object, &params, &Patch::Apply(manifest(object))).await
    }

    async fn preview<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::apply(FIELD_MANAGER).force()
        };
        self.change(object, &params, &Patch::Apply(manifest(object))).await
    }

    async fn note_managers<K: Kind>(&self, object: &K, managers: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        self.merge(object, json!({"metadata": {"managedFields": managers}}))
            .await
    }

    async fn list_chunk<K: Kind>(&self, selection: &Selection, token: Option<&str>) -> Result<Chunk<K>, Fault> {
        list_watch::list_chunk(self.of(&selection.namespace), selection, token).await
    }

    async fn changes<K: Kind>(&self, selection: &Selection, version: &str) -> Result<Changes<K>, Fault> {
        list_watch::changes(self.of(&selection.namespace), selection, version).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_of_a_log_is_read_than_is_asked_for() {
        let endless = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains(&format!("limitBytes={LOG_BYTES}")), "{query}");
            // A server that does not know the limit.
            let line = "ö".repeat(4 * 1024 * 1024).into_bytes();
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::from(line)))
        });
        let api = KubeApi::new(kube::Client::new(endless, "flyte"));
        let log = api.log("flyte", "foo-0", "foo", 5).await.expect("a log");
        assert!(log.len() <= 64 * 1024 && log.starts_with("öö"), "{}", log.len());
    }
}
