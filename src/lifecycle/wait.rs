//! Wait: until a service is ready or will not be.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::deadline::{Deadline, reference};
use super::observe::observe;
use crate::api::Api;
use crate::error::{Error, Result};
use crate::status::Status;

/// How often a service is looked at while it is waited for.
const INTERVAL: Duration = Duration::from_millis(250);

/// Waits until a service is ready or has failed, and answers with its last state.
///
/// # Errors
/// [`Error::Timeout`] when neither has happened after `patience`; else as [`observe`].
pub async fn wait<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    patience: Duration,
    of_one_look: Duration,
) -> Result<Status> {
    let end = Instant::now() + patience;
    let mut message = "The API server has not answered.".to_owned();
    loop {
        let look = observe(api, namespace, name, None, Deadline::after(of_one_look));
        // A look that has begun must not outlast the patience.
        if let Ok(status) = timeout_at(end, look).await {
            let status = status?;
            if status.phase.is_final() {
                return Ok(status);
            }
            message = status.message;
        }
        if Instant::now() + INTERVAL >= end {
            return Err(Error::Timeout {
                object: reference::<StatefulSet>(namespace, name),
                seconds: patience.as_secs_f64(),
                message,
            });
        }
        sleep(INTERVAL).await;
    }
}
