//! The folders of claims, which go with them.

use std::path::PathBuf;
use std::pin::pin;

use futures::StreamExt;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_objects};
use kube::{Api, Client, ResourceExt};

use super::volumes::of_claim;

/// Removes the folder of each claim that is deleted. Claims of another run are not: they are found again by their
/// names.
pub(super) async fn remove_deleted(client: Client, claims: PathBuf) {
    let api = Api::<PersistentVolumeClaim>::all(client);
    let mut events = pin!(watch_objects(api, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        let claim = match event {
            Ok(Event::Delete(claim)) => claim,
            Ok(_) => continue,
            Err(error) => {
                tracing::debug!("the local node cannot watch claims: {error}");
                continue;
            }
        };
        let folder = of_claim(&claims, &claim.namespace().unwrap_or_default(), &claim.name_any());
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!("the folder {} of a claim cannot be removed: {error}", folder.display());
            }
            _ => {}
        }
    }
}
