//! One run of a container: its process, hooks and probes.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::Worker;
use super::container::RunEnd;
use super::launch::Prepared;
use super::ports::{Conflict, Registered};
use super::stop::{Stopped, stopped};
use crate::node::exec::Executed;
use crate::node::logs::LogPart;
use crate::node::probes::{Answer, Kind, Series, Target, Verdict};
use crate::node::process::{Exit, Process};
use crate::node::status::{Ended, Role};

/// How much of a message, and of a log in its place, the kubelet takes into the status.
const MESSAGE: u64 = 4096;
const LOG_LINES: usize = 80;
const LOG: usize = 2048;

/// Why the node ends a container that runs.
enum Fault {
    Probe(Kind),
    Hook,
    Port(Conflict),
}

impl Worker {
    /// Watches over a process until it has ended, or has to.
    pub(super) async fn supervise(
        &self,
        container: &Container,
        role: Role,
        prepared: &Prepared,
        process: Process,
        started: Timestamp,
        stop: &mut Stopped,
    ) -> RunEnd {
        let target = Target {
            container,
            address: &self.place.address,
            ports: &self.place.ports,
            surroundings: &prepared.surroundings,
        };
        let run = self.register(container, &process);
        let fault = tokio::select! {
            biased;
            exit = process.exit() => Ok(exit),
            stop = stopped(stop) => Err((None, stop.deadline)),
            fault = self.look_after(&target, &run) => {
                let grace = match &fault {
                    Fault::Probe(kind) => kind.of(container).and_then(|probe| probe.termination_grace_period_seconds),
                    Fault::Hook => None,
                    // As long as it runs, it gets requests of another one.
                    Fault::Port(_) => Some(0),
                };
                let grace = grace.and_then(|grace| u64::try_from(grace).ok()).map(Duration::from_secs);
                Err((Some(fault), Instant::now() + grace.unwrap_or_else(|| self.grace())))
            }
        };
        let is_killed = matches!(fault, Err((Some(Fault::Probe(_)), _)));
        let conflict = match &fault {
            Err((Some(Fault::Port(conflict)), _)) => Some(conflict.clone()),
            _ => None,
        };
        let exit = match fault {
            Ok(exit) => exit,
            Err((fault, deadline)) => {
                let recorder = &self.shared.recorder;
                let message = self.reason_to_end(container, role, fault.as_ref());
                recorder.normal(&self.pod, Some(&container.name), "Killing", message);
                self.end(&target, &process, deadline, stop).await
            }
        };
        let message = match &conflict {
            Some(conflict) => Some(conflict.message.clone()),
            None => self.last_words(container, exit, &prepared.message),
        };
        RunEnd {
            ended: Ended {
                reason: if exit.code == 0 { "Completed" } else { "Error" },
                code: exit.code,
                message,
                started,
                finished: self.shared.clock.now(),
                id: Some(id(&process)),
            },
            is_killed,
            conflict,
        }
    }

    fn reason_to_end(&self, container: &Container, role: Role, fault: Option<&Fault>) -> String {
        let name = &container.name;
        let init = if role == Role::Main {
            "Container"
        } else {
            "Init container"
        };
        let is_to_run = role == Role::Sidecar || self.restart_policy() != "Never";
        let restarted = if is_to_run { ", will be restarted" } else { "" };
        match fault {
            None | Some(Fault::Port(_)) => format!("Stopping container {name}"),
            Some(Fault::Probe(kind)) => {
                format!("{init} {name} failed {} probe{restarted}", kind.name().to_lowercase())
            }
            Some(Fault::Hook) => "FailedPostStartHook".to_owned(),
        }
    }

    /// Looks after a container until it has to end.
    async fn look_after(&self, target: &Target<'_>, run: &Registered) -> Fault {
        tokio::select! {
            fault = self.follow(target, run) => fault,
            conflict = self.conflict(run) => Fault::Port(conflict),
        }
    }

    /// Runs the hook and asks the probes of a container, until it has to end.
    async fn follow(&self, target: &Target<'_>, run: &Registered) -> Fault {
        let started = Instant::now();
        let container = target.container;
        let hook = container
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.post_start.as_ref());
        if let Some(hook) = hook
            && let Err(message) = self.call(target, hook, None).await
        {
            let event = format!("PostStartHook failed: {message}");
            self.shared
                .recorder
                .warning(&self.pod, Some(&container.name), "FailedPostStartHook", event);
            return Fault::Hook;
        }
        if let Some(probe) = &container.startup_probe {
            let mut series = Series::new(probe, Kind::Startup, started);
            loop {
                match self.ask(target, Kind::Startup, probe, &mut series).await {
                    Verdict::Passes => break,
                    Verdict::Fails => return Fault::Probe(Kind::Startup),
                    Verdict::Undecided => {}
                }
            }
        }
        self.ports_are_its_own(container, container.startup_probe.as_ref(), run)
            .await;
        let has_readiness_probe = container.readiness_probe.is_some();
        self.update(container, |known| {
            (known.has_started, known.is_ready) = (true, !has_readiness_probe);
        });
        self.started.send_replace(());
        tokio::select! {
            () = self.follow_readiness(target, run, started) => std::future::pending().await,
            () = self.follow_liveness(target, started) => Fault::Probe(Kind::Liveness),
        }
    }

    async fn follow_readiness(&self, target: &Target<'_>, run: &Registered, started: Instant) {
        let Some(probe) = &target.container.readiness_probe else {
            return std::future::pending().await;
        };
        let mut series = Series::new(probe, Kind::Readiness, started);
        loop {
            let is_ready = match self.ask(target, Kind::Readiness, probe, &mut series).await {
                Verdict::Passes => true,
                Verdict::Fails => false,
                Verdict::Undecided => continue,
            };
            let was_ready = self.read(|state| {
                state
                    .container(&target.container.name)
                    .is_some_and(|known| known.is_ready)
            });
            if is_ready != was_ready {
                if is_ready {
                    self.ports_are_its_own(target.container, Some(probe), run).await;
                }
                self.update(target.container, |known| known.is_ready = is_ready);
            }
        }
    }

    /// Asks the liveness probe until it fails.
    async fn follow_liveness(&self, target: &Target<'_>, started: Instant) {
        let Some(probe) = &target.container.liveness_probe else {
            return std::future::pending().await;
        };
        let mut series = Series::new(probe, Kind::Liveness, started);
        while self.ask(target, Kind::Liveness, probe, &mut series).await != Verdict::Fails {}
    }

    /// Asks a probe once, when it is due.
    async fn ask(&self, target: &Target<'_>, kind: Kind, probe: &Probe, series: &mut Series) -> Verdict {
        sleep_until(series.next()).await;
        let asked = Instant::now();
        let answer = target.ask(probe).await;
        let words = match &answer {
            Answer::Passed => None,
            Answer::Failed(words) => Some(format!("{} probe failed: {words}", kind.name())),
            Answer::Error(words) => Some(format!(
                "{} probe errored and resulted in unknown state: {words}",
                kind.name()
            )),
        };
        if let Some(words) = words.filter(|_| series.counts(asked)) {
            self.shared
                .recorder
                .warning(&self.pod, Some(&target.container.name), "Unhealthy", words);
        }
        series.answer(&answer, asked, Instant::now())
    }

    /// Why a container ended: what it has written for that, or else the end of its log if it asks for it.
    fn last_words(&self, container: &Container, exit: Exit, file: &Path) -> Option<String> {
        let written = read(file, MESSAGE).filter(|message| !message.is_empty());
        let falls_back = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        if written.is_some() || !falls_back || exit.code == 0 {
            return written;
        }
        let part = LogPart {
            tail_lines: Some(LOG_LINES),
            limit_bytes: None,
        };
        let log = self.shared.logs.read(&self.uid, &container.name, false, part).ok()?;
        let end = &log[log.len().saturating_sub(LOG)..];
        Some(String::from_utf8_lossy(end).into_owned()).filter(|log| !log.is_empty())
    }
}

fn read(file: &Path, longest: u64) -> Option<String> {
    let mut file = std::fs::File::open(file).ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut text = Vec::new();
    file.take(longest).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The id of a container: its process, whose group has the same number.
pub(super) fn id(process: &Process) -> String {
    format!("process://{}", process.id())
}

/// Whether a command of a hook has succeeded.
pub(super) fn succeeded(executed: Executed) -> Result<(), String> {
    match executed {
        Executed::Ended { code: 0, .. } => Ok(()),
        Executed::Ended { code, output } => Err(format!("command exited with {code}: {output}")),
        Executed::TimedOut(message) | Executed::CannotStart(message) => Err(message),
    }
}
