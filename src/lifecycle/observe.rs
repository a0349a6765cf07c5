//! Observe: how a service is doing, read from the cluster.

use futures::future::join;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;

use super::delete::find;
use super::evidence::{events_of, last_words, pods_of, slices_of};
use super::retry::Deadline;
use super::verdict_event::recall;
use crate::cluster::{Api, server_time};
use crate::error::{Error, Result};
use crate::identity::owner::kept_until;
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, PodFacts, SliceFacts, StatefulSetFacts, Status};

/// The objects that were read of a service.
#[derive(Debug)]
pub enum Observed {
    /// Its objects.
    Found(Box<Found>),
    /// It could not be read, or does not exist, with the status about that.
    Not(Status),
}

/// The objects of a service.
#[derive(Debug)]
pub struct Found {
    stateful_set: StatefulSetFacts,
    /// Its pods.
    pub pods: Vec<PodFacts>,
    slices: Option<Vec<SliceFacts>>,
}

impl Found {
    /// Judges the service.
    #[must_use]
    pub fn judge(&self, events: &[EventFacts]) -> Assessment {
        let evidence = Evidence {
            pods: &self.pods,
            events,
            slices: self.slices.as_ref(),
        };
        Assessment::new(&self.stateful_set, evidence)
    }

    /// A service by its `StatefulSet` and its pods. Whether its pods have names is not looked at.
    #[must_use]
    pub fn of(stateful_set: &StatefulSet, pods: &[Pod]) -> Self {
        Self {
            stateful_set: StatefulSetFacts::from(stateful_set),
            pods: pods.iter().map(PodFacts::from).collect(),
            slices: None,
        }
    }

    /// Reads what belongs to a `StatefulSet`.
    async fn read<A: Api>(api: &A, namespace: &str, stateful_set: &StatefulSet, deadline: Deadline) -> Self {
        let (slices, pods) = join(
            slices_of(api, namespace, stateful_set, deadline),
            pods_of(api, namespace, stateful_set, deadline),
        )
        .await;
        Self {
            stateful_set: StatefulSetFacts::from(stateful_set),
            pods,
            slices,
        }
    }

    /// Judges the service, from events where the objects leave something unexplained.
    async fn explained<A: Api>(&self, api: &A, namespace: &str, deadline: Deadline) -> Assessment {
        let assessment = self.judge(&[]);
        let unexplained = assessment.needs_events(server_time::now());
        if unexplained.is_empty() {
            return assessment;
        }
        let events = events_of(api, namespace, &unexplained, deadline).await;
        self.judge(&events)
    }
}

/// Reads a service's `StatefulSet`, its pods and the names that they have.
///
/// With a `uid` only the service with that uid is meant: if another one has its name, it is gone. One that is gone
/// because it failed, and one that is kept since, is answered with the verdict that was recorded then.
///
/// A cluster that cannot be reached is no reason to fail: Flyte counts errors of a get and gives up after five, though
/// the service may be well. The state is then unknown, and the message says why.
///
/// # Errors
/// [`Error::Forbidden`] and [`Error::Rejected`], which waiting does not mend.
pub async fn look<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    deadline: Deadline,
) -> Result<Observed> {
    match look_or_fail(api, namespace, name, uid, deadline).await {
        Err(error @ Error::Unavailable { .. }) => Ok(Observed::Not(Status::unknown(error.to_string()))),
        answer => answer,
    }
}

async fn look_or_fail<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    deadline: Deadline,
) -> Result<Observed> {
    let recorded = async |uid: Option<&str>| match uid {
        Some(_) => recall(api, namespace, name, uid, deadline).await,
        None => Ok(None),
    };
    let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
    let Some(there) = there else {
        let verdict = recorded(uid).await?;
        return Ok(Observed::Not(verdict.unwrap_or_else(|| Status::gone(namespace, name))));
    };
    if uid.is_some() && there.metadata.uid.as_deref() != uid {
        let verdict = recorded(uid).await?;
        let status = verdict.unwrap_or_else(|| Status::replaced(namespace, name));
        return Ok(Observed::Not(status));
    }
    if let Some(until) = kept_until(&there.metadata)
        && let Some(verdict) = recorded(there.metadata.uid.as_deref()).await?
    {
        return Ok(Observed::Not(verdict.kept_until(until)));
    }
    let found = Found::read(api, namespace, &there, deadline).await;
    Ok(Observed::Found(Box::new(found)))
}

/// Reports how a service is doing: as [`look`] finds it, and, where that leaves something unexplained, from events.
///
/// # Errors
/// As [`look`].
pub async fn observe<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Result<Status> {
    let found = match look(api, namespace, name, uid, deadline).await? {
        Observed::Found(found) => found,
        Observed::Not(status) => return Ok(status),
    };
    let assessment = found.explained(api, namespace, deadline).await;
    Ok(last_words(api, namespace, &assessment, grace_periods, deadline).await)
}

/// Judges a service by its `StatefulSet` as it was read, and by everything else as it is now.
pub(super) async fn assess<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Assessment {
    let found = Found::read(api, namespace, stateful_set, deadline).await;
    found.explained(api, namespace, deadline).await
}
