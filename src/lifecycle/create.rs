//! Create: make both objects of a service, or find that they are there.

use super::deadline::Deadline;
use super::owned::ensure_owned;
use super::retract::{CallId, adopt};
use super::stateful_set::{ensure_stateful_set, take_back};
use crate::api::Api;
use crate::error::{Error, Result};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// The answer of [`create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`, which tells it from others that have the name before or after it.
    pub uid: String,
    /// Whose service it is that is used, where another run has made it; `None` where it is the caller's own.
    pub shared_with: Option<String>,
}

/// Makes a service, or finds that it is there: the call can be repeated and run concurrently.
///
/// The `StatefulSet` comes first, so that the Service is born as its property: from then on the garbage collector takes
/// the one with the other, whatever becomes of this process. A service of the same name is used if it was made for the
/// same owner or from the same specification. What was made for this owner is taken back when its other half
/// is refused. When that is only not known, it stays for the next try, and [`retract`](super::retract()) takes it back if there
/// is none.
///
/// # Errors
/// [`Error::Conflict`] when the name is somebody else's,
/// [`Error::Forbidden`], [`Error::Rejected`],
/// [`Error::NotFound`] for the namespace, and
/// [`Error::Unavailable`] at the deadline.
pub async fn create<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    call: &CallId,
    deadline: Deadline,
) -> Result<Created> {
    let held = loop {
        let held = ensure_stateful_set(api, spec, identity, call, deadline).await?;
        match ensure_owned(api, spec, identity, &held.uid, deadline).await {
            Ok(true) if !held.may_be_retracted => break held,
            // The last step: from here on the call succeeds, and its maker takes it back no more.
            Ok(true) if adopt(api, &identity.namespace, &identity.name, &held.uid, call, deadline).await? => {
                break held;
            }
            // Deleted meanwhile. Another one may have its name by now, whose Service must not be taken.
            Ok(_) => {}
            // Another process may finish it. If none does, `retract` takes it back.
            Err(error @ Error::Unavailable { .. }) => return Err(error),
            Err(error) => {
                if held.shared_with.is_none() {
                    take_back(api, identity, &held.uid, call, deadline).await;
                }
                return Err(error);
            }
        }
    };
    Ok(Created {
        name: identity.name.clone(),
        namespace: identity.namespace.clone(),
        uid: held.uid,
        shared_with: held.shared_with,
    })
}
