//! Which form the sidecars of a service take, which the version of the API server decides.

use std::future::Future;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::retry::{Deadline, Step, retry};
use crate::cluster::Fault;
use crate::error::Result;

/// Finds out whether the API server knows native sidecars, before it is attempted to `verb` a service. An API server
/// that does not answer is asked again until the deadline: a wrong guess would make a service that never starts.
///
/// # Errors
/// [`crate::error::Error::Unavailable`] at the deadline, and the API server's other errors.
pub async fn native_sidecars<F: Future<Output = Result<bool, Fault>>>(
    verb: &'static str,
    namespace: &str,
    name: &str,
    deadline: Deadline,
    ask: impl Fn() -> F,
) -> Result<bool> {
    let step = Step::new::<StatefulSet>(verb, namespace, name);
    retry(deadline, &step, ask).await?.map_err(|fault| step.failed(fault))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::error::Error;

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_is_away_is_asked_again() {
        let tries = Cell::new(0);
        let deadline = Deadline::after(Duration::from_secs(2));
        let native = native_sidecars("create", "flyte", "foo", deadline, || {
            tries.set(tries.get() + 1);
            ready(if tries.get() < 3 {
                Err(Fault::transient("away"))
            } else {
                Ok(false)
            })
        });
        assert!(matches!(native.await, Ok(false)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_never_answers_is_waited_for_until_the_deadline() {
        let begun = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(2));
        let native = native_sidecars("create", "flyte", "foo", deadline, pending).await;
        assert!(matches!(native, Err(Error::Unavailable { .. })), "{native:?}");
        assert!(begun.elapsed() <= Duration::from_secs(2));
    }
}
