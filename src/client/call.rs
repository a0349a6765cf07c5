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
    /// Connects, and returns the deadline of the rest of the call.
    ///
    /// A person may take time to log in at a terminal; everything else, such as a file server that does not answer, has
    /// the time of the call.
    pub(super) async fn connect(&self, clusters: &Clusters, cluster: Option<&str>) -> Result<(Connection, Deadline)> {
        let deadline = Deadline::after(self.timeout);
        let connecting = clusters.connect(cluster);
        let connection = timeout(self.timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(self.unread()))?;
        let begun = Instant::now();
        connection.log_in().await;
        let waited = begun.elapsed() > MOMENT;
        Ok((
            connection,
            if waited {
                Deadline::after(self.timeout)
            } else {
                deadline
            },
        ))
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
