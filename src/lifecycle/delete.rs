//! Delete: take both objects of a service away, and nothing that is not ours.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
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

/// Deletes a service. Both objects are attempted, whatever becomes of the other; what is already gone is a success.
///
/// An object is deleted by its uid, so that one that has come under its name in between survives.
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
) -> Result<Deletion> {
    let (stateful_set, service) = tokio::join!(
        delete_one::<StatefulSet, A>(api, namespace, name, scope, deadline),
        delete_one::<Service, A>(api, namespace, name, scope, deadline),
    );
    let (stateful_set, service) = (stateful_set?, service?);
    Ok([Deletion::Terminating, Deletion::LeftAlone, Deletion::Gone]
        .into_iter()
        .find(|outcome| *outcome == stateful_set || *outcome == service)
        .unwrap_or(Deletion::NothingThere))
}

async fn delete_one<K: Kind, A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    scope: &Scope,
    deadline: Deadline,
) -> Result<Deletion> {
    let reading = Step::new::<K>("get", namespace, name);
    let deleting = Step::new::<K>("delete", namespace, name);
    let mut backoff = Backoff::new();
    let mut was_there = false;
    loop {
        let there: Option<K> = repeat(deadline, &reading, || api.read(namespace, name))
            .await?
            .map_err(|fault| reading.failed(fault))?;
        let Some(there) = there else {
            return Ok(if was_there {
                Deletion::Gone
            } else {
                Deletion::NothingThere
            });
        };
        was_there = true;
        let metadata = there.meta();
        match scope {
            Scope::OwnedBy(owner) if !is_owned_by(metadata, owner) => return Ok(Deletion::LeftAlone),
            Scope::AnyOfOurs if maker(metadata) == Maker::Other => {
                return Err(Error::NotOwned {
                    object: reference::<K>(namespace, name),
                    found: marks(metadata),
                });
            }
            _ => {}
        }
        if metadata.deletion_timestamp.is_some() {
            return Ok(Deletion::Terminating);
        }
        let uid = metadata.uid.clone().unwrap_or_default();
        match repeat(deadline, &deleting, || api.delete::<K>(namespace, name, &uid)).await? {
            Ok(Deleted::Gone) => return Ok(Deletion::Gone),
            Ok(Deleted::Terminating) => return Ok(Deletion::Terminating),
            // Re-made or changed since it was read: look again whose it is now.
            Err(Fault::Changed) => {}
            Err(fault) => return Err(deleting.failed(fault)),
        }
        if !backoff.wait(deadline, None).await {
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
    }
}
