//! The client's delete.

use std::time::Duration;

use super::place::Place;
use super::service::{Answer, Client};
use crate::error::Result;
use crate::lifecycle::{Deletion, Scope};
use crate::lifetime;

impl Client {
    /// Deletes a service, if it is in the scope and no other run uses it.
    ///
    /// # Errors
    /// As [`lifetime::delete`].
    pub async fn delete(&self, place: &Place, scope: &Scope, timeout: Option<Duration>) -> Result<Answer<Deletion>> {
        let call = place.call("delete", timeout.unwrap_or(self.timeout));
        let (connection, deadline) = call.connect_to_change(&self.clusters, place.cluster()).await?;
        let runs = self
            .runs_or_error(&call, &connection, place.cluster(), deadline)
            .await?;
        let clusters = (&connection.api, &runs.api);
        let own = self.pulses.owners((&connection.key, &place.namespace, &place.name));
        let (namespace, name) = (&place.namespace, &place.name);
        let mut deleted = Vec::new();
        let deleting = lifetime::delete(clusters, namespace, name, (scope, &own), &mut deleted, deadline);
        let deletion = Box::pin(deleting).await;
        self.end_leases(&connection, place, scope, deletion.as_ref().ok()).await;
        let reason = match scope {
            Scope::OwnedBy(_) => "its last task was aborted, or has failed",
            Scope::AnyOfOurs | Scope::InUseToo => "its deletion was asked for",
        };
        for deleted in &deleted {
            let uid = deleted.metadata.uid.as_deref().unwrap_or_default();
            self.cache.forget(&connection.key, namespace, uid);
            lifetime::record(&connection.api, deleted, reason, &self.platform.receipts, deadline).await;
        }
        Ok(Answer {
            value: deletion.map_err(|error| connection.explain(error))?,
            warning: connection.warning,
        })
    }
}
