//! Wait: until a service is ready or will not be.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Instant, sleep};

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
    loop {
        let status = observe(api, namespace, name, None, Deadline::after(of_one_look)).await?;
        if status.phase.is_final() {
            return Ok(status);
        }
        if Instant::now() + INTERVAL >= end {
            return Err(Error::Timeout {
                object: reference::<StatefulSet>(namespace, name),
                seconds: patience.as_secs_f64(),
                message: status.message,
            });
        }
        sleep(INTERVAL).await;
    }
}
