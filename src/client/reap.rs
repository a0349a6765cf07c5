//! The client's sweep: the services of a namespace that end by themselves.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::place::named;
use super::service::{Answer, Client};
use crate::cluster::{Clusters, Connection};
use crate::error::{Error, ObjectReference, Result};
use crate::identity::names::check_namespace;
use crate::lifecycle::Deadline;
use crate::lifetime::{self, Reaped};
use crate::swallowed;

/// How long a call waits for the cluster of the runs that can do without it.
const PATIENCE: Duration = Duration::from_secs(1);

impl Client {
    /// Ends the services of a namespace that no run uses any more, or whose time is over; see [`lifetime::sweep`]. With
    /// `dry_run` nothing is deleted. A service that cannot be looked at holds up no other: its error is among the
    /// answers.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] for what cannot be the name of a namespace; otherwise
    /// as [`lifetime::sweep`].
    pub async fn reap(
        &self,
        namespace: &str,
        cluster: Option<&str>,
        dry_run: bool,
        timeout: Duration,
    ) -> Result<Answer<Vec<Result<Reaped>>>> {
        check_namespace(namespace)?;
        let cluster = named(cluster);
        let call = Call {
            verb: "list",
            namespace,
            name: "",
            timeout,
        };
        let (connection, deadline) = call.connect(&self.clusters, cluster).await?;
        let runs = self.runs_or_error(&call, &connection, cluster, deadline).await?;
        let sweeping = lifetime::sweep(
            (&connection.api, &runs.api),
            namespace,
            dry_run,
            &self.platform.receipts,
            deadline,
        );
        let reaped = Box::pin(sweeping).await.map_err(|error| connection.explain(error))?;
        Ok(Answer {
            value: reaped,
            warning: connection.warning,
        })
    }

    /// The cluster in which the runs are: the one that is used where none is named. `None` where its configuration was
    /// not read within a second, or half of the time until the deadline, or is at fault.
    pub(super) async fn runs_of(
        &self,
        connection: &Connection,
        cluster: Option<&str>,
        deadline: Deadline,
    ) -> Option<Connection> {
        self.runs_soon(connection, cluster, deadline).await?.ok()
    }

    async fn runs_soon(
        &self,
        connection: &Connection,
        cluster: Option<&str>,
        deadline: Deadline,
    ) -> Option<Result<Connection>> {
        let until = deadline.share(2).min(Instant::now() + PATIENCE);
        self.runs_until(connection, cluster, until).await
    }

    /// The same for a call that ends services, or reports which runs use them. In another cluster than that of the runs
    /// none of them would be found, and services that they use would end.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the configuration was not read by the deadline,
    /// and [`Error::Cluster`] where it is at fault.
    pub(super) async fn runs_or_error(
        &self,
        call: &Call<'_>,
        connection: &Connection,
        cluster: Option<&str>,
        deadline: Deadline,
    ) -> Result<Connection> {
        let runs = self.runs_until(connection, cluster, deadline.share(1)).await;
        runs.unwrap_or_else(|| Err(call.unread()))
    }

    async fn runs_until(
        &self,
        connection: &Connection,
        cluster: Option<&str>,
        until: Instant,
    ) -> Option<Result<Connection>> {
        if cluster.is_none() {
            return Some(Ok(connection.clone()));
        }
        let runs = timeout_at(until, self.clusters.connect(None)).await.ok()?;
        Some(match runs {
            // Without a default cluster no run is visible, so that no service ends with its run.
            Err(Error::Cluster { problem }) if !Clusters::has_default() => Ok(Connection::unusable(&problem)),
            Err(Error::Cluster { problem }) => Err(Error::Cluster {
                problem: format!("The runs that may use the service are looked for in the default cluster. {problem}"),
            }),
            runs => runs,
        })
    }

    /// Begins to end the services of a namespace that end by themselves, unless that has begun. Where the cluster of
    /// the runs is not known, the next call tries again, and this one only begins to watch.
    pub(super) async fn enforce_lifetimes(
        &self,
        connection: &Connection,
        cluster: Option<&str>,
        namespace: &str,
        deadline: Deadline,
    ) {
        let Connection { api, key, .. } = connection;
        if self.expiry.is_enforced(key, namespace) {
            self.cache.watch(key, api, namespace);
            return;
        }
        let cause = match self.runs_soon(connection, cluster, deadline).await {
            Some(Ok(runs)) => {
                let cache = Arc::clone(&self.cache);
                self.expiry
                    .enforce(&cache, (key, api), (&runs.key, &runs.api), namespace);
                return;
            }
            Some(Err(error)) => error.to_string(),
            None => "the configuration of the cluster of the runs was not read in time".to_owned(),
        };
        let object = ObjectReference::new("Namespace", "", namespace);
        swallowed::log("its services do not end by themselves yet", &object, &cause);
        self.cache.watch(key, api, namespace);
    }
}
