//! Connecting inside a call's deadline.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::cluster::{Clusters, Connection};
use crate::error::{Error, ObjectReference, Result};
use crate::lifecycle::{Deadline, native_sidecars};

/// A login that took less did not keep anybody waiting.
const MOMENT: Duration = Duration::from_millis(100);

/// The purpose of a call, as errors name it, and its timeout.
pub(super) struct Call<'a> {
    pub(super) verb: &'static str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) timeout: Duration,
}

impl Call<'_> {
    /// Connects to the cluster that has the service, and returns the deadline of the rest of the call.
    pub(super) async fn connect(&self, clusters: &Clusters, cluster: Option<&str>) -> Result<(Connection, Deadline)> {
        self.await_connection(clusters.connect_to(cluster, self.namespace, self.name))
            .await
    }

    /// Connects to the cluster in which a service is to be changed or deleted, and returns the deadline of the rest of
    /// the call.
    pub(super) async fn connect_to_change(
        &self,
        clusters: &Clusters,
        cluster: Option<&str>,
    ) -> Result<(Connection, Deadline)> {
        self.await_connection(clusters.connect_to_change(cluster, self.namespace, self.name))
            .await
    }

    /// Connects to the cluster in which a service is to be created, and returns the deadline of the rest of the call.
    pub(super) async fn connect_to_create(
        &self,
        clusters: &Clusters,
        cluster: Option<&str>,
    ) -> Result<(Connection, Deadline)> {
        self.await_connection(clusters.connect(cluster)).await
    }

    /// Connects to every cluster in which services may be, and returns the deadline of the rest of the call.
    pub(super) async fn connect_to_all(
        &self,
        clusters: &Clusters,
        cluster: Option<&str>,
    ) -> Result<(Vec<Connection>, Deadline)> {
        let deadline = Deadline::after(self.timeout);
        let connecting = clusters.connect_to_all(cluster);
        let all = timeout(self.timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(self.unread()))?;
        let begun = Instant::now();
        for connection in &all {
            connection.log_in().await;
        }
        Ok((all, self.without_login(deadline, begun)))
    }

    /// A person may take time to log in at a terminal; everything else, such as a file server that does not answer, has
    /// the time of the call.
    async fn await_connection(
        &self,
        connecting: impl Future<Output = Result<Connection>>,
    ) -> Result<(Connection, Deadline)> {
        let deadline = Deadline::after(self.timeout);
        let connection = timeout(self.timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(self.unread()))?;
        let begun = Instant::now();
        connection.log_in().await;
        Ok((connection, self.without_login(deadline, begun)))
    }

    /// The deadline of the rest of the call after a login that may have begun at a time.
    fn without_login(&self, deadline: Deadline, begun: Instant) -> Deadline {
        if begun.elapsed() > MOMENT {
            Deadline::after(self.timeout)
        } else {
            deadline
        }
    }

    /// Whether this cluster knows native sidecars, which decides about the form of a service's sidecars.
    pub(super) async fn has_native_sidecars(&self, connection: &Connection, deadline: Deadline) -> Result<bool> {
        let ask = || connection.api.has_native_sidecars();
        let native = native_sidecars(self.verb, self.namespace, self.name, deadline, ask).await;
        native.map_err(|error| connection.explain(error))
    }

    /// The error of a call whose time ended before a cluster's configuration was read.
    pub(super) fn unread(&self) -> Error {
        let files = std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".to_owned());
        Error::Unavailable {
            verb: self.verb,
            object: ObjectReference::new("StatefulSet", self.namespace, self.name),
            seconds: self.timeout.as_secs_f64(),
            cause: format!("the cluster's configuration was not read in time (the kubeconfig is {files})."),
        }
    }
}
