//! Wait: until a service is ready or will not be.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::retry::{moment_after, reference};
use crate::error::{Error, Result};
use crate::status::Status;

/// How often a service is looked at while it is waited for.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits until a service is ready or has failed, and returns its last state. Each `look` returns the current one.
///
/// # Errors
/// [`Error::Timeout`] when neither has happened after `patience`; else as `look`.
pub async fn wait<F: Future<Output = Result<Status>>>(
    namespace: &str,
    name: &str,
    patience: Duration,
    look: impl Fn() -> F,
) -> Result<Status> {
    let end = moment_after(Instant::now(), patience);
    let mut message = "The API server has not answered.".to_owned();
    loop {
        // A look that has begun must not outlast the patience.
        if let Ok(status) = timeout_at(end, look()).await {
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
