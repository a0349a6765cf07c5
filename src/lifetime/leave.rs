//! Leave: a process no longer uses a service that it held by a Lease.

use tokio::time::{Duration, sleep};

use super::decision::Terms;
use crate::cluster::Api;
use crate::error::{Error, ObjectReference, Result};
use crate::identity::holder::key_of;
use crate::lifecycle::{Deadline, find_ours, mark};

/// How often to look at a service that changes in the meantime, and how long to wait before that.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Removes the holder of a process from a service, which stays. A service that is to end with its last holder keeps it:
/// its Lease is gone, so that the service ends with its lifetime.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline.
pub async fn leave<A: Api>(api: &A, namespace: &str, name: &str, owner: &str, deadline: Deadline) -> Result<()> {
    let key = key_of(owner);
    for _ in 0..TRIES {
        let Some(there) = find_ours(api, namespace, name, deadline).await? else {
            return Ok(());
        };
        let terms = Terms::of(&there.metadata);
        let is_last = terms.holders.len() == 1 && terms.is_released;
        let holds = terms.holders.of_owner(owner).is_some();
        if !holds || is_last || mark(api, &there, &[(key.as_str(), None)], deadline).await? {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(Error::Unavailable {
        verb: "patch",
        object: ObjectReference::new("StatefulSet", namespace, name),
        seconds: (PAUSE * TRIES).as_secs_f64(),
        cause: "the object keeps changing".to_owned(),
    })
}
