//! The process that makes a call, as the holder of a service: it holds a Lease, and renews it for as long as it lives.

use std::time::Duration;

use super::holding::{Seen, Unseen};
use super::place::Place;
use super::service::Client;
use crate::cluster::Connection;
use crate::error::{Error, Result};
use crate::identity::holder::{lease_name, shortened_identity};
use crate::lifecycle::{
    self, CallId, Deadline, Deletion, Scope, drop_lease, ensure_awake, find_ours, holder_of, take_lease,
};
use crate::manifests::{lease, lease_of};

/// Stands for the name of the Lease in a fault that is the same for each.
const LEASE: &str = "<lease>";

/// How long a create may wait for its Lease, and a call for the deletion of one.
const LOOK: Duration = Duration::from_secs(2);

impl Client {
    /// Makes the Lease of a service that is created next. It is renewed from [`Self::begin_lease`] on.
    pub(super) async fn take_lease(
        &self,
        connection: &Connection,
        (namespace, service): (&str, &str),
        owner: &str,
        identity: &str,
    ) -> Seen {
        let own = lease_name(service, owner);
        let unseen = |fault: String, lasts: bool| {
            Seen::Unseen(Unseen {
                consequence: never_ends(service, &fault.replace(LEASE, &own)),
                lasting: lasts.then_some(fault),
            })
        };
        if let Some(fault) = self.lease_sight.lost() {
            return unseen(fault, true);
        }
        let wanted = lease(namespace, service, owner, &shortened_identity(identity));
        match take_lease(&connection.api, wanted, Deadline::after(LOOK)).await {
            Ok(lease) => {
                let holder = holder_of(&lease, owner);
                self.pulses.note((&connection.key, namespace, service), owner, lease);
                Seen::Holds(holder)
            }
            Err(error) => {
                let fault = error.to_string().replace(&own, LEASE);
                // After a fault that passes, the next one may succeed.
                let lasts = !matches!(error, Error::Unavailable { .. });
                if lasts {
                    self.lease_sight.lose(&fault);
                }
                unseen(fault, lasts)
            }
        }
    }

    /// Renews the Lease of a service that was created, if there is one; without a service, deletes the Lease.
    pub(super) async fn begin_lease(
        &self,
        connection: &Connection,
        (namespace, service): (&str, &str),
        owner: &str,
        uid: Option<&str>,
    ) {
        let Connection { api, key, .. } = connection;
        let Some(lease) = self.pulses.end((key, namespace, service), owner) else {
            return;
        };
        match uid {
            Some(uid) => {
                let lease = lease_of(lease, service, uid);
                self.pulses.begin(api, (key, namespace, service), owner, lease);
            }
            None => drop_lease(api, &lease, Deadline::after(LOOK)).await,
        }
    }

    /// Holds a service of ours that exists by a Lease, and wakes it; `false` where there is none.
    ///
    /// # Errors
    /// As [`lifecycle::attach`], of the Lease, too.
    pub(super) async fn hold_existing(
        &self,
        connection: &Connection,
        (namespace, service): (&str, &str),
        owner: &str,
        identity: &str,
        deadline: Deadline,
    ) -> Result<bool> {
        let api = &connection.api;
        let Some(there) = find_ours(api, namespace, service, deadline).await? else {
            return Ok(false);
        };
        let uid = there.metadata.uid.unwrap_or_default();
        let wanted = lease(namespace, service, owner, &shortened_identity(identity));
        let lease = take_lease(api, lease_of(wanted, service, &uid), deadline).await?;
        let id = CallId::unique().held_by(Some(holder_of(&lease, owner)));
        let attached = Box::pin(lifecycle::attach(api, namespace, service, &id, deadline)).await;
        let Ok(Some(attached)) = attached else {
            drop_lease(api, &lease, Deadline::after(LOOK)).await;
            return attached.map(|_| false);
        };
        let key = &connection.key;
        self.pulses.begin(api, (key, namespace, service), owner, lease);
        if attached.is_asleep {
            let awake = ensure_awake(api, namespace, service, &uid, deadline).await?;
            if let Some(generation) = awake.woken_at() {
                self.cache.outdate(key, namespace, &uid, generation);
            }
        }
        Ok(true)
    }

    /// Holds a service that a local run uses as it is, wakes it, and returns what the user should know.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub(super) async fn attach_process(
        &self,
        (name, namespace, cluster): (&str, &str, Option<&str>),
        owner: &str,
        identity: &str,
    ) -> Result<Option<String>> {
        let service = (name, namespace, cluster);
        if self.lease_sight.lost().is_some() {
            return self.join(service, None, None).await;
        }
        let holding = async {
            let place = Place::new(name.to_owned(), namespace.to_owned(), cluster.map(str::to_owned))?;
            let call = place.call("patch", self.create_timeout);
            let (connection, deadline) = call.connect(&self.clusters, place.cluster()).await?;
            let held = self.hold_existing(&connection, (namespace, name), owner, identity, deadline);
            held.await
        };
        match Box::pin(holding).await {
            Ok(_) => Ok(None),
            Err(error) => {
                self.join(service, None, None).await?;
                let fault = error.to_string().replace(&lease_name(name, owner), LEASE);
                if !matches!(error, Error::Unavailable { .. }) {
                    self.lease_sight.lose(&fault);
                }
                Ok(self
                    .lease_sight
                    .is_news(&fault)
                    .then(|| format!("Data service {name} may end while this process uses it. {error}")))
            }
        }
    }

    /// Ends the Leases of this process on a service that it has left, or that is gone.
    pub(super) async fn end_leases(
        &self,
        connection: &Connection,
        place: &Place,
        scope: &Scope,
        outcome: Option<&Deletion>,
    ) {
        let is_gone = matches!(
            outcome,
            Some(Deletion::Gone | Deletion::Terminating | Deletion::NothingThere)
        );
        let service = (&connection.key, place.namespace.as_str(), place.name.as_str());
        for owner in self.pulses.owners(service) {
            let has_left = outcome.is_some() && matches!(scope, Scope::OwnedBy(left) if *left == owner);
            if !has_left && !is_gone {
                continue;
            }
            if let Some(lease) = self.pulses.end(service, &owner) {
                drop_lease(&connection.api, &lease, Deadline::after(LOOK)).await;
            }
        }
    }
}

fn never_ends(name: &str, fault: &str) -> String {
    format!("Data service {name} does not end if this process is killed, since the process holds no Lease. {fault}")
}
