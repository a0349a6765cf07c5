//! Delete: take both objects of a service away, and nothing that is not ours.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
use super::service::belongs_to;
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
/// Each object is deleted by its uid, so that one that has come under its name in between survives. The Service is read
/// before the `StatefulSet`: its `StatefulSet` is then the one that is read after it, or is gone, and a Service is never
/// taken from a `StatefulSet` that stays, such as the one of a create that runs at the same time.
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
    let service: Result<Option<Service>> = find(api, namespace, name, deadline).await;
    let stateful_set: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
    let (stateful_set, service) = tokio::join!(
        async {
            match &stateful_set {
                Some(there) => take(api, namespace, name, there, there.meta(), scope, deadline).await,
                None => Ok(Deletion::NothingThere),
            }
        },
        async {
            let Some(there) = service? else {
                return Ok(Deletion::NothingThere);
            };
            // A run that only shares a service may have completed it; the Service goes with the StatefulSet all the same.
            let owner = stateful_set.as_ref().filter(|owner| {
                let uid = owner.meta().uid.as_deref().unwrap_or_default();
                maker(there.meta()) == Maker::Us && belongs_to(&there, uid)
            });
            let decisive = owner.map_or(there.meta(), Resource::meta);
            take(api, namespace, name, &there, decisive, scope, deadline).await
        },
    );
    let (stateful_set, service) = (stateful_set?, service?);
    Ok([Deletion::Terminating, Deletion::LeftAlone, Deletion::Gone]
        .into_iter()
        .find(|outcome| *outcome == stateful_set || *outcome == service)
        .unwrap_or(Deletion::NothingThere))
}

async fn find<K: Kind, A: Api>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<Option<K>> {
    let reading = Step::new::<K>("get", namespace, name);
    repeat(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))
}

/// Deletes an object if the scope covers the one whose metadata are decisive.
async fn take<K: Kind, A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    there: &K,
    decisive: &ObjectMeta,
    scope: &Scope,
    deadline: Deadline,
) -> Result<Deletion> {
    match scope {
        Scope::OwnedBy(owner) if !is_owned_by(decisive, owner) => return Ok(Deletion::LeftAlone),
        Scope::AnyOfOurs if maker(decisive) == Maker::Other => {
            return Err(Error::NotOwned {
                object: reference::<K>(namespace, name),
                found: marks(decisive),
            });
        }
        _ => {}
    }
    if there.meta().deletion_timestamp.is_some() {
        return Ok(Deletion::Terminating);
    }
    let uid = there.meta().uid.as_deref().unwrap_or_default();
    match delete_exactly::<K, A>(api, namespace, name, uid, deadline).await? {
        Deleted::Gone => Ok(Deletion::Gone),
        Deleted::Terminating => Ok(Deletion::Terminating),
    }
}

/// Deletes the object with this uid. One that has come under its name since says that it is gone.
///
/// # Errors
/// As [`delete`].
pub(super) async fn delete_exactly<K: Kind, A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: &str,
    deadline: Deadline,
) -> Result<Deleted> {
    let deleting = Step::new::<K>("delete", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        match repeat(deadline, &deleting, || api.delete::<K>(namespace, name, uid)).await? {
            Ok(deleted) => return Ok(deleted),
            Err(Fault::Changed) => {}
            Err(fault) => return Err(deleting.failed(fault)),
        }
        let there: Option<K> = find(api, namespace, name, deadline).await?;
        if there.is_none_or(|there| there.meta().uid.as_deref() != Some(uid)) {
            return Ok(Deleted::Gone);
        }
        if !backoff.wait(deadline, None).await {
            return Err(deleting.unavailable(deadline, "the object keeps changing"));
        }
    }
}
