//! A container: its runs, one after the other.

use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::launch::Prepared;
use super::ports::Conflict;
use super::run::id;
use super::stop::{Stopped, stopped};
use super::{Machine, State, Worker};
use crate::node::backoff::{BackOff, go};
use crate::node::status::{Ended, Role};

/// How soon to try again to prepare a container, and at most.
const RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// The exit code of a container that could not be started.
pub(super) const CANNOT_START: i32 = 128;

/// How a run of a container ended.
pub(super) struct RunEnd {
    pub(super) ended: Ended,
    /// Whether the node ended it because of a probe.
    pub(super) is_killed: bool,
    /// Why the node ended it, if its server is on the port of another one.
    pub(super) conflict: Option<Conflict>,
}

/// When the runs of a container have ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    last: Option<Instant>,
    /// What decides about the next start. The kubelet starts what it has killed for a probe at once, and sees only the
    /// end of the run before.
    seen: Option<Instant>,
}

impl Ends {
    fn add(&mut self, end: Instant, is_killed: bool) {
        self.seen = if is_killed { self.last } else { Some(end) };
        self.last = Some(end);
    }
}

impl Worker {
    /// Runs a container until it need not run again, or has to end. Returns whether it has succeeded.
    pub(super) async fn run_container(&self, container: &Container, role: Role, mut stop: Stopped) -> bool {
        let mut back_off = BackOff::new(self.shared.options.first_back_off);
        let mut ends = Ends::default();
        for run in 0_i32.. {
            if stop.borrow().is_some() || !self.wait_for_restart(container, &mut back_off, ends, &mut stop).await {
                break;
            }
            let end = match &self.shared.machine {
                Machine::Script(script) => self.play(script, container, role, run, &mut stop).await,
                Machine::Processes { .. } => match self.prepare_in_time(container, &mut stop).await {
                    Some(prepared) => Some(self.run_once(container, role, &prepared, run, &mut stop).await),
                    None => None,
                },
            };
            let Some(end) = end else { break };
            ends.add(Instant::now(), end.is_killed);
            let code = end.ended.code;
            self.note_end(container, end.ended, run);
            let is_to_run = match (role, self.restart_policy()) {
                (Role::Sidecar, _) => true,
                (Role::Init, policy) => code != 0 && policy != "Never",
                (Role::Main, policy) => policy == "Always" || policy == "OnFailure" && code != 0,
            };
            if !is_to_run {
                return code == 0;
            }
            if let Some(conflict) = end.conflict
                && !self.wait_for_port(container, conflict, &mut stop).await
            {
                break;
            }
        }
        false
    }

    /// Waits as long as the back-off says. Returns whether the container may start then.
    async fn wait_for_restart(
        &self,
        container: &Container,
        back_off: &mut BackOff,
        ends: Ends,
        stop: &mut Stopped,
    ) -> bool {
        let Some(finished) = ends.seen else { return true };
        let now = Instant::now();
        if back_off.wait(finished, now).is_none() {
            back_off.restart(finished, now);
            return true;
        }
        let last = ends.last.unwrap_or(finished);
        let Some((wait, end)) = back_off.wait(last, now) else {
            back_off.restart(last, now);
            return true;
        };
        let (name, pod) = (&container.name, self.words());
        let message = format!("back-off {} restarting failed container={name} pod={pod}", go(wait));
        self.wait(container, "CrashLoopBackOff", Some(message));
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.shared.recorder.warning(&self.pod, Some(name), "BackOff", message);
        tokio::select! {
            _ = stopped(stop) => false,
            () = self.until_scripted_otherwise(end) => {
                back_off.restart(last, Instant::now());
                true
            }
        }
    }

    pub(super) fn wait(&self, container: &Container, reason: &'static str, message: Option<String>) {
        self.set(container, State::Waiting { reason, message });
    }

    /// Prepares a container, however often it takes; `None` if it has to end before.
    async fn prepare_in_time(&self, container: &Container, stop: &mut Stopped) -> Option<Prepared> {
        let mut pause = RETRY;
        loop {
            let error = tokio::select! {
                _ = stopped(stop) => return None,
                prepared = self.prepare(container) => match prepared {
                    Ok(prepared) => return Some(prepared),
                    Err(error) => error,
                },
            };
            let event = format!("Error: {error}");
            self.shared
                .recorder
                .warning(&self.pod, Some(&container.name), "Failed", event);
            self.wait(container, "CreateContainerConfigError", Some(error));
            tokio::select! {
                _ = stopped(stop) => return None,
                () = tokio::time::sleep(pause) => pause = (2 * pause).min(LAST_RETRY),
            }
        }
    }

    /// Runs the container once.
    async fn run_once(
        &self,
        container: &Container,
        role: Role,
        prepared: &Prepared,
        run: i32,
        stop: &mut Stopped,
    ) -> RunEnd {
        let recorder = &self.shared.recorder;
        let name = Some(container.name.as_str());
        let log = self.shared.logs.create(&self.uid, &container.name, run.unsigned_abs());
        let started = match log {
            Ok(log) => prepared.start(log).await,
            Err(error) => Err(format!("failed to create the log of the container: {error}")),
        };
        match started {
            Ok(process) => {
                recorder.normal(&self.pod, name, "Created", "Container created");
                recorder.normal(&self.pod, name, "Started", "Container started");
                let started = self.shared.clock.now();
                let id = id(&process);
                self.set_of_run(container, State::Running { started, id }, run);
                self.supervise(container, role, prepared, process, started, stop).await
            }
            Err(message) => {
                recorder.warning(&self.pod, name, "Failed", format!("Error: {message}"));
                let ended = Ended {
                    reason: "StartError",
                    code: CANNOT_START,
                    message: Some(message),
                    started: Timestamp::UNIX_EPOCH,
                    finished: self.shared.clock.now(),
                    id: None,
                };
                RunEnd {
                    ended,
                    is_killed: false,
                    conflict: None,
                }
            }
        }
    }

    fn note_end(&self, container: &Container, ended: Ended, run: i32) {
        let message = ended.message.clone().filter(|_| ended.reason == "StartError");
        self.set_of_run(container, State::Ended(ended), run);
        if message.is_some() && self.restart_policy() != "Never" {
            self.wait(container, "RunContainerError", message);
        }
    }
}
