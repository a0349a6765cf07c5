//! Create: make both objects of a service, or find that they are there.

use super::deadline::Deadline;
use super::service::{Companion, ensure_service};
use super::stateful_set::{Held, ensure_stateful_set, take_back};
use crate::api::Api;
use crate::error::Result;
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
/// same owner or from the same specification. What the owner has is taken back before the call fails, also what an
/// earlier call or one whose reply was lost has made: Flyte never deletes what it knows of no create.
///
/// # Errors
/// [`Error::Conflict`](crate::error::Error::Conflict) when the name is somebody else's,
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected),
/// [`Error::NotFound`](crate::error::Error::NotFound) for the namespace, and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn create<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    deadline: Deadline,
) -> Result<Created> {
    loop {
        let Held { uid, shared_with } = ensure_stateful_set(api, spec, identity, deadline).await?;
        match ensure_service(api, spec, identity, &uid, deadline).await {
            Ok(Companion::Service) => {
                return Ok(Created {
                    name: identity.name.clone(),
                    namespace: identity.namespace.clone(),
                    uid,
                    shared_with,
                });
            }
            // Deleted between the two requests.
            Ok(Companion::Orphaned) => {}
            Err(error) => {
                if shared_with.is_none() {
                    take_back(api, identity, &uid, deadline).await;
                }
                return Err(error);
            }
        }
    }
}
