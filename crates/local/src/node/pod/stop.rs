//! When a pod has to end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Worker;

/// How long a process has at least after it was asked to end, as the kubelet grants.
pub(super) const LEAST: Duration = Duration::from_secs(2);

/// How long a pod has that is gone from the API server already.
const GONE: Duration = Duration::from_secs(1);

/// The end of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// When its processes are killed.
    pub(super) deadline: Instant,
    /// Whether the pod itself ends, and not only the node.
    pub(super) is_deletion: bool,
}

/// Tells a container when to end.
pub(super) type Stopped = watch::Receiver<Option<Stop>>;

/// Waits until a container has to end.
pub(super) async fn stopped(stop: &mut Stopped) -> Stop {
    loop {
        if let Some(stop) = *stop.borrow_and_update() {
            return stop;
        }
        if stop.changed().await.is_err() {
            // Nobody is left who could say so.
            std::future::pending::<()>().await;
        }
    }
}

impl Worker {
    /// The pod's grace period.
    pub(super) fn grace(&self) -> Duration {
        let seconds = self.spec().termination_grace_period_seconds.unwrap_or(30);
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }

    /// Stops the pod when it is deleted, or the node stops. A second deletion may shorten the time that is left.
    pub(super) async fn listen(&self, mut is_stopping: watch::Receiver<bool>) {
        let mut seen = self.seen.clone();
        loop {
            let (deletion, is_gone) = {
                let seen = seen.borrow_and_update();
                let metadata = &seen.pod.metadata;
                let grace = metadata.deletion_grace_period_seconds;
                (metadata.deletion_timestamp.is_some().then_some(grace), seen.is_gone)
            };
            let seconds = |grace: Option<i64>| {
                grace
                    .and_then(|grace| u64::try_from(grace).ok())
                    .map(Duration::from_secs)
            };
            let grace = match deletion {
                Some(grace) if !is_gone => Some(seconds(grace).unwrap_or_else(|| self.grace())),
                Some(grace) => Some(seconds(grace).unwrap_or(GONE).max(GONE)),
                None => is_gone.then(|| self.grace()),
            };
            if let Some(grace) = grace {
                self.stop_within(grace, true);
            }
            if *is_stopping.borrow_and_update() {
                self.stop_within(self.shared.options.stop_grace.min(self.grace()), false);
            }
            tokio::select! {
                Ok(()) = seen.changed() => {}
                Ok(()) = is_stopping.changed() => {}
                else => return std::future::pending().await,
            }
        }
    }

    fn stop_within(&self, grace: Duration, is_deletion: bool) {
        let deadline = Instant::now() + grace;
        self.stop.send_if_modified(|stop| {
            let old = *stop;
            let (before, was_deletion) = old.map_or((deadline, false), |stop| (stop.deadline, stop.is_deletion));
            *stop = Some(Stop {
                deadline: deadline.min(before),
                is_deletion: is_deletion || was_deletion,
            });
            *stop != old
        });
    }
}
