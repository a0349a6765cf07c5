//! Wait: until a service is ready or will not be.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Instant, sleep};

use super::deadline::reference;
use crate::error::{Error, Result};
use crate::status::Status;

/// How often a service is looked at while it is waited for.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits until a service is ready or has failed, and answers with its last state. Each `look` tells how it is doing.
///
/// # Errors
/// [`Error::Timeout`] when neither has happened after `patience`; else as `look`.
pub async fn wait<F: Future<Output = Result<Status>>>(
    namespace: &str,
    name: &str,
    patience: Duration,
    look: impl Fn() -> F,
) -> Result<Status> {
    let end = Instant::now() + patience;
    loop {
        let status = look().await?;
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
