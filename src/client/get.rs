//! How a service is doing.

use std::time::Duration;

use super::place::{Place, named};
use super::service::Client;
use crate::cluster::Connection;
use crate::error::{Error, Result};
use crate::lifecycle::{self, Deadline};
use crate::metrics::{PollSource, note_poll};
use crate::status::Status;

impl Client {
    /// How a service is doing, if that is known in full already: nothing is sent, and nothing is awaited. With a `uid`
    /// only the service with that uid is meant.
    #[must_use]
    pub fn known(&self, name: &str, namespace: &str, cluster: Option<&str>, uid: Option<&str>) -> Option<Status> {
        let status = self.remembered(name, namespace, cluster, uid)?;
        note_poll(PollSource::Memory);
        Some(status)
    }

    /// The same for a call that is no poll.
    pub(super) fn remembered(
        &self,
        name: &str,
        namespace: &str,
        cluster: Option<&str>,
        uid: Option<&str>,
    ) -> Option<Status> {
        let key = self.clusters.connected(named(cluster))?;
        let answer = self.cache.look_up(&key, namespace, name, uid)?;
        answer.is_complete().then_some(answer.status)
    }

    /// Returns how a service is doing, and begins to watch its namespace. With a `uid` only the service with that uid
    /// is meant. An API server that cannot be reached is a state that is not known, and no error.
    ///
    /// # Errors
    /// [`Error::Cluster`], [`Error::Forbidden`] and [`Error::Rejected`].
    pub async fn get(&self, place: &Place, uid: Option<&str>) -> Result<Status> {
        let connecting = place.call("get", self.timeout);
        let (connection, deadline) = match connecting.connect(&self.clusters, place.cluster()).await {
            Ok(connected) => connected,
            Err(error @ Error::Unavailable { .. }) => return Ok(Status::unknown(error.to_string())),
            Err(error) => return Err(error),
        };
        self.poll(&connection, place, uid, deadline).await
    }

    /// Waits until a service is ready or will not be, and for so long at most.
    ///
    /// # Errors
    /// As [`lifecycle::wait`], and [`Error::Cluster`].
    pub async fn wait(&self, place: &Place, patience: Duration) -> Result<Status> {
        let connecting = place.call("get", patience);
        let (connection, _) = connecting.connect(&self.clusters, place.cluster()).await?;
        let connection = &connection;
        let look = || self.poll(connection, place, None, Deadline::after(self.timeout));
        lifecycle::wait(&place.namespace, &place.name, patience, look).await
    }

    /// Looks once.
    async fn poll(
        &self,
        connection: &Connection,
        place: &Place,
        uid: Option<&str>,
        deadline: Deadline,
    ) -> Result<Status> {
        let (Connection { api, key, .. }, Place { name, namespace, .. }) = (connection, place);
        self.enforce_lifetimes(connection, place.cluster(), namespace, deadline)
            .await;
        let status = self.cache.poll(key, api, namespace, name, uid, deadline).await;
        connection.explain_status(status)
    }
}
