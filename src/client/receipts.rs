//! The client's receipts of services that have ended.

use std::time::Duration;

use super::call::Call;
use super::place::{listed, named};
use super::service::{Answer, Client};
use crate::error::Result;
use crate::lifecycle;

impl Client {
    /// Returns the receipts of the services that have ended in a namespace, or in all of them without one, as JSON; see
    /// [`lifecycle::receipts`].
    ///
    /// # Errors
    /// [`Error::InvalidSpec`](crate::error::Error::InvalidSpec) for what cannot be the name of a namespace; otherwise
    /// as [`lifecycle::receipts`].
    pub async fn receipts(
        &self,
        namespace: Option<&str>,
        cluster: Option<&str>,
        timeout: Duration,
    ) -> Result<Answer<Vec<String>>> {
        let (namespace, cluster) = (listed(namespace)?, named(cluster));
        let call = Call {
            verb: "list",
            namespace,
            name: "",
            timeout,
        };
        let (connection, deadline) = call.connect(&self.clusters, cluster).await?;
        let found = lifecycle::receipts(&connection.api, namespace, deadline).await;
        Ok(Answer {
            value: found.map_err(|error| connection.explain(error))?,
            warning: connection.warning,
        })
    }
}
