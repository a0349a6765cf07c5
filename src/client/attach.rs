//! The client's attach: a service that exists is held, and woken.

use std::time::Duration;

use super::call::Call;
use super::holding::{Seen, Unseen, Use};
use super::service::Client;
use crate::error::{Error, Result};
use crate::identity::holder::Holder;
use crate::identity::owner::{Caller, RunObject};
use crate::lifecycle::{self, Attached, CallId, Deadline, ensure_awake};
use crate::status::{Phase, Status};

/// How long it may take to find out whether a service sleeps that no run can hold.
const GLANCE: Duration = Duration::from_secs(1);

impl Client {
    /// Holds a service that exists for the run that asks, wakes it if it sleeps, and returns what the caller should
    /// know. `get` reports whether the service exists, and how it does.
    ///
    /// # Errors
    /// Why a service that sleeps could not be woken: nobody would ever wake it for this task.
    pub(super) async fn attach(
        &self,
        name: &str,
        namespace: &str,
        cluster: Option<&str>,
        caller: &Caller,
    ) -> Result<Option<String>> {
        let owner = &caller.owner.id;
        let seen = match &caller.run {
            Some(RunObject::Process(identity)) => {
                return self.attach_process((name, namespace, cluster), owner, identity).await;
            }
            Some(run) => self.see_run(run, Use::Attach, owner, name).await,
            None => None,
        };
        let (holder, unseen) = match seen {
            Some(Seen::Holds(holder)) => (Some(holder), None),
            Some(Seen::Unseen(unseen)) => (None, Some(unseen)),
            None => (None, None),
        };
        self.join((name, namespace, cluster), holder, unseen).await
    }

    /// Writes on a service that exists who holds it, if anybody, and wakes it. Returns `unseen`, why the run holds
    /// nothing, where the service may end with other runs.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub(super) async fn join(
        &self,
        (name, namespace, cluster): (&str, &str, Option<&str>),
        holder: Option<Holder>,
        unseen: Option<Unseen>,
    ) -> Result<Option<String>> {
        let holds = holder.is_some();
        let is_awake = |status: Status| status.phase != Phase::Asleep;
        if !holds && unseen.is_none() && self.remembered(name, namespace, cluster, None).is_some_and(is_awake) {
            return Ok(None);
        }
        let call = Call {
            verb: "patch",
            namespace,
            name,
            timeout: if holds { self.create_timeout } else { GLANCE },
        };
        let id = CallId::unique().held_by(holder);
        // A service that is known to sleep is worth more time than the look.
        let waking = Deadline::after(self.create_timeout);
        let attaching = async {
            let (connection, deadline) = call.connect(&self.clusters, cluster).await?;
            let attached = lifecycle::attach(&connection.api, namespace, name, &id, deadline).await?;
            Ok((attached, connection))
        };
        let (attached, connection) = match attaching.await {
            Ok(attached) => attached,
            Err::<_, Error>(error) => return Ok(holds.then(|| format!("{} {error}", not_held(name)))),
        };
        let Some(Attached {
            uid,
            is_asleep,
            ends_with_runs,
        }) = attached
        else {
            return Ok(None);
        };
        let unseen = unseen.filter(|_| ends_with_runs);
        let unseen = unseen.and_then(|unseen| self.report_unseen(unseen));
        if !is_asleep {
            return Ok(unseen);
        }
        let awake = ensure_awake(&connection.api, namespace, name, &uid, waking).await;
        let awake = awake.map_err(|error| connection.explain(error))?;
        if let Some(generation) = awake.woken_at() {
            self.cache.outdate(&connection.key, namespace, &uid, generation);
        }
        Ok(unseen)
    }
}

pub(super) fn not_held(name: &str) -> String {
    format!(
        "Data service {name} may end before this run does, since the run could not be written on it: that takes the \
         permission to patch StatefulSets."
    )
}
