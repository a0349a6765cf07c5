//! Observe: how a service is doing.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::deadline::{Deadline, Step, repeat};
use crate::api::Api;
use crate::error::{Error, Result};
use crate::status::{Status, judge};

/// Tells how a service is doing, from its `StatefulSet`.
///
/// With a `uid` only the service with that uid is meant: another one of that name says that it is gone.
///
/// A cluster that cannot be reached is no reason to fail: Flyte counts errors of a get and gives up after five, though
/// the service may be well. The state is then unknown, and the message says why.
///
/// # Errors
/// [`Error::Forbidden`] and [`Error::Rejected`], which waiting does not mend.
pub async fn observe<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    deadline: Deadline,
) -> Result<Status> {
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    match repeat(deadline, &reading, || api.read::<StatefulSet>(namespace, name)).await {
        Ok(Ok(Some(other))) if uid.is_some() && other.metadata.uid.as_deref() != uid => {
            Ok(Status::replaced(namespace, name))
        }
        Ok(Ok(Some(stateful_set))) => Ok(judge(&stateful_set)),
        Ok(Ok(None)) => Ok(Status::gone(namespace, name)),
        Ok(Err(fault)) => Err(reading.failed(fault)),
        Err(error @ Error::Unavailable { .. }) => Ok(Status::unknown(error.to_string())),
        Err(error) => Err(error),
    }
}
