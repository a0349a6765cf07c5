//! Connecting inside a call's deadline.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::cluster::{Clusters, Connection};
use crate::error::{Error, ObjectReference, Result};
use crate::lifecycle::{Deadline, native_sidecars};
use crate::spec::DataServiceSpec;

/// A login that took less did not keep anybody waiting.
const MOMENT: Duration = Duration::from_millis(100);

/// What a call is for, as errors name it, and how long it may take.
pub(super) struct Call<'a> {
    pub(super) verb: &'static str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) timeout: Duration,
}

impl Call<'_> {
    /// Connects, and says until when the rest of the call may take.
    ///
    /// A person who logs in at a terminal is waited for; everything else, such as a file server that does not answer, has
    /// the time of the call.
    pub(super) async fn connect(&self, clusters: &Clusters, cluster: Option<&str>) -> Result<(Connection, Deadline)> {
        let deadline = Deadline::after(self.timeout);
        let connection = within(
            self.timeout,
            self.verb,
            self.namespace,
            self.name,
            clusters.connect(cluster),
        )
        .await?;
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

    /// Chooses the form that the sidecars of a service take in this cluster, where it has any.
    pub(super) async fn choose_sidecars(
        &self,
        connection: &Connection,
        spec: &mut DataServiceSpec,
        deadline: Deadline,
    ) -> Result<()> {
        if !spec.sidecars.is_empty() {
            let ask = || connection.api.has_native_sidecars();
            let native = native_sidecars(self.verb, self.namespace, self.name, deadline, ask).await;
            spec.native_sidecars = native.map_err(|error| connection.explain(error))?;
        }
        Ok(())
    }
}

/// Waits for a connection for as long as a call may take.
pub(super) async fn within(
    span: Duration,
    verb: &'static str,
    namespace: &str,
    name: &str,
    connecting: impl Future<Output = Result<Connection>>,
) -> Result<Connection> {
    timeout(span, connecting).await.unwrap_or_else(|_| {
        let files = std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".to_owned());
        Err(Error::Unavailable {
            verb,
            object: ObjectReference::new("StatefulSet", namespace, name),
            seconds: span.as_secs_f64(),
            cause: format!("the cluster's configuration was not read in time (the kubeconfig is {files})."),
        })
    })
}
