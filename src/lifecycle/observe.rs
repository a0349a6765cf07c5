//! Observe: how a service is doing, read from the cluster.

use futures::future::join;
use k8s_openapi::api::apps::v1::StatefulSet;

use super::deadline::{Deadline, Step, repeat};
use super::evidence::{events_of, last_words, pods_of, slices_of};
use crate::api::Api;
use crate::clock;
use crate::error::{Error, Result};
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, PodFacts, SliceFacts, StatefulSetFacts, Status};

/// What was read of a service.
#[derive(Debug)]
pub enum Observed {
    /// Its objects.
    Found(Box<Found>),
    /// It could not be read, or is not there: this says so.
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
}

/// Reads a service's `StatefulSet`, its pods and the names that they have.
///
/// With a `uid` only the service with that uid is meant: another one of that name says that it is gone.
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
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let stateful_set = match repeat(deadline, &reading, || api.read::<StatefulSet>(namespace, name)).await {
        Ok(Ok(Some(stateful_set))) => stateful_set,
        Ok(Ok(None)) => return Ok(Observed::Not(Status::gone(namespace, name))),
        Ok(Err(fault)) => return Err(reading.failed(fault)),
        Err(error @ Error::Unavailable { .. }) => return Ok(Observed::Not(Status::unknown(error.to_string()))),
        Err(error) => return Err(error),
    };
    if uid.is_some() && stateful_set.metadata.uid.as_deref() != uid {
        return Ok(Observed::Not(Status::replaced(namespace, name)));
    }
    let (slices, pods) = join(
        slices_of(api, namespace, &stateful_set, deadline),
        pods_of(api, namespace, &stateful_set, deadline),
    )
    .await;
    Ok(Observed::Found(Box::new(Found {
        stateful_set: StatefulSetFacts::from(&stateful_set),
        pods,
        slices,
    })))
}

/// Tells how a service is doing: as [`look`] finds it, and, where that leaves something unexplained, from events.
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
    let mut assessment = found.judge(&[]);
    let unexplained = assessment.needs_events(clock::now());
    if !unexplained.is_empty() {
        let events = events_of(api, namespace, &unexplained, deadline).await;
        assessment = found.judge(&events);
    }
    Ok(last_words(api, namespace, &assessment, grace_periods, deadline).await)
}
