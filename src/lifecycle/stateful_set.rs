//! The `StatefulSet`'s part of create.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
use super::delete::{delete_exactly, find};
use super::retract::{CallId, is_adopted_by_another, may_be_retracted};
use crate::api::{Api, Fault};
use crate::error::{Error, Result};
use crate::manifests::{differences, stateful_set};
use crate::ownership::{Identity, Maker, describe, has_hash, is_owned_by, kept_until, maker};
use crate::spec::DataServiceSpec;

/// How long a create that failed may at least go on to take back what it made. Flyte waits 3 s for the whole call.
const TAKE_BACK: Duration = Duration::from_millis(400);

/// A `StatefulSet` that is there and that the caller may use.
pub(super) struct Held {
    /// Its uid.
    pub(super) uid: String,
    /// Whose it is, if not the caller's.
    pub(super) shared_with: Option<String>,
    /// Whether the call that has made it may take it back, unless it is adopted.
    pub(super) may_be_retracted: bool,
}

/// Makes the `StatefulSet`, or finds one that may be used.
pub(super) async fn ensure_stateful_set<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    call: &CallId,
    deadline: Deadline,
) -> Result<Held> {
    let Identity { namespace, name, .. } = identity;
    let mut wanted = stateful_set(spec, identity);
    call.sign(&mut wanted.metadata);
    let creating = Step::new::<StatefulSet>("create", namespace, name);
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let refusal = match repeat(deadline, &creating, || api.create(&wanted)).await? {
            Ok(made) => {
                return Ok(Held {
                    uid: made.metadata.uid.unwrap_or_default(),
                    shared_with: None,
                    may_be_retracted: false,
                });
            }
            Err(Fault::AlreadyExists) => None,
            // Kubernetes asks a quota before it looks whether the name is taken, and what fills it may be this very object.
            Err(fault @ Fault::Refused { .. }) => Some(fault),
            Err(fault) => return Err(creating.failed(fault)),
        };
        let there: Option<StatefulSet> =
            match (repeat(deadline, &reading, || api.read(namespace, name)).await?, refusal) {
                (Ok(None) | Err(_), Some(fault)) => return Err(creating.failed(fault)),
                (there, _) => there.map_err(|fault| reading.failed(fault))?,
            };
        let blocked = match there {
            Some(there) if there.metadata.deletion_timestamp.is_some() && maker(&there.metadata) != Maker::Other => {
                "a service of that name is still being deleted"
            }
            Some(there) if kept_until(&there.metadata).is_some() => {
                let uid = there.metadata.uid.unwrap_or_default();
                delete_exactly::<StatefulSet, A>(api, namespace, name, &uid, deadline).await?;
                "a service of that name that has failed is being deleted"
            }
            Some(there) => {
                let held = use_or_refuse(&there, &wanted, spec, identity)?;
                return Ok(Held {
                    may_be_retracted: may_be_retracted(&there.metadata, call),
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
pub(super) fn use_or_refuse(
    there: &StatefulSet,
    wanted: &StatefulSet,
    spec: &DataServiceSpec,
    identity: &Identity,
) -> Result<Held> {
    let metadata = &there.metadata;
    let ours = is_owned_by(metadata, &identity.owner.id);
    if ours || has_hash(metadata, &spec.hash()) {
        return Ok(Held {
            uid: metadata.uid.clone().unwrap_or_default(),
            shared_with: (!ours).then(|| describe(metadata)),
            may_be_retracted: false,
        });
    }
    let differences = differences(there, wanted);
    let difference = if maker(metadata) == Maker::Other {
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
        object: reference::<StatefulSet>(&identity.namespace, &identity.name),
        difference,
        advice: "Choose another Name, or set ExistingReleaseName to use the service that is there.".to_owned(),
    })
}

/// Removes the `StatefulSet` that a failed create, or the one before it, has made, unless another create has succeeded with
/// it meanwhile. What cannot be removed now is found under its name by the next try, which uses it, and by the sensor, which
/// deletes it.
pub(super) async fn take_back<A: Api>(api: &A, identity: &Identity, uid: &str, call: &CallId, deadline: Deadline) {
    let Identity { namespace, name, .. } = identity;
    let deadline = deadline.or_after(TAKE_BACK);
    let deleting = Step::new::<StatefulSet>("delete", namespace, name);
    // The error that made the create fail is the one that the user must see.
    loop {
        let there: Result<Option<StatefulSet>> = find(api, namespace, name, deadline).await;
        let Ok(there) = there else { break };
        let is_meant = |there: &StatefulSet| there.metadata.uid.as_deref() == Some(uid);
        let Some(there) = there.filter(is_meant) else { return };
        if is_adopted_by_another(&there.metadata, call) {
            return;
        }
        match repeat(deadline, &deleting, || api.delete_version(&there)).await {
            Ok(Ok(_)) => return,
            Ok(Err(Fault::Changed)) => {}
            Ok(Err(_)) | Err(_) => break,
        }
    }
    call.leave();
}
