//! Observe: how a service is doing, read from the cluster.

use futures::future::join;
use k8s_openapi::api::apps::v1::StatefulSet;

use super::deadline::Deadline;
use super::delete::find;
use super::evidence::{events_of, last_words, pods_of, slices_of};
use super::verdict_event::recall;
use crate::api::Api;
use crate::clock;
use crate::error::{Error, Result};
use crate::ownership::kept_until;
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, Evidence, StatefulSetFacts, Status};

/// Tells how a service is doing, from its `StatefulSet`, its pods and the names that they have, and, where that leaves
/// something unexplained, from events.
///
/// With a `uid` only the service with that uid is meant: another one of that name says that it is gone. One that is gone
/// because it failed, and one that is kept since, is answered with the verdict that was recorded then.
///
/// A cluster that cannot be reached is no reason to fail: Flyte counts errors of a get and gives up after five, though
/// the service may be well. The state is then unknown, and the message says why.
///
/// # Errors
/// [`Error::Forbidden`] and [`Error::Rejected`], which waiting does not mend.
pub async fn observe<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Result<Status> {
    let recorded = async |uid: Option<&str>| match uid {
        Some(uid) => recall(api, namespace, name, uid, deadline).await,
        None => Ok(None),
    };
    let look = async {
        let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
        let Some(there) = there else {
            let verdict = recorded(uid).await?;
            return Ok(verdict.unwrap_or_else(|| Status::gone(namespace, name)));
        };
        if uid.is_some() && there.metadata.uid.as_deref() != uid {
            let verdict = recorded(uid).await?;
            return Ok(verdict.unwrap_or_else(|| Status::replaced(namespace, name)));
        }
        if let Some(until) = kept_until(&there.metadata)
            && let Some(verdict) = recorded(there.metadata.uid.as_deref()).await?
        {
            return Ok(verdict.kept_until(until));
        }
        let assessment = assess(api, namespace, &there, deadline).await;
        Ok(last_words(api, namespace, &assessment, grace_periods, deadline).await)
    };
    match look.await {
        Err(error @ Error::Unavailable { .. }) => Ok(Status::unknown(error.to_string())),
        answer => answer,
    }
}

/// Judges a service by its `StatefulSet` as it was read, and by everything else as it is now.
pub(super) async fn assess<A: Api>(
    api: &A,
    namespace: &str,
    stateful_set: &StatefulSet,
    deadline: Deadline,
) -> Assessment {
    let (slices, pods) = join(
        slices_of(api, namespace, stateful_set, deadline),
        pods_of(api, namespace, stateful_set, deadline),
    )
    .await;
    let mut evidence = Evidence {
        pods: &pods,
        slices: slices.as_ref(),
        ..Evidence::default()
    };
    let facts = StatefulSetFacts::from(stateful_set);
    let assessment = Assessment::new(&facts, evidence);
    let unexplained = assessment.needs_events(clock::now());
    if unexplained.is_empty() {
        return assessment;
    }
    let events = events_of(api, namespace, &unexplained, deadline).await;
    evidence.events = &events;
    Assessment::new(&facts, evidence)
}
