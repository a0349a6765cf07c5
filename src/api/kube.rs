//! A cluster, through the Kubernetes client.

use std::fmt::Debug;
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

use super::managed_fields::FIELD_MANAGER;
use super::{Api, Deleted, Fault, Kind};
use crate::secrets::secret_problem;

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
}

impl KubeApi {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self { client }
    }

    /// Whether the server starts a container of `restartPolicy: Always` before the others and ends it after them, which it
    /// does from 1.29 on (Kubernetes, *Sidecar Containers*). One that does not say its version is taken for a new one.
    pub async fn has_native_sidecars(&self) -> bool {
        let Ok(version) = self.client.apiserver_version().await else {
            return true;
        };
        let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
        number(&version.major)
            .zip(number(&version.minor))
            .is_none_or(|version| version >= (1, 29))
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
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(Fault::Changed),
            // Another has its name, and no uid can be changed.
            Err(kube::Error::Api(status)) if concerns(&status, "metadata.uid") => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
            Ok(changed) => Ok(changed),
        }
    }

    /// Deletes the object of a name if it is the one that the preconditions mean.
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
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Deleted::Gone),
            // A precondition: the object that has this name now is another one, or was changed.
            Err(kube::Error::Api(status)) if status.code == 409 => Err(Fault::Changed),
            Err(error) => Err(fault(error)),
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
        self.of::<K>(namespace).get_opt(name).await.map_err(fault)
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
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        self.delete_if::<K>(namespace.unwrap_or_default(), name.unwrap_or_default(), preconditions)
            .await
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

    async fn annotate_version<K: Kind>(&self, object: &K, key: &str, value: &str) -> Result<(), Fault> {
        let metadata = object.meta();
        let patch = json!({"metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "annotations": {key: value},
        }});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.change(object, &params, &Patch::Merge(&patch)).await.map(|_| ())
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
    let secret = secret_problem(&error);
    match error {
        kube::Error::Api(status) => from_status(*status),
        // A credential that cannot be had or a request that cannot be built stays so, however often it is repeated.
        kube::Error::Auth(_) => Fault::Refused {
            code: 401,
            reason: "Unauthorized".to_owned(),
            message: format!(
                "the credentials of the cluster's configuration cannot be used: {}",
                secret.unwrap_or_default()
            ),
        },
        kube::Error::BuildRequest(source) => Fault::Refused {
            code: 400,
            reason: "BadRequest".to_owned(),
            message: source.to_string(),
        },
        other => Fault::transient(format!(
            "the API server could not be reached ({}).",
            secret.unwrap_or_else(|| innermost(&other))
        )),
    }
}

fn from_status(status: kube::core::Status) -> Fault {
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Fault::AlreadyExists,
        // 409: two writers met at something that the request needs, such as a quota, and the next try gets through.
        // 429 and 5xx: Kubernetes API conventions, "HTTP Status codes"; 408 comes from proxies in front of it. A token that
        // has expired (401) is had anew within a minute.
        (401 | 408 | 409 | 429 | 500..=599, _) => Fault::Transient {
            retry_after: status
                .details
                .as_ref()
                .filter(|details| details.retry_after_seconds > 0)
                .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds))),
            message: format!("the API server answered {} ({})", status.code, status.message),
        },
        (code, _) => Fault::Refused {
            code,
            reason: status.reason,
            message: status.message,
        },
    }
}

/// The innermost cause of an error, which is the one that says what happened.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_api_server_is_worth_another_try_and_a_refusal_is_not() {
        for code in [401, 408, 429, 500, 503, 504] {
            let fault = from_status(Status::failure("busy", "").with_code(code));
            assert!(matches!(fault, Fault::Transient { .. }), "{code}");
        }
        for code in [400, 403, 404, 422] {
            let fault = from_status(Status::failure("no", "").with_code(code));
            assert!(matches!(fault, Fault::Refused { .. }), "{code}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_told_from_writers_that_met() {
        let fault = |reason| from_status(Status::failure("x", reason).with_code(409));
        assert!(matches!(fault("AlreadyExists"), Fault::AlreadyExists));
        assert!(matches!(fault("Conflict"), Fault::Transient { .. }));
    }
}
