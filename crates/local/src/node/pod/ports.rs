//! Servers of two pods that listen on the same port: the kernel would give each the connections of the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use kube::ResourceExt;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::stop::{Stopped, stopped};
use super::{State, Worker};
use crate::node::addresses::Addressing;
use crate::node::process::{Holder, Listener, Process, holders, listeners, overlap, shared};

/// How soon to look again, and at most.
const EAGER: Duration = Duration::from_millis(50);
const PERIOD: Duration = Duration::from_secs(1);

/// The runs of all containers of a node, in the order of their starts.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Runs(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    next: u64,
    runs: BTreeMap<u64, Run>,
}

#[derive(Debug, Clone)]
struct Run {
    /// What its processes have in their environment.
    marker: String,
    /// The group of its processes.
    group: i32,
    uid: String,
    pod: String,
}

/// A run that goes on until this is dropped.
pub(super) struct Registered {
    runs: Runs,
    number: u64,
}

/// Two servers on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) message: String,
    address: SocketAddr,
}

/// What a look at the ports of a run has found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    /// One that has started later is on a port of this run, and will be ended.
    Later,
    /// Another server answers on a port that this run has not opened, as this sentence says.
    Other(String),
    /// This one has to end.
    Conflict(Conflict),
}

impl Runs {
    fn register(&self, run: Run) -> Registered {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.next += 1;
        let number = known.next;
        known.runs.insert(number, run);
        Registered {
            runs: self.clone(),
            number,
        }
    }

    fn numbered(&self, number: u64) -> Option<Run> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.runs.get(&number).cloned()
    }

    /// The run that a process belongs to.
    fn of(&self, holder: &Holder) -> Option<(u64, Run)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of = |run: &Run| match &holder.container {
            Some(marker) => *marker == run.marker,
            None => holder.group == run.group,
        };
        let found = known.runs.iter().rfind(|(_, run)| is_of(run));
        found.map(|(number, run)| (*number, run.clone()))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut known = self.runs.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.runs.remove(&self.number);
    }
}

impl Worker {
    /// Makes a run known to the others of the node.
    pub(super) fn register(&self, container: &Container, process: &Process) -> Registered {
        self.shared.runs.register(Run {
            marker: self.marker(container),
            group: process.id(),
            uid: self.uid.clone(),
            pod: self.pod.name_any(),
        })
    }

    /// Waits until a server of this run is on the port of another one.
    pub(super) async fn conflict(&self, run: &Registered) -> Conflict {
        let mut pause = EAGER;
        while self.has_ports() {
            if let Found::Conflict(conflict) = self.look_at_ports(run, Vec::new()).await {
                return conflict;
            }
            sleep(pause).await;
            pause = (2 * pause).min(PERIOD);
        }
        std::future::pending().await
    }

    /// Waits until the ports of a container whose probe has passed are its own: a server of another pod that listens on
    /// all addresses would answer the probe, too.
    pub(super) async fn ports_are_its_own(&self, container: &Container, probe: Option<&Probe>, run: &Registered) {
        if !self.has_ports() {
            return;
        }
        let asks = probe.is_some_and(|probe| probe.exec.is_none());
        let ports = container.ports.iter().flatten().filter(|_| asks);
        let ports = ports.filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        let ports = ports.filter_map(|port| u16::try_from(port.container_port).ok());
        let ports = ports.map(|port| self.place.ports.get(&port).copied().unwrap_or(port));
        let addresses = self.place.address.parse::<IpAddr>().ok().into_iter();
        let addresses: Vec<_> = addresses
            .flat_map(|address| ports.clone().map(move |port| SocketAddr::new(address, port)))
            .collect();
        let mut pause = EAGER;
        loop {
            let found = self.look_at_ports(run, addresses.clone()).await;
            match found {
                Found::Nothing => return,
                Found::Other(words) if pause == PERIOD => {
                    let recorder = &self.shared.recorder;
                    recorder.warning(&self.pod, Some(&container.name), "Unhealthy", words);
                }
                _ => {}
            }
            sleep(pause).await;
            pause = (2 * pause).min(PERIOD);
        }
    }

    /// Lets a container wait until its port is free. Returns whether it may start then.
    pub(super) async fn wait_for_port(&self, container: &Container, conflict: Conflict, stop: &mut Stopped) -> bool {
        let event = format!("Error: {}", conflict.message);
        self.shared
            .recorder
            .warning(&self.pod, Some(&container.name), "Failed", event);
        let state = State::Waiting {
            reason: "CreateContainerConfigError",
            message: Some(conflict.message),
        };
        self.set(container, state);
        let address = conflict.address;
        loop {
            let is_taken = move || listeners().iter().any(|other| overlap(other.address, address));
            tokio::select! {
                _ = stopped(stop) => return false,
                is_taken = spawn_blocking(is_taken) => if !matches!(is_taken, Ok(true)) {
                    return true;
                },
            }
            tokio::select! {
                _ = stopped(stop) => return false,
                () = sleep(PERIOD) => {}
            }
        }
    }

    /// Whether the container has ports that another one could have, too.
    fn has_ports(&self) -> bool {
        if self.sandbox.get().is_some() {
            return false;
        }
        let spec = self.spec();
        let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        all.any(|container| container.ports.as_ref().is_some_and(|ports| !ports.is_empty()))
    }

    /// Looks whether others are on the ports of a run, and, for each of these addresses, whether only others are.
    async fn look_at_ports(&self, run: &Registered, addresses: Vec<SocketAddr>) -> Found {
        let (runs, number) = (run.runs.clone(), run.number);
        let addressing = self.shared.options.addressing;
        let looked = spawn_blocking(move || look(&runs, number, addressing, &addresses)).await;
        looked.unwrap_or(Found::Nothing)
    }
}

fn look(runs: &Runs, number: u64, addressing: Addressing, addresses: &[SocketAddr]) -> Found {
    let all = listeners();
    let pairs = shared(&all);
    let is_on = |listener: &&Listener| addresses.iter().any(|address| overlap(*address, listener.address));
    let of_pairs = pairs.iter().flat_map(|(one, other)| [one.inode, other.inode]);
    let on = all.iter().filter(is_on).map(|listener| listener.inode);
    let inodes: BTreeSet<u64> = of_pairs.chain(on).collect();
    if inodes.is_empty() {
        return Found::Nothing;
    }
    let holders = holders(&inodes);
    let mut found = Found::Nothing;
    for (one, other) in pairs.iter().flat_map(|(one, other)| [(one, other), (other, one)]) {
        // A socket that nobody has any more, or that another user has, is none that is shared.
        let (Some(holder), Some(of_other)) = (holders.get(&one.inode), holders.get(&other.inode)) else {
            continue;
        };
        let Some((_, run)) = runs.of(holder).filter(|(found, _)| *found == number) else {
            continue;
        };
        match runs.of(of_other) {
            Some((_, neighbour)) if neighbour.uid == run.uid => {}
            Some((later, _)) if later > number => found = Found::Later,
            Some((_, neighbour)) => return conflict(&run, one, other, &neighbour.pod, addressing),
            // A run of this node that is ending.
            None if is_of_node(of_other, &run) => found = Found::Later,
            None => return conflict(&run, one, other, &words(of_other), addressing),
        }
    }
    let others = addresses
        .iter()
        .find_map(|address| others_on(*address, &all, &holders, runs, number));
    others.map_or(found, Found::Other)
}

/// Who answers on an address on which no server of the pod of this run listens.
fn others_on(
    address: SocketAddr,
    all: &[Listener],
    holders: &BTreeMap<u64, Holder>,
    runs: &Runs,
    number: u64,
) -> Option<String> {
    let own = runs.numbered(number)?;
    let on = all.iter().filter(|listener| overlap(listener.address, address));
    let on: Vec<_> = on
        .filter_map(|listener| Some((listener, holders.get(&listener.inode)?)))
        .map(|(listener, holder)| (listener, holder, runs.of(holder).map(|(_, run)| run)))
        .collect();
    if on
        .iter()
        .any(|(.., run)| run.as_ref().is_some_and(|run| run.uid == own.uid))
    {
        return None;
    }
    let (listener, holder, run) = on.first()?;
    let name = run.as_ref().map_or_else(|| words(holder), |run| run.pod.clone());
    Some(format!(
        "Readiness probe failed: {name} answers it, which listens on {}, and {} does not listen on {address}",
        listener.address, own.pod
    ))
}

fn words(holder: &Holder) -> String {
    format!("process {} ({})", holder.process, holder.program)
}

/// Whether a process belongs to the node of a run.
fn is_of_node(holder: &Holder, run: &Run) -> bool {
    let node = |marker: &str| marker.split('/').next().map(str::to_owned);
    holder
        .container
        .as_ref()
        .is_some_and(|marker| node(marker) == node(&run.marker))
}

fn conflict(run: &Run, own: &Listener, other: &Listener, name: &str, addressing: Addressing) -> Found {
    let (pod, address) = (&run.pod, own.address);
    let listen = if own.address == other.address {
        format!("{pod} and {name} both listen on {address} (SO_REUSEPORT)")
    } else {
        format!(
            "{pod} listens on {address}, and {name} on {} (SO_REUSEPORT)",
            other.address
        )
    };
    let host = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let advice = match addressing {
        Addressing::Shared(_) => format!("Let the server listen on $SERVER_PORT instead of {}.", address.port()),
        Addressing::PerPod if address.ip().is_unspecified() => {
            format!("Let the server listen on $POD_IP (or $SERVER_HOST) instead of {host}.")
        }
        Addressing::PerPod | Addressing::Imagined | Addressing::Namespaces => format!(
            "Let {name} listen on an address of its own instead of {}.",
            other.address.ip()
        ),
    };
    Found::Conflict(Conflict {
        message: format!("{listen}, so that each would get the other's requests. {advice}"),
        address,
    })
}
