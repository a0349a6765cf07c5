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
        let (connections, deadline) = call.connect_to_all(&self.clusters, cluster).await?;
        let grace_periods = &self.platform.grace_periods;
        let mut all = Answer {
            value: Vec::new(),
            warning: None,
        };
        for connection in connections {
            let runs = self.runs_or_error(&call, &connection, cluster, deadline).await?;
            let listing = lifetime::list(
                (&connection.api, &runs.api),
                (namespace, selector),
                grace_periods,
                deadline,
            );
            match Box::pin(listing).await {
                Ok(listed) => all.value.extend(listed),
                // It has no services any more.
                Err(error) if connection.has_ended(&error) => {}
                Err(error) => return Err(connection.explain(error)),
            }
            all.warning = connection.warning.or(all.warning);
        }
        Ok(all)
    }
}
