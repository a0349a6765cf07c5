//! Where a service is found.

use super::call::Call;
use super::place::{Place, named};
use super::service::Client;
use crate::error::Result;
use crate::identity::names::check_existing_name;
use crate::lifecycle::{self, Location};

impl Client {
    /// Returns where the pods of a service are.
    ///
    /// # Errors
    /// As [`lifecycle::locate`].
    pub async fn locate(&self, place: &Place) -> Result<Location> {
        let connecting = place.call("get", self.timeout);
        let (connection, deadline) = connecting.connect(&self.clusters, place.cluster()).await?;
        let location = lifecycle::locate(&connection.api, &place.namespace, &place.name, deadline).await;
        location.map_err(|error| connection.explain(error))
    }

    /// Returns which of some namespaces have a service of that name too.
    ///
    /// # Errors
    /// As [`lifecycle::elsewhere`].
    pub async fn elsewhere(&self, place: &Place, candidates: &[String]) -> Result<Vec<String>> {
        let connecting = place.call("get", self.timeout);
        let (connection, deadline) = connecting.connect(&self.clusters, place.cluster()).await?;
        let found = lifecycle::elsewhere(&connection.api, &place.namespace, &place.name, candidates, deadline).await;
        found.map_err(|error| connection.explain(error))
    }

    /// Returns which of the namespaces that services may use have a service of that name.
    ///
    /// # Errors
    /// As [`lifecycle::everywhere`].
    pub async fn everywhere(&self, name: &str, cluster: Option<&str>) -> Result<Vec<String>> {
        check_existing_name("name", name)?;
        let call = Call {
            verb: "list",
            namespace: "",
            name,
            timeout: self.timeout,
        };
        let (connection, deadline) = call.connect(&self.clusters, named(cluster)).await?;
        let candidates = self.platform.named_namespaces();
        let found = lifecycle::everywhere(&connection.api, name, &candidates, deadline).await;
        let mut found = found.map_err(|error| connection.explain(error))?;
        found.retain(|namespace| self.platform.allows_namespace(namespace));
        Ok(found)
    }
}
