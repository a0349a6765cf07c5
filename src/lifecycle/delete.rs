//! Delete: delete both objects of a service, and nothing that is not ours.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::retry::{Backoff, Deadline, Step, reference, retry};
use crate::cluster::{Api, Deleted, Fault, Kind};
use crate::error::{Error, Result};
use crate::identity::holder::{Holder, Holders};
use crate::identity::owner::{ManagedBy, belongs_to, is_owned_by, labels_as_evidence, managed_by};

/// Which services a delete may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Any that this plugin has made, for whomever: it was asked for by name.
    AnyOfOurs,
    /// The same, even where runs use it.
    InUseToo,
    /// Only one that was made for the owner with this id; another is left alone without an error.
    OwnedBy(String),
}

impl Scope {
    /// The scope of a delete for an owner, or by name where there is none. Only a delete by name can take a service
    /// that runs use: `force` counts for nothing else.
    #[must_use]
    pub fn new(owner: Option<String>, force: bool) -> Self {
        match owner {
            Some(owner) => Self::OwnedBy(owner),
            None if force => Self::InUseToo,
            None => Self::AnyOfOurs,
        }
    }
}

/// The answer of [`delete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// Nothing of that name exists.
    NothingThere,
    /// Both objects are gone.
    Gone,
    /// The deletion is under way; a finalizer holds an object for now.
    Terminating,
    /// The service is not in the scope. It was left as it is.
    LeftAlone,
    /// Other runs use the service, which are these. It was left as it is.
    InUse(Vec<String>),
}

/// Deletes a service. Both objects are attempted, even if one fails; an object that is already gone is a success.
///
/// `deleted` gets the `StatefulSet`s that are gone, or going, by this call, as they were read before, also where it
/// fails afterwards.
///
/// An object is deleted by its uid, so that one that has come under its name in between survives. Whose the Service is,
/// is read from the `StatefulSet` that it belongs to: a run that shares a service may have made its Service.
///
/// # Errors
/// [`Error::NotOwned`] when somebody else's object has the name and the scope is [`Scope::AnyOfOurs`],
/// [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline.
pub async fn delete<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    scope: &Scope,
    deleted: &mut Vec<StatefulSet>,
    deadline: Deadline,
) -> Result<Deletion> {
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
            // The StatefulSet that it belongs to may have come after the look for one. If it is not there now, it is
            // gone.
            stateful_set = find(api, namespace, name, deadline).await?;
        }
        if let Some(others) = stateful_set.as_ref().and_then(|set| other_users(&set.metadata, scope)) {
            return Ok(Deletion::InUse(others));
        }
        was_there |= stateful_set.is_some() || matches!(service, Ok(Some(_)));
        let decider = match &service {
            Ok(Some(there)) => owner_of(there, stateful_set.as_ref()).cloned(),
            _ => None,
        };
        let read = stateful_set.clone();
        // At the version that was read: a run that joins in between has written so, and keeps the service whole.
        let stateful_set = delete_if_in_scope(api, Ok(stateful_set), None, (scope, Exactly::Version), deadline).await;
        let service = match &stateful_set {
            Ok(None) => Ok(None),
            _ => delete_if_in_scope(api, service, decider.as_ref(), (scope, Exactly::Uid), deadline).await,
        };
        if matches!(stateful_set, Ok(Some(Deletion::Gone | Deletion::Terminating))) {
            deleted.extend(read);
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
            return Ok(found.unwrap_or(nothing_now));
        }
        if !backoff.wait(deadline, None).await {
            let deleting = Step::new::<StatefulSet>("delete", namespace, name);
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
    }
}

/// The runs that may use a service besides the one that asks for its deletion; `None` where there are none, or where
/// the service is no concern of the caller. Whether the runs go on is not checked.
fn other_users(metadata: &ObjectMeta, scope: &Scope) -> Option<Vec<String>> {
    if managed_by(metadata) != ManagedBy::Us || metadata.deletion_timestamp.is_some() {
        return None;
    }
    let holders = Holders::of(metadata);
    let distinct = |holders: &[&Holder]| holders.iter().map(|holder| holder.run()).collect::<BTreeSet<_>>().len();
    let all: Vec<&Holder> = holders.known.iter().collect();
    let users = match scope {
        Scope::InUseToo => return None,
        Scope::OwnedBy(owner) => {
            let holds = holders.of_owner(owner).is_some();
            if !holds && !is_owned_by(metadata, owner) {
                return None;
            }
            let others: Vec<_> = all.into_iter().filter(|holder| holder.owner != *owner).collect();
            // Another run has made the service, so that this one alone does not decide whether it stays.
            if others.is_empty() && holders.unreadable.is_empty() && is_owned_by(metadata, owner) {
                return None;
            }
            others
        }
        Scope::AnyOfOurs => {
            // A process that holds the service need not be the one that asks.
            let is_held = all.iter().any(|holder| holder.is_lease());
            if !is_held && distinct(&all) + holders.unreadable.len() <= 1 {
                return None;
            }
            all
        }
    };
    let names: BTreeSet<_> = users.into_iter().map(ToString::to_string).collect();
    Some(names.into_iter().chain(holders.unreadable.iter().cloned()).collect())
}

/// The metadata of the `StatefulSet`, if a Service of ours belongs to it and so goes where it goes.
fn owner_of<'a>(service: &Service, stateful_set: Option<&'a StatefulSet>) -> Option<&'a ObjectMeta> {
    let metadata = &stateful_set?.metadata;
    let uid = metadata.uid.as_deref().unwrap_or_default();
    (managed_by(&service.metadata) != ManagedBy::Other && belongs_to(&service.metadata, uid)).then_some(metadata)
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
        match retry(deadline, &deleting, || api.delete::<K>(namespace, name, uid)).await? {
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
    retry(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))
}

/// The `StatefulSet` with this uid, unless it is gone or going. A finalizer may hold one that was deleted.
pub(super) async fn find_live<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: &str,
    deadline: Deadline,
) -> Result<Option<StatefulSet>> {
    let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
    Ok(there.filter(|there| {
        let metadata = &there.metadata;
        metadata.uid.as_deref() == Some(uid) && metadata.deletion_timestamp.is_none()
    }))
}

/// The identity of the object that was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exactly {
    Uid,
    Version,
}

/// Deletes an object if the scope covers it, or the one that decides about it; `None` if it is not the one that was
/// read.
async fn delete_if_in_scope<K: Kind, A: Api>(
    api: &A,
    found: Result<Option<K>>,
    decider: Option<&ObjectMeta>,
    (scope, exactly): (&Scope, Exactly),
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
        Scope::AnyOfOurs | Scope::InUseToo if managed_by(deciding) == ManagedBy::Other => {
            return Err(Error::NotOwned {
                object: reference::<K>(namespace, name),
                found: labels_as_evidence(metadata),
            });
        }
        _ => {}
    }
    if metadata.deletion_timestamp.is_some() {
        return Ok(Some(Deletion::Terminating));
    }
    let deleting = Step::new::<K>("delete", namespace, name);
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let deleted = if exactly == Exactly::Version {
        retry(deadline, &deleting, || api.delete_version(&there)).await?
    } else {
        retry(deadline, &deleting, || api.delete::<K>(namespace, name, uid)).await?
    };
    match deleted {
        Ok(Deleted::Gone) => Ok(Some(Deletion::Gone)),
        Ok(Deleted::Terminating) => Ok(Some(Deletion::Terminating)),
        Err(Fault::Changed) => Ok(None),
        Err(fault) => Err(deleting.failed(fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delete_by_name_is_forced() {
        let owner = || Some("o".to_owned());
        for (owner, force, scope) in [
            (None, false, Scope::AnyOfOurs),
            (None, true, Scope::InUseToo),
            (owner(), false, Scope::OwnedBy("o".to_owned())),
            (owner(), true, Scope::OwnedBy("o".to_owned())),
        ] {
            assert_eq!(Scope::new(owner, force), scope);
        }
    }
}
