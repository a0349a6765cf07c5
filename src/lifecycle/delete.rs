//! Delete: take both objects of a service away, and nothing that is not ours.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
use super::owned::belongs_to;
use crate::api::{Api, Deleted, Fault, Kind};
use crate::error::{Error, Result};
use crate::ownership::{Maker, is_owned_by, maker, marks};

/// Which services a delete may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Any that this plugin has made, for whomever: it was asked for by name.
    AnyOfOurs,
    /// Only one that was made for the owner with this id; another is left alone without an error.
    OwnedBy(String),
}

/// The answer of [`delete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// There was nothing of that name.
    NothingThere,
    /// Both objects are gone.
    Gone,
    /// The deletion is under way; a finalizer holds an object for now.
    Terminating,
    /// A service is there that the scope does not cover. It was left as it is.
    LeftAlone,
}

/// What [`delete`] has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What has become of the service.
    pub deletion: Deletion,
    /// The uids of the `StatefulSet`s that are gone, or going, by this call.
    pub deleted: Vec<String>,
}

/// Deletes a service. Both objects are attempted, whatever becomes of the other; what is already gone is a success.
///
/// An object is deleted by its uid, so that one that has come under its name in between survives. Whose the Service is, is
/// read from the `StatefulSet` that it belongs to: a run that shares a service may have made its Service.
///
/// # Errors
/// [`Error::NotOwned`] when somebody else's object has the name and the scope is [`Scope::AnyOfOurs`],
/// [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline.
pub async fn delete<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    scope: &Scope,
    deadline: Deadline,
) -> Result<Outcome> {
    let mut deleted = Vec::new();
    let mut backoff = Backoff::new();
    let mut was_there = false;
    loop {
        let (stateful_set, service) = tokio::join!(
            find::<StatefulSet, A>(api, namespace, name, deadline),
            find::<Service, A>(api, namespace, name, deadline),
        );
        let mut stateful_set = stateful_set?;
        if let Ok(Some(there)) = &service
            && owner_of(there, stateful_set.as_ref()).is_none()
        {
            // The StatefulSet that it belongs to may have come after the look for one. If it is not there now, it is gone.
            stateful_set = find(api, namespace, name, deadline).await?;
        }
        was_there |= stateful_set.is_some() || matches!(service, Ok(Some(_)));
        let decider = match &service {
            Ok(Some(there)) => owner_of(there, stateful_set.as_ref()).cloned(),
            _ => None,
        };
        let uid = stateful_set.as_ref().and_then(|set| set.metadata.uid.clone());
        let (stateful_set, service) = tokio::join!(
            take(api, Ok(stateful_set), None, scope, deadline),
            take(api, service, decider.as_ref(), scope, deadline),
        );
        if matches!(stateful_set, Ok(Some(Deletion::Gone | Deletion::Terminating))) {
            deleted.extend(uid);
        }
        let outcomes = [stateful_set?, service?];
        // Re-made or changed since it was read: look again whose it is now.
        if outcomes.iter().all(Option::is_some) {
            let outcomes: Vec<Deletion> = outcomes.into_iter().flatten().collect();
            let found = [Deletion::Terminating, Deletion::LeftAlone, Deletion::Gone]
                .into_iter()
                .find(|outcome| outcomes.contains(outcome));
            let nothing_now = if was_there {
                Deletion::Gone
            } else {
                Deletion::NothingThere
            };
            return Ok(Outcome {
                deletion: found.unwrap_or(nothing_now),
                deleted,
            });
        }
        if !backoff.wait(deadline, None).await {
            let deleting = Step::new::<StatefulSet>("delete", namespace, name);
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
    }
}

/// The metadata of the `StatefulSet`, if a Service of ours belongs to it and so goes where it goes.
fn owner_of<'a>(service: &Service, stateful_set: Option<&'a StatefulSet>) -> Option<&'a ObjectMeta> {
    let metadata = &stateful_set?.metadata;
    let uid = metadata.uid.as_deref().unwrap_or_default();
    (maker(&service.metadata) != Maker::Other && belongs_to(service, uid)).then_some(metadata)
}

/// Deletes the object with this uid, and nothing that has come under its name since.
///
/// # Errors
/// As [`delete`].
pub(super) async fn delete_exactly<K: Kind, A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: &str,
    deadline: Deadline,
) -> Result<()> {
    let deleting = Step::new::<K>("delete", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        match repeat(deadline, &deleting, || api.delete::<K>(namespace, name, uid)).await? {
            Ok(_) => return Ok(()),
            Err(Fault::Changed) => {}
            Err(fault) => return Err(deleting.failed(fault)),
        }
        // Re-made, or only changed by another writer in that moment.
        let there: Option<K> = find(api, namespace, name, deadline).await?;
        if there.is_none_or(|there| there.meta().uid.as_deref() != Some(uid)) {
            return Ok(());
        }
        if !backoff.wait(deadline, None).await {
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
    }
}

pub(super) async fn find<K: Kind, A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    deadline: Deadline,
) -> Result<Option<K>> {
    let reading = Step::new::<K>("get", namespace, name);
    repeat(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))
}

/// Deletes an object if the scope covers it, or the one that decides about it; `None` if it is not the one that was read.
async fn take<K: Kind, A: Api>(
    api: &A,
    found: Result<Option<K>>,
    decider: Option<&ObjectMeta>,
    scope: &Scope,
    deadline: Deadline,
) -> Result<Option<Deletion>> {
    let Some(there) = found? else {
        return Ok(Some(Deletion::NothingThere));
    };
    let metadata = there.meta();
    let (namespace, name) = (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    );
    let deciding = decider.unwrap_or(metadata);
    match scope {
        Scope::OwnedBy(owner) if !is_owned_by(deciding, owner) => return Ok(Some(Deletion::LeftAlone)),
        Scope::AnyOfOurs if maker(deciding) == Maker::Other => {
            return Err(Error::NotOwned {
                object: reference::<K>(namespace, name),
                found: marks(metadata),
            });
        }
        _ => {}
    }
    if metadata.deletion_timestamp.is_some() {
        return Ok(Some(Deletion::Terminating));
    }
    let deleting = Step::new::<K>("delete", namespace, name);
    let uid = metadata.uid.as_deref().unwrap_or_default();
    match repeat(deadline, &deleting, || api.delete::<K>(namespace, name, uid)).await? {
        Ok(Deleted::Gone) => Ok(Some(Deletion::Gone)),
        Ok(Deleted::Terminating) => Ok(Some(Deletion::Terminating)),
        Err(Fault::Changed) => Ok(None),
        Err(fault) => Err(deleting.failed(fault)),
    }
}
