//! Create: create both objects of a service, unless they exist.

use super::dependents::ensure_owned;
use super::retract::{Adoption, CallId, adopt};
use super::retry::Deadline;
use super::stateful_set::{Origin, ensure_stateful_set, roll_back};
use super::wake::{Awake, ensure_awake};
use crate::cluster::Api;
use crate::error::{Error, Result};
use crate::manifests::Objects;

/// The answer of [`create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`, which distinguishes it from earlier and later ones of the same name.
    pub uid: String,
    /// Whether this call has made it.
    pub is_new: bool,
    /// The owner of the service, if another run has created it; `None` if it is the caller's own.
    pub shared_with: Option<String>,
    /// Whether the run that asks holds the service, or cannot be seen; `false` where the account lacks the permission
    /// to write that it does.
    pub is_held: bool,
    /// The generation of its `StatefulSet` once it was woken, where it slept.
    pub woken_at: Option<i64>,
}

/// Creates the objects of a service, unless they exist: the call can be retried and run concurrently.
///
/// The `StatefulSet` comes first, so that the Service is born as its property: from then on the garbage collector takes
/// the one with the other, whatever becomes of this process. A service of the same name is used if it was made for the
/// same owner or from the same specification, and woken if it sleeps. What was made for this owner is taken back when
/// its other half is refused. When that is only not known, it stays for the next try, and [`retract`](super::retract())
/// takes it back if there is none.
///
/// # Errors
/// [`Error::Conflict`] when the name is somebody else's,
/// [`Error::Forbidden`], [`Error::Rejected`],
/// [`Error::NotFound`] for the namespace, and
/// [`Error::Unavailable`] at the deadline.
pub async fn create<A: Api>(api: &A, objects: &Objects, call: &CallId, deadline: Deadline) -> Result<Created> {
    let (namespace, name) = (objects.namespace(), objects.name());
    let (held, is_held, woken_at) = loop {
        let held = ensure_stateful_set(api, objects, call, deadline).await?;
        let (is_held, is_asleep) = match ensure_owned(api, &objects.dependents_of(&held.uid), &held.uid, deadline).await
        {
            Ok(true) if !held.may_be_retracted && !held.must_join => (true, held.is_asleep),
            // From here on nobody takes the service away from its run.
            Ok(true) => match adopt(api, namespace, name, &held.uid, call, deadline).await? {
                Adoption::Written { is_asleep } => (true, is_asleep),
                Adoption::Forbidden => (!held.must_join, held.is_asleep),
                Adoption::Gone => continue,
            },
            // Deleted meanwhile. Another one may have its name by now, whose Service must not be taken.
            Ok(false) => continue,
            // Another process may finish it. If none does, `retract` takes it back.
            Err(error @ Error::Unavailable { .. }) => return Err(error),
            Err(error) => {
                if held.shared_with.is_none() {
                    roll_back(api, (namespace, name), &held.uid, call, deadline).await;
                }
                return Err(error);
            }
        };
        if !is_asleep {
            break (held, is_held, None);
        }
        match ensure_awake(api, namespace, name, &held.uid, deadline).await? {
            Awake::Gone => {}
            awake => break (held, is_held, awake.woken_at()),
        }
    };
    Ok(Created {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        uid: held.uid,
        is_new: held.origin == Origin::New,
        shared_with: held.shared_with,
        is_held,
        woken_at,
    })
}
