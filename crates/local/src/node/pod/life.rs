//! The order of a pod's life: volumes, init containers, the others, and the end.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::stop::{Stop, Stopped, stopped};
use super::{Machine, Worker};
use crate::node::status::Role;
use crate::node::volumes::Disk;

/// How soon to try again to make volumes, and at most.
const RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// A sidecar that runs, and what ends it.
struct Sidecar {
    stop: watch::Sender<Option<Stop>>,
    task: JoinSet<bool>,
}

impl Worker {
    /// Runs the pod to its end, and removes it then if it is deleted.
    pub(super) async fn live(self: &Arc<Self>, is_stopping: watch::Receiver<bool>) {
        let live = async {
            self.run_containers().await;
            // A pod whose containers have ended stays until somebody deletes it.
            let stop = stopped(&mut self.stop.subscribe()).await;
            self.linger().await;
            stop
        };
        let stop = tokio::select! {
            stop = live => stop,
            () = self.listen(is_stopping) => return,
            () = self.report() => return,
            () = self.suffer() => return,
        };
        if stop.is_deletion {
            self.remove().await;
        }
    }

    async fn run_containers(self: &Arc<Self>) {
        if !self.set_up().await {
            return;
        }
        let mut sidecars = Vec::new();
        if self.initialize(&mut sidecars).await {
            let mut main = JoinSet::new();
            for container in &self.spec().containers {
                let (worker, container, stop) = (self.clone(), container.clone(), self.stop.subscribe());
                main.spawn(async move { worker.run_container(&container, Role::Main, stop).await });
            }
            while main.join_next().await.is_some() {}
        }
        // Sidecars end after the containers that they are for, the last one first.
        while let Some(mut sidecar) = sidecars.pop() {
            let stop = self.stop.borrow().unwrap_or_else(|| Stop {
                deadline: Instant::now() + self.grace(),
                is_deletion: false,
            });
            sidecar.stop.send_replace(Some(stop));
            while sidecar.task.join_next().await.is_some() {}
        }
    }

    /// Makes the volumes. Returns whether that was so before the pod had to end.
    async fn set_up(&self) -> bool {
        if let Machine::Script(script) = &self.shared.machine {
            return self.set_up_by(script).await;
        }
        let mut stop = self.stop.subscribe();
        let mut pause = RETRY;
        loop {
            let disk = Disk {
                client: &self.shared.client,
                place: &self.place,
                folder: self.scratch().join("volumes"),
                claims: &self.shared.options.claims,
            };
            let set_up = async {
                let of_network = |error| {
                    (
                        "FailedCreatePodSandBox",
                        format!("Failed to create pod sandbox: {error}"),
                    )
                };
                self.join_network().await.map_err(of_network)?;
                let failed = |error: String| ("FailedMount", error);
                tokio::fs::create_dir_all(self.scratch())
                    .await
                    .map_err(|error| failed(error.to_string()))?;
                let folders = disk.set_up(&self.pod).await.map_err(failed)?;
                self.publish_ports().await.map_err(|error| failed(error.to_string()))?;
                Ok::<_, (&str, String)>(folders)
            };
            let (reason, error) = tokio::select! {
                _ = stopped(&mut stop) => return false,
                folders = set_up => match folders {
                    Ok(folders) => {
                        *self.volumes.lock().unwrap_or_else(PoisonError::into_inner) = folders;
                        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_set_up = true;
                        self.changed.notify_one();
                        return true;
                    }
                    Err(error) => error,
                },
            };
            self.shared.recorder.warning(&self.pod, None, reason, error);
            tokio::select! {
                _ = stopped(&mut stop) => return false,
                () = tokio::time::sleep(pause) => pause = (2 * pause).min(LAST_RETRY),
            }
        }
    }

    /// Makes the namespaces of the pod, if it is to have its own.
    async fn join_network(&self) -> std::io::Result<()> {
        if let Some(network) = self.shared.machine.network()
            && self.sandbox.get().is_none()
        {
            let sandbox = network.join(&self.pod, self.hostname(), self.address).await?;
            self.sandbox.get_or_init(|| Arc::new(sandbox));
        }
        Ok(())
    }

    /// Runs the init containers, each after the one before. Returns whether the others may start.
    async fn initialize(self: &Arc<Self>, sidecars: &mut Vec<Sidecar>) -> bool {
        for container in self.spec().init_containers.iter().flatten() {
            if container.restart_policy.as_deref() == Some("Always") {
                sidecars.push(self.start_sidecar(container));
                let mut stop = self.stop.subscribe();
                tokio::select! {
                    () = self.has_started(container) => {}
                    _ = stopped(&mut stop) => return false,
                }
            } else if !self.run_container(container, Role::Init, self.stop.subscribe()).await {
                return false;
            }
        }
        true
    }

    fn start_sidecar(self: &Arc<Self>, container: &Container) -> Sidecar {
        let stop = watch::Sender::new(None);
        let (worker, container, stopped): (_, _, Stopped) = (self.clone(), container.clone(), stop.subscribe());
        let mut task = JoinSet::new();
        task.spawn(async move { worker.run_container(&container, Role::Sidecar, stopped).await });
        Sidecar { stop, task }
    }

    /// Waits until a sidecar has passed its startup probe.
    async fn has_started(&self, container: &Container) {
        let has_started = || self.read(|state| state.container(&container.name).is_some_and(|found| found.has_started));
        let mut started = self.started.subscribe();
        while !has_started() {
            if started.changed().await.is_err() {
                return;
            }
        }
    }
}
