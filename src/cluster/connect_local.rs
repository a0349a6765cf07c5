//! Which local cluster a call is for: that of this process, or of another one which has the service.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::connect::{Clusters, Connection, KnownClusters};
use super::key::Key;
use super::local::{is_local, named_socket, unsupported, unusable};
use super::{Api, LocalClusters};
use crate::error::{Error, Result};

impl Clusters {
    /// Connects to the cluster that has a service, as [`Self::connect`] does. In local mode that is the cluster of this
    /// process, or of another process of this user if only that one has a service of the name; nothing is started.
    ///
    /// # Errors
    /// As [`Self::connect`], and [`Error::Cluster`] in local mode if no process has a cluster.
    pub async fn connect_to(&self, cluster: Option<&str>, namespace: &str, name: &str) -> Result<Connection> {
        if !is_local()? {
            return self.connect(cluster).await;
        }
        let mut all = self.running().await?;
        if all.len() > 1 && !name.is_empty() {
            for candidate in &all {
                // One whose process ends at this moment does not have it any more.
                let found = candidate.api.read::<StatefulSet>(namespace, name).await;
                if matches!(found, Ok(Some(_))) {
                    return Ok(candidate.clone());
                }
            }
        }
        if all.is_empty() {
            return Err(Error::Cluster {
                problem: "No data service runs on this machine: no process has a local cluster. Services end with the \
                          process that starts them."
                    .to_owned(),
            });
        }
        Ok(all.swap_remove(0))
    }

    /// Connects to the cluster that has a service, to change or delete it there, as [`Self::connect_to`] does. A
    /// process that has a local cluster changes nothing in those of others, which may have a service of the same name.
    ///
    /// # Errors
    /// As [`Self::connect_to`].
    pub async fn connect_to_change(&self, cluster: Option<&str>, namespace: &str, name: &str) -> Result<Connection> {
        if is_local()? && self.known.own_local().is_some() {
            return self.connect(cluster).await;
        }
        self.connect_to(cluster, namespace, name).await
    }

    /// Connects to every cluster in which this user's services may be: in local mode those of all processes, and none
    /// if there is none.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_to_all(&self, cluster: Option<&str>) -> Result<Vec<Connection>> {
        if is_local()? {
            return self.running().await;
        }
        Ok(vec![self.connect(cluster).await?])
    }

    /// The local clusters that run, that of this process first.
    async fn running(&self) -> Result<Vec<Connection>> {
        let known = Arc::clone(&self.known);
        let running = tokio::task::spawn_blocking(move || known.running());
        running.await.unwrap_or_else(|error| {
            Err(Error::Bug {
                words: error.to_string(),
            })
        })
    }
}

impl KnownClusters {
    /// The key of the local cluster that this process uses, if it uses one already.
    pub(super) fn own_local(&self) -> Option<Key> {
        let socket = named_socket().or_else(|| self.local.as_ref()?.own())?;
        Some(Key::of_local(socket))
    }

    /// Connects to the local cluster of this process, and starts it unless it runs.
    pub(super) fn start_local(&self) -> Result<Connection> {
        let key = match named_socket() {
            Some(socket) => Key::of_local(socket),
            None => Key::of_local(self.local()?.start().map_err(|problem| unusable(&problem))?),
        };
        self.find_or_make(key)
    }

    fn running(&self) -> Result<Vec<Connection>> {
        let own = self.own_local();
        let others = match named_socket() {
            Some(_) => Vec::new(),
            None => self.local()?.others().map_err(|problem| unusable(&problem))?,
        };
        let all = own.into_iter().chain(others.into_iter().map(Key::of_local));
        all.map(|key| self.find_or_make(key)).collect()
    }

    fn local(&self) -> Result<&Arc<dyn LocalClusters>> {
        self.local.as_ref().ok_or_else(unsupported)
    }
}
