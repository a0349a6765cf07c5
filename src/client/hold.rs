//! The client's hold and leave: a person, or a program, uses a service that exists for a while.

use std::time::Duration;

use super::place::Place;
use super::service::{Answer, Client};
use crate::error::{Error, ObjectReference, Result};
use crate::lifecycle::{Deadline, drop_lease};
use crate::lifetime;

impl Client {
    /// Holds a service that exists by a Lease, which this process renews until it leaves or ends. `owner` is the id of
    /// this one hold, and `identity` names the process for people.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no service of ours of that name; [`Error::Forbidden`], [`Error::Rejected`],
    /// and [`Error::Unavailable`] at the deadline.
    pub async fn hold(
        &self,
        place: &Place,
        owner: &str,
        identity: &str,
        timeout: Option<Duration>,
    ) -> Result<Answer<()>> {
        let call = place.call("patch", timeout.unwrap_or(self.create_timeout));
        let (connection, deadline) = call.connect(&self.clusters, place.cluster()).await?;
        let service = (place.namespace.as_str(), place.name.as_str());
        let holding = self.hold_existing(&connection, service, owner, identity, deadline);
        let is_held = Box::pin(holding).await.map_err(|error| connection.explain(error))?;
        if !is_held {
            return Err(Error::NotFound {
                object: ObjectReference::new("StatefulSet", &place.namespace, &place.name),
                advice: "Only a data service that exists can be held: correct the name or the namespace, or create it."
                    .to_owned(),
            });
        }
        Ok(Answer {
            value: (),
            warning: connection.warning,
        })
    }

    /// Holds a service no more. A service that is gone is no error.
    ///
    /// # Errors
    /// As [`lifetime::leave`]. The Lease is renewed no more all the same, so that it expires.
    pub async fn leave(&self, place: &Place, owner: &str, timeout: Option<Duration>) -> Result<Answer<()>> {
        let timeout = timeout.unwrap_or(self.timeout);
        let key = self.clusters.connected(place.cluster());
        let lease = key.and_then(|key| self.pulses.end((&key, &place.namespace, &place.name), owner));
        let connecting = place.call("patch", timeout);
        let (connection, deadline) = connecting.connect(&self.clusters, place.cluster()).await?;
        let leaving = lifetime::leave(&connection.api, &place.namespace, &place.name, owner, deadline);
        let left = Box::pin(leaving).await;
        // In this order, so that the service never names a Lease that is gone while it is held.
        if let Some(lease) = lease {
            drop_lease(&connection.api, &lease, Deadline::after(timeout)).await;
        }
        left.map_err(|error| connection.explain(error))?;
        Ok(Answer {
            value: (),
            warning: connection.warning,
        })
    }
}
