//! What the node reports of a pod to the API server.

use std::sync::PoisonError;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::Worker;
use crate::actual_ports;

/// How soon to try again, and at most.
const RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(10);

impl Worker {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.shared.client.clone(), &self.pod.namespace().unwrap_or_default())
    }

    fn status(&self) -> PodStatus {
        let pod = self.seen.borrow().pod.clone();
        self.read(|state| state.status(&pod, self.shared.clock.now()))
    }

    /// Writes the status of the pod whenever it has changed.
    pub(super) async fn report(&self) {
        let mut seen = self.seen.clone();
        let mut written = None;
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                // Another may have opened a readiness gate.
                Ok(()) = seen.changed() => {}
            }
            let mut pause = RETRY;
            loop {
                if self.is_to_be_rejected() {
                    break;
                }
                let status = self.status();
                if written.as_ref() == Some(&status) || self.seen.borrow().is_gone {
                    break;
                }
                match self.write(&status).await {
                    Ok(()) => {
                        self.note_reported(&status);
                        written = Some(status);
                    }
                    // Somebody else's pod has that name, or none.
                    Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => break,
                    Err(error) => {
                        tracing::debug!("the status of local pod {} is not written: {error}", self.words());
                        tokio::time::sleep(pause).await;
                        pause = (2 * pause).min(LAST_RETRY);
                    }
                }
            }
        }
    }

    fn note_reported(&self, status: &PodStatus) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reported = status.conditions.clone().unwrap_or_default();
    }

    /// Tells others at which ports the pod answers.
    pub(super) async fn publish_ports(&self) -> Result<(), kube::Error> {
        if self.place.ports.is_empty() {
            return Ok(());
        }
        let annotations = actual_ports::annotations(&self.place.ports);
        let patch = Patch::Merge(json!({"metadata": {"uid": self.uid, "annotations": annotations}}));
        let name = self.pod.name_any();
        self.pods()
            .patch(&name, &PatchParams::default(), &patch)
            .await
            .map(drop)
    }

    async fn write(&self, status: &PodStatus) -> Result<(), kube::Error> {
        let patch = Patch::Merge(json!({"metadata": {"uid": self.uid}, "status": status}));
        let name = self.pod.name_any();
        self.pods()
            .patch_status(&name, &PatchParams::default(), &patch)
            .await
            .map(drop)
    }

    /// Reports the end of the pod, and removes it: its processes are gone.
    pub(super) async fn remove(&self) {
        if self.seen.borrow().is_gone {
            return;
        }
        if let Err(error) = self.write(&self.status()).await {
            tracing::debug!("the last status of local pod {} is not written: {error}", self.words());
        }
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: Some(self.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let mut pause = RETRY;
        loop {
            match self.pods().delete(&self.pod.name_any(), &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => return,
                Err(error) => tracing::debug!("local pod {} is not removed: {error}", self.words()),
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_RETRY);
        }
    }
}
