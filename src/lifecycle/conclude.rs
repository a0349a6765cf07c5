//! Conclude: end a service that has failed, so that whoever asks afterwards gets the same answer.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::deadline::{Backoff, Deadline, Step, repeat};
use super::delete::{Scope, delete_exactly, find};
use super::evidence::last_words;
use super::keep::keep;
use super::observe::assess;
use super::owned::belongs_to;
use super::verdict_event::{Recorded, recall, record};
use crate::api::{Api, Fault};
use crate::clock;
use crate::error::{Error, Result};
use crate::ownership::{Maker, is_owned_by, kept_until, maker};
use crate::status::diagnosis::GracePeriods;
use crate::status::{Phase, Status};

/// A service that has failed, as far as is known.
#[derive(Debug, Clone, Copy)]
pub struct Failing<'a> {
    /// The namespace it lives in.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The uid of its `StatefulSet`; without one, whichever has the name is meant.
    pub uid: Option<&'a str>,
    /// The verdict, which may come from memory.
    pub verdict: &'a Status,
}

/// What is to become of a service that has failed.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Which services end with it; none, where the service is only used.
    pub scope: Option<Scope>,
    /// For how long one that has failed for good is kept for people to look at.
    pub keep: Option<Duration>,
}

/// The answer of [`conclude`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The verdict that counts, or the state of a service that has recovered.
    pub status: Status,
    /// The uid of the `StatefulSet` that is gone, or going, by this call.
    pub deleted: Option<String>,
    /// What whoever runs the connector should know.
    pub warning: Option<String>,
}

/// Ends a service that has failed: looks at it afresh, records the verdict, and takes the service down or keeps it.
///
/// The verdict may come from memory, so the service itself is read again. Only if it still has failed, or has the same cause,
/// is the verdict recorded and the service ended, at exactly the version that was read; one that has recovered is left as it
/// is. The call can be repeated, by any process and at any point of another one: the record comes first, so that whoever
/// finds the service gone finds the verdict.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline: the verdict stands, but the service
/// may still be there.
pub async fn conclude<A: Api>(
    api: &A,
    failing: Failing<'_>,
    ending: &Ending,
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Result<Conclusion> {
    let Failing {
        namespace,
        name,
        uid,
        verdict,
    } = failing;
    let only = |status: Status| Conclusion {
        status,
        deleted: None,
        warning: None,
    };
    let recorded = async |uid: Option<&str>| -> Result<Status> {
        let Some(uid) = uid else { return Ok(verdict.clone()) };
        let before = recall(api, namespace, name, uid, deadline).await?;
        Ok(before.unwrap_or_else(|| verdict.clone()))
    };
    let deleting = Step::new::<StatefulSet>("delete", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
        let is_meant = |there: &StatefulSet| uid.is_none() || there.metadata.uid.as_deref() == uid;
        let Some(there) = there.filter(is_meant) else {
            // Somebody has ended it meanwhile.
            return recorded(uid).await.map(only);
        };
        let metadata = &there.metadata;
        let there_uid = metadata.uid.as_deref();
        if metadata.deletion_timestamp.is_some() {
            return recorded(there_uid).await.map(only);
        }
        if let Some(until) = kept_until(metadata) {
            return recorded(there_uid).await.map(|status| only(status.kept_until(until)));
        }
        let assessment = assess(api, namespace, &there, deadline).await;
        let status = if assessment.at(clock::now(), grace_periods).reason == verdict.reason {
            verdict.clone()
        } else {
            last_words(api, namespace, &assessment, grace_periods, deadline).await
        };
        let scope = ending.scope.as_ref().filter(|scope| covers(scope, metadata));
        let Some(scope) = scope.filter(|_| status.phase.has_failed()) else {
            return Ok(only(status));
        };
        let (mut status, warning) = match record(api, &there, &status, deadline).await? {
            Recorded::Written => (status, None),
            Recorded::Before(before) => (before, None),
            Recorded::Refused(error) => (status, Some(unrecorded(name, &error))),
        };
        // Flyte tries a retryable failure again, and the next try needs the name.
        if let (Some(span), Scope::OwnedBy(owner), Phase::Failed) = (ending.keep, scope, status.phase) {
            match keep(api, namespace, name, owner, span, deadline).await {
                Ok(until) => {
                    return Ok(Conclusion {
                        status: match until {
                            Some(until) => status.kept_until(until),
                            None => status,
                        },
                        deleted: None,
                        warning,
                    });
                }
                Err(error @ Error::Forbidden { .. }) => {
                    let sentence = format!("\nIt could not be kept to be looked at. {error}");
                    status.message.push_str(&sentence);
                }
                Err(error) => return Err(error),
            }
        }
        let service: Option<Service> = find(api, namespace, name, deadline).await?;
        match repeat(deadline, &deleting, || api.delete_version(&there)).await? {
            Ok(_) => {}
            // It may have recovered.
            Err(Fault::Changed) if backoff.wait(deadline, None).await => continue,
            Err(Fault::Changed) => return Err(deleting.unavailable(deadline, "the object keeps changing")),
            Err(fault) => return Err(deleting.failed(fault)),
        }
        let uid = there.metadata.uid.unwrap_or_default();
        let own = service.filter(|service| maker(&service.metadata) != Maker::Other && belongs_to(service, &uid));
        if let Some(service) = own.and_then(|service| service.metadata.uid) {
            // Else the garbage collector takes it.
            let _ = delete_exactly::<Service, A>(api, namespace, name, &service, deadline).await;
        }
        return Ok(Conclusion {
            status,
            deleted: Some(uid),
            warning,
        });
    }
}

fn covers(scope: &Scope, metadata: &ObjectMeta) -> bool {
    match scope {
        Scope::OwnedBy(owner) => is_owned_by(metadata, owner),
        Scope::AnyOfOurs => maker(metadata) != Maker::Other,
    }
}

fn unrecorded(name: &str, error: &Error) -> String {
    format!("Why data service {name} has failed could not be recorded for a poll whose answer is lost. {error}")
}
