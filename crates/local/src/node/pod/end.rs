//! The end of a process: its hook, the request to end, and the kill.

use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Worker;
use super::run::succeeded;
use super::stop::{LEAST, Stopped};
use crate::node::probes::{Answer, Target};
use crate::node::process::{Exit, Process};

/// How long a hook without a limit may take.
const HOUR: Duration = Duration::from_hours(1);

impl Worker {
    /// Ends a process: it is killed when the deadline has passed, which a stop may bring nearer.
    pub(super) async fn end(
        &self,
        target: &Target<'_>,
        process: &Process,
        mut deadline: Instant,
        stop: &mut Stopped,
    ) -> Exit {
        let container = target.container;
        let hook = container
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        if let Some(hook) = hook {
            let hook = self.call(target, hook, Some(deadline));
            tokio::select! {
                exit = process.exit() => return exit,
                called = hook => if let Err(message) = called {
                    let event = format!("PreStopHook failed: {message}");
                    self.shared.recorder.warning(&self.pod, Some(&container.name), "FailedPreStopHook", event);
                },
                () = nearer(&mut deadline, stop) => {}
            }
        }
        process.terminate();
        let least = Instant::now() + LEAST;
        loop {
            tokio::select! {
                exit = process.exit() => return exit,
                () = sleep_until(deadline.max(least)) => break,
                () = shortened(&mut deadline, stop) => {}
            }
        }
        process.kill();
        process.exit().await
    }

    /// Calls a hook, until the deadline at most.
    pub(super) async fn call(
        &self,
        target: &Target<'_>,
        hook: &LifecycleHandler,
        deadline: Option<Instant>,
    ) -> Result<(), String> {
        let longest = deadline.map_or(HOUR, |deadline| deadline.saturating_duration_since(Instant::now()));
        if let Some(exec) = &hook.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            return succeeded(target.surroundings.execute(command, longest).await);
        }
        if let Some(get) = &hook.http_get {
            return match target.call(get, longest).await {
                Answer::Passed => Ok(()),
                Answer::Failed(message) | Answer::Error(message) => Err(message),
            };
        }
        if let Some(pause) = &hook.sleep {
            let pause = Duration::from_secs(u64::try_from(pause.seconds).unwrap_or_default());
            return timeout(longest, sleep(pause))
                .await
                .map_err(|_| "the grace period is over".to_owned());
        }
        Ok(())
    }
}

/// Waits until a stop has brought the deadline nearer.
async fn shortened(deadline: &mut Instant, stop: &mut Stopped) {
    loop {
        if let Some(stop) = *stop.borrow_and_update()
            && stop.deadline < *deadline
        {
            *deadline = stop.deadline;
            return;
        }
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until the deadline has passed, however near it is brought.
async fn nearer(deadline: &mut Instant, stop: &mut Stopped) {
    loop {
        let end = *deadline;
        tokio::select! {
            () = sleep_until(end) => return,
            () = shortened(deadline, stop) => {}
        }
    }
}
