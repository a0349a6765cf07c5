//! Conclude: end a service that has failed, so that every later poll gets the same answer.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::delete::{Scope, find};
use super::delete_version::delete_version;
use super::evidence::{last_words, name_platform};
use super::keep_failed::keep;
use super::observe::assess;
use super::retry::{Backoff, Deadline, Step};
use super::verdict_event::{Recorded, recall, record};
use crate::cluster::{Api, server_time};
use crate::error::{Error, Result};
use crate::identity::owner::{ManagedBy, is_owned_by, kept_until, managed_by};
use crate::metrics::note_failure;
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

/// How a service that has failed ends.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Which services end with it; none, where the service is only used.
    pub scope: Option<Scope>,
    /// For how long one that has failed for good is kept for people to look at.
    pub keep: Option<Duration>,
}

/// The answer of [`conclude`].
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The verdict that counts, or the state of a service that has recovered.
    pub status: Status,
    /// The `StatefulSet` that is gone, or going, by this call, as it was read before.
    pub deleted: Option<Box<StatefulSet>>,
    /// A note for the operator of the connector.
    pub warning: Option<String>,
}

/// Ends a service that has failed: looks at it afresh, records the verdict, and takes the service down or keeps it.
///
/// The verdict may come from memory, so the service itself is read again. Only if it still has failed, or has the same
/// cause, is the verdict recorded and the service ended, at exactly the version that was read; one that has recovered
/// is left as it is. The call can be retried, by any process and at any point of another one: the record comes first,
/// so that any process that finds the service gone finds the verdict.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline: the verdict stands, but the
/// service may still be there.
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
        // The state that version 1 wrote has no uid, so that the name is all there is. A service that is only used may
        // be anybody's: the verdict on an earlier one of its name is no answer.
        if uid.is_none() && ending.scope.is_none() {
            return Ok(verdict.clone());
        }
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
        let status = if assessment.at(server_time::now(), grace_periods).reason == verdict.reason {
            let mut status = verdict.clone();
            name_platform(api, &assessment, &mut status, grace_periods, deadline).await;
            status
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
                    if until.is_some() {
                        note_failure(status.reason);
                    }
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
                    let sentence = format!("\nIt could not be kept for inspection. {error}");
                    status.message.push_str(&sentence);
                }
                Err(error) => return Err(error),
            }
        }
        if !delete_version(api, &there, deadline).await? {
            // It may have recovered.
            if backoff.wait(deadline, None).await {
                continue;
            }
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
        // Of several calls, one has ended the service, whichever has recorded the verdict.
        note_failure(status.reason);
        return Ok(Conclusion {
            status,
            deleted: Some(Box::new(there)),
            warning,
        });
    }
}

fn covers(scope: &Scope, metadata: &ObjectMeta) -> bool {
    match scope {
        Scope::OwnedBy(owner) => is_owned_by(metadata, owner),
        Scope::AnyOfOurs | Scope::InUseToo => managed_by(metadata) != ManagedBy::Other,
    }
}

fn unrecorded(name: &str, error: &Error) -> String {
    format!("Why data service {name} has failed could not be recorded for a poll whose answer is lost. {error}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::identity::labels::VERDICT_ANNOTATION;
    use crate::watch::scripted::Scripted;

    /// The Event of a verdict on a service.
    fn verdict(uid: &str, version: &str, phase: &str, reason: &str) -> Value {
        let record = json!({"phase": phase, "reason": reason, "ready": 0, "wanted": 1, "pods": []});
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": uid, "annotations": {VERDICT_ANNOTATION: record.to_string()}},
            "involvedObject": {"kind": "StatefulSet", "name": "foo", "uid": uid, "resourceVersion": version},
            "message": format!("The verdict on {uid}."),
        })
    }

    async fn concluded(api: &Scripted, uid: Option<&str>, scope: Option<Scope>) -> Status {
        let gone = Status::gone("flyte", "foo");
        let failing = Failing {
            namespace: "flyte",
            name: "foo",
            uid,
            verdict: &gone,
        };
        let ending = Ending { scope, keep: None };
        let deadline = Deadline::after(Duration::from_secs(2));
        let concluded = conclude(api, failing, &ending, &GracePeriods::default(), deadline).await;
        concluded.expect("a conclusion").status
    }

    #[tokio::test(start_paused = true)]
    async fn the_state_of_version_1_has_the_last_verdict_on_its_name() {
        let api = Scripted::quiet();
        api.add(verdict("b", "12", "RetryableFailed", "RegistryUnreachable"));
        api.add(verdict("a", "7", "Failed", "ContainerExits"));
        let status = concluded(&api, None, Some(Scope::AnyOfOurs)).await;
        assert_eq!(
            (status.phase, status.message.as_str()),
            (Phase::RetryableFailed, "The verdict on b.")
        );
        concluded(&api, Some("a"), Some(Scope::AnyOfOurs)).await;
        let selected: Vec<_> = api.asked("select Event").into_iter().map(|(_, asked)| asked).collect();
        let fields = "select Event  involvedObject.kind=StatefulSet,involvedObject.name=foo";
        assert_eq!(
            selected,
            [
                format!("{fields},type=Warning"),
                format!("{fields},involvedObject.uid=a,type=Warning")
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_only_used_has_no_verdict_of_an_earlier_one() {
        let api = Scripted::quiet();
        api.add(verdict("a", "7", "RetryableFailed", "RegistryUnreachable"));
        assert_eq!(concluded(&api, None, None).await.reason, "StatefulSetNotFound");
    }
}
