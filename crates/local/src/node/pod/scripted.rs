//! A pod of a node that runs nothing: its containers become what the script says, in the way in which the kubelet lets
//! them become that.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, ResourceExt};
use tokio::time::{Instant, sleep, sleep_until};

use super::container::{CANNOT_START, RunEnd};
use super::stop::{Stopped, stopped};
use super::{State, Worker};
use crate::node::probes::{Answer, Kind, Series, Verdict};
use crate::node::status::{Ended, Role};
use crate::script::{Act, Probed, Script, fill, probe_failure};

/// How long a container runs that ends by itself.
const RUN: Duration = Duration::from_secs(1);

/// How long a pod runs before its node gives it up, or is lost itself.
const LOOK: Duration = Duration::from_secs(1);

/// How long a pod that has failed stays. In a real cluster it is made again many times in that time.
const LINGER: Duration = Duration::from_secs(20);

/// How long to wait before another try, at first and at most, as the kubelet does.
const RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_mins(5);

/// The exit codes of a process that ends when it is asked to, and of one that is killed.
const ENDED: i32 = 0;
const KILLED: i32 = 137;

impl Worker {
    fn script(&self) -> Option<&Script> {
        self.shared.machine.script()
    }

    /// What happens to a container: the first one, or the first init container, is the one that something happens to.
    fn act_on(&self, script: &Script, container: &Container, role: Role) -> Act {
        let act = script.act(&self.pod);
        let first = match role {
            Role::Init => self.spec().init_containers.iter().flatten().find(|other| {
                // The others are sidecars.
                other.restart_policy.as_deref() != Some("Always")
            }),
            Role::Main => self.spec().containers.first(),
            Role::Sidecar => None,
        };
        let is_of_init = matches!(act, Act::End { is_init: true, .. });
        let is_meant = first.is_some_and(|first| first.name == container.name) && (role == Role::Init) == is_of_init;
        if is_meant { act } else { Act::Run }
    }

    /// Waits until something else is to happen to the pod than now; for ever if that is not said.
    async fn otherwise(&self) {
        if let Some(script) = self.script() {
            let mut changed = script.subscribe();
            let before = script.act(&self.pod);
            while script.act(&self.pod) == before {
                if changed.changed().await.is_err() {
                    break;
                }
            }
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until a time, or until something else is to happen to the pod.
    pub(super) async fn until_scripted_otherwise(&self, end: Instant) {
        tokio::select! {
            () = sleep_until(end) => {}
            () = self.otherwise() => {}
        }
    }

    /// Waits so long at most while the script stays the same; `None` if the pod has to end.
    async fn pause(&self, longest: Duration, stop: &mut Stopped) -> Option<()> {
        tokio::select! {
            _ = stopped(stop) => None,
            () = self.until_scripted_otherwise(Instant::now() + longest) => Some(()),
        }
    }

    /// Whether the node is about to turn the pod away: it reports nothing of such a pod before.
    pub(super) fn is_to_be_rejected(&self) -> bool {
        let is_rejected = |script: &Script| matches!(script.act(&self.pod), Act::Reject { .. });
        self.script().is_some_and(is_rejected) && self.read(|state| state.failed.is_none() && !state.is_set_up)
    }

    /// Makes the pod's sandbox. Returns whether that was so before the pod had to end.
    pub(super) async fn set_up_by(&self, script: &Script) -> bool {
        let mut stop = self.stop.subscribe();
        let mut pause = RETRY;
        loop {
            match script.act(&self.pod) {
                Act::SetUp { reason, words } => {
                    let words = fill(words, &self.pod, None);
                    self.shared.recorder.warning(&self.pod, None, reason, words);
                }
                Act::Reject { .. } => {}
                _ => break,
            }
            if self.pause(pause, &mut stop).await.is_none() {
                return false;
            }
            pause = (2 * pause).min(LAST_RETRY);
        }
        self.change(|state| state.is_set_up = true);
        true
    }

    /// Lets happen to the pod as a whole what the script says; goes on for ever.
    pub(super) async fn suffer(&self) {
        let Some(script) = self.script() else {
            return std::future::pending().await;
        };
        loop {
            match script.act(&self.pod) {
                Act::Reject { reason, words } if !self.read(|state| state.is_set_up) => {
                    self.fail(reason, words, "Pod was rejected: ").await;
                }
                Act::GiveUp { reason, words } => {
                    tokio::select! {
                        () = sleep(LOOK) => self.fail(reason, words, "").await,
                        () = self.otherwise() => continue,
                    }
                }
                Act::Preempt { words } => self.preempt(words).await,
                Act::Lose => self.lose().await,
                _ => {}
            }
            self.otherwise().await;
        }
    }

    /// Lets the pod fail as a whole.
    async fn fail(&self, reason: &'static str, words: &str, begins: &str) {
        self.shared.recorder.warning(&self.pod, None, reason, words);
        self.change(|state| state.failed = Some((reason.to_owned(), format!("{begins}{words}"))));
        std::future::pending::<()>().await;
    }

    async fn preempt(&self, words: &str) {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = self.otherwise() => return,
        }
        self.change(|state| state.preempted = Some(words.to_owned()));
        let preconditions = Preconditions {
            uid: Some(self.uid.clone()),
            resource_version: None,
        };
        let params = DeleteParams::default().preconditions(preconditions);
        let pods: Api<Pod> = Api::namespaced(self.shared.client.clone(), &self.pod.namespace().unwrap_or_default());
        if let Err(error) = pods.delete(&self.pod.name_any(), &params).await {
            tracing::debug!("pod {} is not preempted: {error}", self.words());
        }
        std::future::pending::<()>().await;
    }

    /// Others report that the pod is not ready while its node does not answer.
    async fn lose(&self) {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = self.otherwise() => return,
        }
        self.change(|state| state.is_lost = true);
        self.otherwise().await;
        self.change(|state| state.is_lost = false);
    }

    /// A pod that its node gives up stays for a while, as one whose processes end slowly.
    pub(super) async fn linger(&self) {
        if self.read(|state| state.preempted.is_some() || state.failed.is_some()) {
            sleep(LINGER).await;
        }
    }

    /// Lets a container run once; `None` if the pod has to end before.
    pub(super) async fn play(
        &self,
        script: &Script,
        container: &Container,
        role: Role,
        run: i32,
        stop: &mut Stopped,
    ) -> Option<RunEnd> {
        self.pull(script, container, role, stop).await?;
        let name = Some(container.name.as_str());
        while let Act::Configure { words } = self.act_on(script, container, role) {
            let words = fill(words, &self.pod, Some(container));
            let event = format!("Error: {words}");
            self.shared.recorder.warning(&self.pod, name, "Failed", event);
            self.wait(container, "CreateContainerConfigError", Some(words));
            self.pause(RETRY, stop).await?;
        }
        if let Act::Start { words } = self.act_on(script, container, role) {
            let message = fill(words, &self.pod, Some(container));
            let event = format!("Error: {message}");
            self.shared.recorder.warning(&self.pod, name, "Failed", event);
            let ended = Ended {
                message: Some(message),
                ..self.ended("StartError", CANNOT_START, Timestamp::UNIX_EPOCH)
            };
            return Some(RunEnd {
                ended,
                is_killed: false,
                conflict: None,
            });
        }
        let recorder = &self.shared.recorder;
        recorder.normal(&self.pod, name, "Created", "Container created");
        recorder.normal(&self.pod, name, "Started", "Container started");
        Some(self.run_imagined(script, container, role, run, stop).await)
    }

    /// Pulls an image; `None` if the pod has to end before.
    async fn pull(&self, script: &Script, container: &Container, role: Role, stop: &mut Stopped) -> Option<()> {
        let mut back_off = RETRY;
        let (recorder, name) = (&self.shared.recorder, Some(container.name.as_str()));
        let image = container.image.as_deref().unwrap_or_default();
        while let Act::Pull { reason, words } = self.act_on(script, container, role) {
            let words = fill(words, &self.pod, Some(container));
            if reason == "ErrImagePull" {
                let event = format!("Failed to pull image {image:?}: {words}");
                recorder.warning(&self.pod, name, "Failed", event);
                recorder.warning(&self.pod, name, "Failed", "Error: ErrImagePull");
                self.wait(container, reason, Some(words.clone()));
                self.pause(RUN, stop).await?;
                let message = format!("Back-off pulling image {image:?}");
                recorder.normal(&self.pod, name, "BackOff", message.as_str());
                self.wait(
                    container,
                    "ImagePullBackOff",
                    Some(format!("{message}: {reason}: {words}")),
                );
            } else {
                recorder.warning(&self.pod, name, "Failed", format!("Error: {reason}"));
                self.wait(container, reason, Some(words));
            }
            self.pause(back_off, stop).await?;
            back_off = (2 * back_off).min(LAST_RETRY);
        }
        Some(())
    }

    /// Lets a container run to its end.
    async fn run_imagined(
        &self,
        script: &Script,
        container: &Container,
        role: Role,
        run: i32,
        stop: &mut Stopped,
    ) -> RunEnd {
        let started = self.shared.clock.now();
        let begun = Instant::now();
        let id = self.id();
        self.set_of_run(container, State::Running { started, id }, run);
        loop {
            let act = self.act_on(script, container, role);
            let end = async {
                match act {
                    Act::End { code, reason, .. } => {
                        sleep_until(begun + RUN).await;
                        (reason, code, false)
                    }
                    Act::Silent(probed) => {
                        self.be_silent(container, probed, begun).await;
                        ("Error", KILLED, true)
                    }
                    _ if role == Role::Init => ("Completed", ENDED, false),
                    _ => {
                        sleep_until(begun + first_answer(container)).await;
                        self.answer(container, true, true);
                        std::future::pending().await
                    }
                }
            };
            let (reason, code, is_killed) = tokio::select! {
                _ = stopped(stop) => ("Completed", ENDED, false),
                end = end => end,
                () = self.otherwise() => continue,
            };
            return RunEnd {
                ended: self.ended(reason, code, started),
                is_killed,
                conflict: None,
            };
        }
    }

    /// Does not answer a probe, until the node ends the container for that.
    async fn be_silent(&self, container: &Container, probed: Probed, begun: Instant) {
        let kind = match probed {
            Probed::Startup => Kind::Startup,
            Probed::Liveness => Kind::Liveness,
            Probed::Readiness => Kind::Readiness,
        };
        self.answer(container, kind != Kind::Startup, false);
        let (recorder, name) = (&self.shared.recorder, Some(container.name.as_str()));
        let given = kind.of(container);
        let words = probe_failure(given, container, &self.place.address);
        let words = format!("{} probe failed: {words}", kind.name());
        let mut series = Series::patient(given.unwrap_or(&Probe::default()), begun);
        loop {
            sleep_until(series.next()).await;
            let now = Instant::now();
            recorder.warning(&self.pod, name, "Unhealthy", words.as_str());
            let verdict = series.answer(&Answer::Failed(String::new()), now, now);
            if verdict == Verdict::Fails && kind != Kind::Readiness {
                break;
            }
        }
        let probe = kind.name().to_lowercase();
        let message = format!("Container {} failed {probe} probe, will be restarted", container.name);
        recorder.normal(&self.pod, name, "Killing", message);
    }

    /// Reports what a container answers to its probes.
    fn answer(&self, container: &Container, has_started: bool, is_ready: bool) {
        self.update(container, |known| {
            (known.has_started, known.is_ready) = (has_started, is_ready);
        });
        self.started.send_replace(());
    }

    fn ended(&self, reason: &'static str, code: i32, started: Timestamp) -> Ended {
        Ended {
            reason,
            code,
            message: None,
            started,
            finished: self.shared.clock.now(),
            id: Some(self.id()),
        }
    }

    /// The id of a container that does not run.
    fn id(&self) -> String {
        format!("script://{}", self.uid)
    }
}

/// How long a container takes until it answers: as long as its probes wait for it.
fn first_answer(container: &Container) -> Duration {
    let delay = |probe: &Option<Probe>| {
        let seconds = probe.as_ref().and_then(|probe| probe.initial_delay_seconds);
        Duration::from_secs(
            seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .unwrap_or_default(),
        )
    };
    delay(&container.startup_probe).max(delay(&container.readiness_probe))
}
