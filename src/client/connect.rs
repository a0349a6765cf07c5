//! Connecting before anything else is called.

use tokio::time::timeout;

use super::call::Call;
use super::service::Client;
use crate::error::{Error, Result};

impl Client {
    /// Connects to a cluster, and returns what the user should know about how it was chosen. With `exact` no other
    /// cluster is taken where none has the name.
    ///
    /// # Errors
    /// [`Error::Cluster`], and [`Error::InvalidSpec`] for a name that no cluster has.
    pub async fn connect(&self, cluster: Option<&str>, exact: bool) -> Result<Option<String>> {
        let connect = async {
            match cluster {
                Some(cluster) if exact => self.clusters.connect_exactly(cluster).await,
                cluster => self.clusters.connect(cluster).await,
            }
        };
        let call = Call {
            verb: "get",
            namespace: "",
            name: "",
            timeout: self.timeout,
        };
        let connection = timeout(call.timeout, connect)
            .await
            .unwrap_or_else(|_| Err(call.unread()));
        let connection = connection.map_err(|error| match error {
            Error::Unavailable { seconds, cause, .. } => Error::Cluster {
                problem: format!("No cluster was connected to within {seconds:.1} s: {cause}"),
            },
            other => other,
        });
        Ok(connection?.warning)
    }
}
