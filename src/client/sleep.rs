//! The client's sleep and wake.

use std::time::Duration;

use super::place::Place;
use super::service::{Answer, Client};
use crate::error::Result;
use crate::lifecycle::{self, Woken};
use crate::lifetime::{self, Slept};

impl Client {
    /// Puts a service to sleep; see [`lifetime::sleep`].
    ///
    /// # Errors
    /// As [`lifetime::sleep`].
    pub async fn sleep(&self, place: &Place, force: bool, timeout: Option<Duration>) -> Result<Answer<Slept>> {
        let call = place.call("patch", timeout.unwrap_or(self.timeout));
        let (connection, deadline) = call.connect_to_change(&self.clusters, place.cluster()).await?;
        let runs = self
            .runs_or_error(&call, &connection, place.cluster(), deadline)
            .await?;
        let clusters = (&connection.api, &runs.api);
        let sleeping = lifetime::sleep(clusters, &place.namespace, &place.name, force, deadline);
        let slept = Box::pin(sleeping).await.map_err(|error| connection.explain(error))?;
        let key = &connection.key;
        self.cache.outdate(key, &place.namespace, &slept.uid, slept.generation);
        Ok(Answer {
            value: slept,
            warning: connection.warning,
        })
    }

    /// Wakes a service; see [`lifecycle::wake`].
    ///
    /// # Errors
    /// As [`lifecycle::wake`].
    pub async fn wake(&self, place: &Place, timeout: Option<Duration>) -> Result<Answer<Woken>> {
        let call = place.call("patch", timeout.unwrap_or(self.timeout));
        let (connection, deadline) = call.connect_to_change(&self.clusters, place.cluster()).await?;
        let waking = lifecycle::wake(&connection.api, &place.namespace, &place.name, deadline);
        let woken = Box::pin(waking).await.map_err(|error| connection.explain(error))?;
        let key = &connection.key;
        self.cache.outdate(key, &place.namespace, &woken.uid, woken.generation);
        Ok(Answer {
            value: woken,
            warning: connection.warning,
        })
    }
}
