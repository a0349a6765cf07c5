//! One pod of the node, from its start to its end.

mod container;
mod end;
mod launch;
mod life;
mod ports;
mod report;
mod run;
mod scripted;
mod stop;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{Client, ResourceExt};
use tokio::sync::{Notify, watch};

use super::addresses::Addresses;
use super::environment::Place;
use super::events::Recorder;
use super::logs::Logs;
use super::network::{Network, Sandbox};
use super::options::NodeOptions;
use super::process::Supervisor;
use super::status::{ContainerState, PodState, State};
use super::volumes::Folders;
use super::without::Logged;
use crate::clock::Clock;
use crate::script::Script;

pub(super) use ports::Runs;
use stop::Stop;

/// What a node runs containers as.
#[derive(Debug, Clone)]
pub(super) enum Machine {
    Processes {
        /// The marker of the node's processes.
        owner: String,
        supervisor: Supervisor,
        /// If each pod has a network namespace.
        network: Option<Arc<Network>>,
    },
    /// Nothing: a script says what becomes of them.
    Script(Script),
}

impl Machine {
    /// The marker of the node's processes.
    pub(super) fn owner(&self) -> &str {
        match self {
            Self::Processes { owner, .. } => owner,
            Self::Script(_) => "",
        }
    }

    /// What becomes of containers, where none runs.
    pub(super) fn script(&self) -> Option<&Script> {
        match self {
            Self::Script(script) => Some(script),
            Self::Processes { .. } => None,
        }
    }

    /// The network of the pods, if each has a network namespace.
    pub(super) fn network(&self) -> Option<&Network> {
        match self {
            Self::Processes { network, .. } => network.as_deref(),
            Self::Script(_) => None,
        }
    }
}

/// What all pods of a node share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) options: NodeOptions,
    pub(super) machine: Machine,
    pub(super) recorder: Recorder,
    pub(super) logs: Logs,
    pub(super) addresses: Addresses,
    pub(super) runs: Runs,
    pub(super) logged: Logged,
}

/// What the API server shows of a pod.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) pod: Arc<Pod>,
    /// Whether it is no more.
    pub(super) is_gone: bool,
}

/// A pod that the node runs.
pub(super) struct Worker {
    shared: Arc<Shared>,
    seen: watch::Receiver<Seen>,
    /// The pod as it was when it came: what runs does not change.
    pod: Arc<Pod>,
    uid: String,
    place: Place,
    address: Ipv4Addr,
    sandbox: OnceLock<Arc<Sandbox>>,
    state: Mutex<PodState>,
    changed: Notify,
    /// Whether a container has passed its startup probe just now.
    started: watch::Sender<()>,
    stop: watch::Sender<Option<Stop>>,
    volumes: Mutex<Folders>,
}

impl Worker {
    /// Runs a pod until it is gone, or the node stops.
    pub(super) async fn run(shared: Arc<Shared>, seen: watch::Receiver<Seen>, is_stopping: watch::Receiver<bool>) {
        let pod = seen.borrow().pod.clone();
        let Some((address, ports)) = shared.addresses.take(&pod) else {
            let message = "Failed to create pod sandbox: all addresses or ports of this machine are taken".to_owned();
            shared.recorder.warning(&pod, None, "FailedCreatePodSandBox", message);
            return;
        };
        let network = shared.machine.network();
        let place = Place {
            node: shared.options.name.clone(),
            host: network.map_or(Ipv4Addr::LOCALHOST, Network::gateway).to_string(),
            address: address.to_string(),
            ports,
        };
        let state = PodState::new(&pod, place.clone(), shared.clock.now());
        let worker = Arc::new(Self {
            seen,
            uid: pod.uid().unwrap_or_default(),
            place,
            address,
            sandbox: OnceLock::new(),
            state: Mutex::new(state),
            changed: Notify::new(),
            started: watch::Sender::new(()),
            stop: watch::Sender::new(None),
            volumes: Mutex::default(),
            pod: pod.clone(),
            shared: shared.clone(),
        });
        worker.changed.notify_one();
        shared.logged.log(&shared.client, &pod).await;
        worker.live(is_stopping.clone()).await;
        // The whole network goes when the node stops.
        if let Some(network) = network.filter(|_| !*is_stopping.borrow()) {
            network.leave(&pod, address).await;
        }
        shared.addresses.release(&pod);
        shared.recorder.forget(&worker.uid);
        let folder = shared.logs.pod(&worker.uid);
        if let Err(error) = tokio::fs::remove_dir_all(&folder).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(
                "the folder {} of a local pod cannot be removed: {error}",
                folder.display()
            );
        }
    }

    fn spec(&self) -> &PodSpec {
        static NONE: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);
        self.pod.spec.as_ref().unwrap_or(&NONE)
    }

    fn restart_policy(&self) -> &str {
        self.spec().restart_policy.as_deref().unwrap_or("Always")
    }

    /// The pod in the kubelet's messages.
    fn words(&self) -> String {
        let namespace = self.pod.namespace().unwrap_or_default();
        format!("{}_{namespace}({})", self.pod.name_any(), self.uid)
    }

    /// For the node's own files.
    fn scratch(&self) -> PathBuf {
        self.shared.logs.pod(&self.uid)
    }

    /// Changes what is known of a container, and lets it be reported.
    fn update<T>(&self, container: &Container, change: impl FnOnce(&mut ContainerState) -> T) -> Option<T> {
        let changed = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state
                .containers
                .iter_mut()
                .find(|other| other.name == container.name)
                .map(change)
        };
        self.changed.notify_one();
        changed
    }

    /// Gives a container another state.
    fn set(&self, container: &Container, state: State) {
        self.update(container, |known| known.enter(state));
    }

    /// Gives a container the state of a run, which is a restart unless it is the first.
    fn set_of_run(&self, container: &Container, state: State, run: i32) {
        self.update(container, |known| {
            known.enter(state);
            known.restarts = run;
        });
    }

    /// Changes what is known of the pod, and lets it be reported.
    fn change(&self, change: impl FnOnce(&mut PodState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn read<T>(&self, read: impl FnOnce(&PodState) -> T) -> T {
        read(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
