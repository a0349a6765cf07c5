//! A node that runs the containers of its pods as processes, as a kubelet runs them.
//!
//! What a container has here, and what it has not:
//!
//! - Its program is found on the `PATH` of the node's options, or of the container. Its image is not used.
//! - Servers of two pods that listen on one port are refused: the kernel would mix their connections. Each has an
//!   address of its own, which is in `POD_IP` and `SERVER_HOST` unless its container defines these.
//! - With a network namespace for each pod, they need not: all may listen on `0.0.0.0` and on the same port, and they
//!   have the names that a cluster gives them.
//! - Where pods share an address, each declared port of a pod is another one on this machine: `SERVER_PORT` and
//!   `GE_BASE_PORT` have that where they would have the declared one, and probes ask it.
//! - Of this process's environment it has only what the options say, besides what Kubernetes gives it.
//! - A volume is a folder. Where a path in the command, the arguments, the environment or a probe begins with the
//!   `mountPath` of a volume, the path of the folder takes its place, and `K8SDATASERVICE_VOLUME_<NAME>` has it. A
//!   program that has a `mountPath` written into itself does not find the volume.
//! - Limits are not enforced, users are not changed, and files of Secrets and `ConfigMaps` do not change while a pod
//!   runs.
//! - Probes with HTTPS only make the connection.
//! - A readiness or startup probe is asked more often than its period until it passes, so that a service is ready as
//!   soon as it can be.

mod addresses;
mod backoff;
mod claims;
mod environment;
mod events;
mod exec;
mod free_ports;
mod logs;
mod network;
mod object;
mod options;
mod paths;
mod pod;
mod pods;
mod probes;
mod process;
mod status;
mod volumes;
mod without;

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use addresses::Addressing;
pub use logs::{LogPart, Logs};
pub use options::NodeOptions;

use crate::clock::Clock;
use crate::script::Script;
use addresses::Addresses;
use events::Recorder;
use network::Network;
use pod::{Machine, Runs, Shared};
use process::Supervisor;
use without::Logged;

/// A node that runs. Its processes are killed when it is dropped.
#[derive(Debug)]
pub struct Node {
    stop: watch::Sender<bool>,
    logs: Logs,
    /// None without processes.
    supervisor: Option<Supervisor>,
    /// If each pod has a network namespace.
    network: Option<Arc<Network>>,
    /// Ends when all pods have.
    pods: JoinSet<()>,
    /// What goes on until then.
    others: JoinSet<()>,
    /// Ends when all events are sent.
    events: JoinSet<()>,
}

impl Node {
    /// Starts a node, and ends what runs of others on this machine have left behind.
    ///
    /// # Errors
    ///
    /// The folders cannot be made, the supervisor cannot be started, without which a kill of this process would leave
    /// replicas behind, or pods are to have network namespaces, and this process cannot make them.
    pub async fn start(client: Client, clock: Clock, options: NodeOptions) -> std::io::Result<Self> {
        tokio::fs::create_dir_all(&options.folder).await?;
        tokio::fs::create_dir_all(&options.claims).await?;
        let owner = process::owner();
        let (marker, removed) = (owner.clone(), options.removes_folder.clone());
        let start = move || {
            let ended = process::end_leftovers();
            if ended > 0 {
                tracing::info!("ended {ended} processes of a local run that was killed");
            }
            Supervisor::start(&marker, removed.as_deref())
        };
        let supervisor = tokio::task::spawn_blocking(start)
            .await
            .map_err(std::io::Error::other)??;
        let network = match options.addressing {
            Addressing::Namespaces => Some(Arc::new(Network::start(&owner, &options.folder).await?)),
            _ => None,
        };
        let claims = claims::remove_deleted(client.clone(), options.claims.clone());
        let machine = Machine::Processes {
            owner,
            supervisor: supervisor.clone(),
            network: network.clone(),
        };
        let mut node = Self::with(client, clock, options, machine);
        node.supervisor = Some(supervisor);
        node.network = network;
        node.others.spawn(claims);
        Ok(node)
    }

    /// Starts a node that runs nothing: a script says what becomes of its pods.
    #[must_use]
    pub fn start_scripted(client: Client, clock: Clock, options: NodeOptions, script: Script) -> Self {
        let mut node = Self::with(client, clock, options, Machine::Script(script.clone()));
        node.others.spawn(script.run());
        node
    }

    fn with(client: Client, clock: Clock, options: NodeOptions, machine: Machine) -> Self {
        let (recorder, sent) = Recorder::new(client.clone(), clock, options.name.clone());
        let logs = Logs::new(options.folder.clone());
        let (mut pods, mut others, mut events) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        events.spawn(sent);
        others.spawn(object::register(client.clone(), clock, options.clone()));
        let stop = watch::Sender::new(false);
        let shared = Shared {
            client,
            clock,
            recorder,
            logs: logs.clone(),
            addresses: Addresses::new(options.addressing, machine.network().map(Network::prefix)),
            runs: Runs::default(),
            logged: Logged::new(options.addressing),
            machine,
            options,
        };
        pods.spawn(pods::run(Arc::new(shared), stop.subscribe()));
        Self {
            stop,
            logs,
            supervisor: None,
            network: None,
            pods,
            others,
            events,
        }
    }

    /// Reads logs of containers. It goes on to do so when the node has stopped, for pods whose folders are left.
    #[must_use]
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    /// Ends all processes, each as its pod says, and returns when none is left. The pods stay in the API server.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.pods.join_next().await.is_some() {}
        self.others.shutdown().await;
        while self.events.join_next().await.is_some() {}
        if let Some(network) = self.network {
            network.stop().await;
        }
        if let Some(supervisor) = self.supervisor {
            supervisor.finish().await;
        }
    }
}

#[cfg(test)]
mod tests;
