//! The client's list.

use std::time::Duration;

use super::call::Call;
use super::place::{listed, named};
use super::service::{Answer, Client};
use crate::error::Result;
use crate::lifetime::{self, Listed};

impl Client {
    /// Lists the services in a namespace, or in all of them without one, that match a label selector; see
    /// [`lifetime::list`]. An empty selector matches all.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`](crate::error::Error::InvalidSpec) for what cannot be the name of a namespace; otherwise
    /// as [`lifetime::list`].
    pub async fn list(
        &self,
        namespace: Option<&str>,
        cluster: Option<&str>,
        selector: &str,
        timeout: Duration,
    ) -> Result<Answer<Vec<Listed>>> {
        let (namespace, cluster) = (listed(namespace)?, named(cluster));
        let call = Call {
            verb: "list",
            namespace,
            name: "",
            timeout,
        };
        let (connection, deadline) = call.connect(&self.clusters, cluster).await?;
        let runs = self.runs_or_error(&call, &connection, cluster, deadline).await?;
        let grace_periods = &self.platform.grace_periods;
        let listing = lifetime::list(
            (&connection.api, &runs.api),
            (namespace, selector),
            grace_periods,
            deadline,
        );
        let all = Box::pin(listing).await.map_err(|error| connection.explain(error))?;
        Ok(Answer {
            value: all,
            warning: connection.warning,
        })
    }
}
