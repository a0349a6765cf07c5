//! The `StatefulSet`'s part of create.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::delete::{delete_exactly, find};
use super::retract::{CallId, is_adopted_by_another, may_be_retracted};
use super::retry::{Backoff, Deadline, Step, reference, retry};
use crate::cluster::{Api, Fault};
use crate::compare::differences;
use crate::error::{Error, Result};
use crate::identity::asleep::{Asleep, awake};
use crate::identity::owner::{ManagedBy, describe, has_hash, hash, is_owned_by, kept_until, managed_by, owner};
use crate::manifests::Objects;

/// How long a create that failed may at least go on to take back what it made. Flyte waits 3 s for the whole call.
const TAKE_BACK: Duration = Duration::from_millis(400);

/// The consequence if the objects of a failed create cannot be deleted.
const LEFT_BEHIND: &str = "a create has failed, and what it made is not deleted yet";

/// Where a `StatefulSet` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This call has made it.
    New,
    /// It existed already.
    Found,
}

/// An existing `StatefulSet` that the caller may use.
pub(super) struct Held {
    /// Its uid.
    pub(super) uid: String,
    pub(super) origin: Origin,
    /// Its owner, if that is not the caller.
    pub(super) shared_with: Option<String>,
    /// Whether the call that has made it may take it back, unless it is adopted.
    pub(super) may_be_retracted: bool,
    /// Whether it has to be changed for the run that asks.
    pub(super) must_join: bool,
    /// Whether it sleeps.
    pub(super) is_asleep: bool,
}

/// Makes the `StatefulSet`, or finds one that may be used.
pub(super) async fn ensure_stateful_set<A: Api>(
    api: &A,
    objects: &Objects,
    call: &CallId,
    deadline: Deadline,
) -> Result<Held> {
    let (namespace, name) = (objects.namespace(), objects.name());
    let wanted = &objects.stateful_set;
    let mut signed = wanted.clone();
    call.sign(&mut signed.metadata);
    let creating = Step::new::<StatefulSet>("create", namespace, name);
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let refusal = match retry(deadline, &creating, || api.create(&signed)).await? {
            Ok(made) => {
                return Ok(Held {
                    uid: made.metadata.uid.unwrap_or_default(),
                    origin: Origin::New,
                    shared_with: None,
                    may_be_retracted: false,
                    must_join: false,
                    is_asleep: false,
                });
            }
            Err(Fault::AlreadyExists) => None,
            // Kubernetes asks a quota before it looks whether the name is taken, and what fills it may be this very
            // object.
            Err(fault @ Fault::Refused { .. }) => Some(fault),
            Err(fault) => return Err(creating.failed(fault)),
        };
        let there: Option<StatefulSet> = match (retry(deadline, &reading, || api.read(namespace, name)).await?, refusal)
        {
            (Ok(None) | Err(_), Some(fault)) => return Err(creating.failed(fault)),
            (there, _) => there.map_err(|fault| reading.failed(fault))?,
        };
        let blocked = match there {
            Some(there)
                if there.metadata.deletion_timestamp.is_some() && managed_by(&there.metadata) != ManagedBy::Other =>
            {
                "a service of that name is still being deleted"
            }
            Some(there) if kept_until(&there.metadata).is_some() => {
                let uid = there.metadata.uid.unwrap_or_default();
                delete_exactly::<StatefulSet, A>(api, namespace, name, &uid, deadline).await?;
                "a service of that name that has failed is being deleted"
            }
            Some(there) => {
                let held = use_or_refuse(&there, wanted)?;
                return Ok(Held {
                    may_be_retracted: may_be_retracted(&there.metadata, call),
                    must_join: call.must_join(&there.metadata),
                    ..held
                });
            }
            // It went between the two requests.
            None => "a service of that name comes and goes",
        };
        if !backoff.wait(deadline, None).await {
            return Err(creating.unavailable(deadline, blocked));
        }
    }
}

/// Decides about a `StatefulSet` of the same name.
pub(super) fn use_or_refuse(there: &StatefulSet, wanted: &StatefulSet) -> Result<Held> {
    let metadata = &there.metadata;
    let ours = is_owned_by(metadata, &owner(&wanted.metadata).id);
    if ours || has_hash(metadata, hash(&wanted.metadata)) {
        return Ok(Held {
            uid: metadata.uid.clone().unwrap_or_default(),
            origin: Origin::Found,
            shared_with: (!ours).then(|| describe(metadata)),
            may_be_retracted: false,
            must_join: false,
            is_asleep: Asleep::of(there).is_some(),
        });
    }
    let differences = differences(&awake(there), wanted);
    let difference = if managed_by(metadata) == ManagedBy::Other {
        format!("it belongs to {}.", describe(metadata))
    } else if differences.is_empty() {
        format!(
            "it belongs to {} and was made from another configuration.",
            describe(metadata)
        )
    } else {
        format!(
            "it belongs to {} and differs in {}.",
            describe(metadata),
            differences.join(", ")
        )
    };
    Err(Error::Conflict {
        object: reference::<StatefulSet>(
            wanted.metadata.namespace.as_deref().unwrap_or_default(),
            wanted.metadata.name.as_deref().unwrap_or_default(),
        ),
        difference,
        advice: "Choose another Name, or set ExistingReleaseName to use the existing service.".to_owned(),
    })
}

/// Removes the `StatefulSet` that a failed create, or the one before it, has made, unless another create has succeeded
/// with it meanwhile. A service that cannot be removed now is found under its name by the next try, which uses it, and
/// by the sensor, which deletes it.
pub(super) async fn roll_back<A: Api>(
    api: &A,
    (namespace, name): (&str, &str),
    uid: &str,
    call: &CallId,
    deadline: Deadline,
) {
    let deadline = deadline.or_after(TAKE_BACK);
    let deleting = Step::new::<StatefulSet>("delete", namespace, name);
    // The error that made the create fail is the one that the user must see.
    loop {
        let there: Result<Option<StatefulSet>> = find(api, namespace, name, deadline).await;
        let there = match there {
            Ok(there) => there,
            Err(error) => {
                deleting.swallow(LEFT_BEHIND, &error);
                break;
            }
        };
        let is_meant = |there: &StatefulSet| there.metadata.uid.as_deref() == Some(uid);
        let Some(there) = there.filter(is_meant) else { return };
        if is_adopted_by_another(&there.metadata, call) {
            return;
        }
        match retry(deadline, &deleting, || api.delete_version(&there)).await {
            Ok(Ok(_)) => return,
            Ok(Err(Fault::Changed)) => {}
            Ok(Err(fault)) => {
                deleting.swallow(LEFT_BEHIND, &fault);
                break;
            }
            Err(error) => {
                deleting.swallow(LEFT_BEHIND, &error);
                break;
            }
        }
    }
    call.leave();
}
