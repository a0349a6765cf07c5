//! The end of a service that has failed.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::place::Place;
use super::service::Client;
use crate::error::Result;
use crate::lifecycle::{self, Conclusion, Ending, Failing};
use crate::lifetime;
use crate::status::Status;

/// A service that has failed, as far as is known.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Where it is.
    pub place: Place,
    /// The uid of its `StatefulSet`; without one, whichever has the name is meant.
    pub uid: Option<String>,
    /// The verdict, which may come from memory.
    pub verdict: Status,
}

impl Client {
    /// Leaves an owner's service where it is for a while although it has failed, and returns until when; `None` where
    /// the owner has no such service.
    ///
    /// # Errors
    /// As [`lifecycle::keep`].
    pub async fn keep(&self, place: &Place, owner: &str, span: Duration) -> Result<Option<Timestamp>> {
        let connecting = place.call("patch", self.timeout);
        let (connection, deadline) = connecting.connect_to_change(&self.clusters, place.cluster()).await?;
        let until = lifecycle::keep(&connection.api, &place.namespace, &place.name, owner, span, deadline).await;
        until.map_err(|error| connection.explain(error))
    }

    /// Ends a service that has failed; see [`lifecycle::conclude`].
    ///
    /// # Errors
    /// As [`lifecycle::conclude`].
    pub async fn conclude(&self, failed: &Failed, ending: &Ending, timeout: Option<Duration>) -> Result<Conclusion> {
        let Failed { place, uid, verdict } = failed;
        let connecting = place.call("delete", timeout.unwrap_or(self.timeout));
        let (connection, deadline) = connecting.connect_to_change(&self.clusters, place.cluster()).await?;
        let failing = Failing {
            namespace: &place.namespace,
            name: &place.name,
            uid: uid.as_deref(),
            verdict,
        };
        let grace_periods = &self.platform.grace_periods;
        let concluding = lifecycle::conclude(&connection.api, failing, ending, grace_periods, deadline);
        let conclusion = Box::pin(concluding).await.map_err(|error| connection.explain(error))?;
        if let Some(deleted) = &conclusion.deleted {
            let uid = deleted.metadata.uid.as_deref().unwrap_or_default();
            self.cache.forget(&connection.key, &place.namespace, uid);
            let reason = format!("it has failed, {}", conclusion.status.reason);
            lifetime::record(&connection.api, deleted, &reason, &self.platform.receipts, deadline).await;
        }
        Ok(conclusion)
    }
}
