//! An address of its own for each pod, or ports of its own.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::free_ports::Blocks;
use crate::actual_ports::ActualPorts;

/// The network from which pods get addresses: `127.77.0.0/16`.
const NETWORK: [u8; 2] = [127, 77];

/// What reserves the addresses of one service against other nodes on this machine: a listener on the last address of
/// its own 256, which ends with the process in any case.
const RESERVATION: (u8, u16) = (255, 7077);

/// How the pods of a node are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// Each pod has a loopback address of its own: pod `i` of service `s` has `127.77.s.i+1`. Linux has these addresses
    /// without configuration.
    PerPod,
    /// Each pod has a network namespace, and an address in a network of the node: `10.77.s.i+1`, where `10.77` is what
    /// this machine has no route to. Only Linux has this, with `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`.
    Namespaces,
    /// As `PerPod`, with addresses that nobody has: `10.77.s.i+1`.
    Imagined,
    /// All pods have this address, and each has ports of its own.
    Shared(Ipv4Addr),
}

impl Default for Addressing {
    /// What works without configuration: macOS has no loopback address but `127.0.0.1`.
    fn default() -> Self {
        if cfg!(target_os = "macos") {
            Self::Shared(Ipv4Addr::LOCALHOST)
        } else {
            Self::PerPod
        }
    }
}

impl Addressing {
    /// The one of a name: `namespaces`, `addresses` or `ports`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "namespaces" => Some(Self::Namespaces),
            "addresses" => Some(Self::PerPod),
            "ports" => Some(Self::Shared(Ipv4Addr::LOCALHOST)),
            _ => None,
        }
    }

    /// What every pod of a service has of its own, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Namespaces => "each in a network namespace of its own",
            Self::PerPod | Self::Imagined => "each with an address of its own",
            Self::Shared(_) => "each with ports of its own",
        }
    }
}

/// Which pods have which addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    addressing: Addressing,
    /// How every address begins.
    network: [u8; 2],
    /// By namespace and service.
    services: Mutex<BTreeMap<(String, String), Service>>,
    blocks: Mutex<Blocks>,
}

#[derive(Debug)]
struct Service {
    number: u8,
    /// By pod. They stay as long as the service has any pod, so that a pod has the address and the ports of the one
    /// before it.
    pods: BTreeMap<String, Given>,
    _reservation: Option<TcpListener>,
}

/// What a pod has.
#[derive(Debug, Default)]
struct Given {
    host: u8,
    ports: ActualPorts,
    users: usize,
}

impl Addresses {
    /// `network` is how the addresses begin of pods that have network namespaces.
    pub(super) fn new(addressing: Addressing, network: Option<[u8; 2]>) -> Self {
        let of_addressing = match addressing {
            Addressing::Imagined => [10, NETWORK[1]],
            Addressing::Namespaces | Addressing::PerPod | Addressing::Shared(_) => NETWORK,
        };
        Self {
            addressing,
            network: network.unwrap_or(of_addressing),
            services: Mutex::default(),
            blocks: Mutex::default(),
        }
    }

    /// Gives a pod its address, and its ports if others have the same address; `None` if all are taken.
    pub(super) fn take(&self, pod: &Pod) -> Option<(Ipv4Addr, ActualPorts)> {
        match self.addressing {
            Addressing::Shared(address) => Some((address, self.take_ports(pod, address)?)),
            Addressing::Namespaces | Addressing::PerPod | Addressing::Imagined => {
                Some((self.take_address(pod)?, ActualPorts::new()))
            }
        }
    }

    fn take_ports(&self, pod: &Pod, address: Ipv4Addr) -> Option<ActualPorts> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let given = services.values().flat_map(|service| service.pods.values());
        let mut taken: BTreeSet<u16> = given.flat_map(|given| given.ports.values().copied()).collect();
        let service = services.entry(service(pod)).or_insert_with(|| Service {
            number: 0,
            pods: BTreeMap::new(),
            _reservation: None,
        });
        let given = service.pods.entry(pod.name_any()).or_default();
        for port in declared(pod) {
            if let Entry::Vacant(entry) = given.ports.entry(port) {
                let actual = blocks.take(address, &taken)?;
                taken.insert(actual);
                entry.insert(actual);
            }
        }
        given.users += 1;
        Some(given.ports.clone())
    }

    fn take_address(&self, pod: &Pod) -> Option<Ipv4Addr> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let key = service(pod);
        if !services.contains_key(&key) {
            let (number, reservation) = reserve(&services, self.addressing)?;
            let service = Service {
                number,
                pods: BTreeMap::new(),
                _reservation: reservation,
            };
            services.insert(key.clone(), service);
        }
        let service = services.get_mut(&key)?;
        let name = pod.name_any();
        let taken = |host: u8| service.pods.values().any(|other| other.host == host);
        let known = service.pods.get(&name).map(|known| known.host);
        let by_ordinal = || {
            ordinal(pod)
                .and_then(|ordinal| ordinal.checked_add(1))
                .filter(|host| *host < RESERVATION.0 && !taken(*host))
        };
        let host = known
            .or_else(by_ordinal)
            .or_else(|| (1..RESERVATION.0).rev().find(|host| !taken(*host)))?;
        let given = service.pods.entry(name).or_default();
        given.host = host;
        given.users += 1;
        let [first, second] = self.network;
        Some(Ipv4Addr::new(first, second, service.number, host))
    }

    /// Takes an address back. The addresses of a service are free for others when none of its pods is left.
    pub(super) fn release(&self, pod: &Pod) {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let key = service(pod);
        let Some(service) = services.get_mut(&key) else { return };
        if let Some(given) = service.pods.get_mut(&pod.name_any()) {
            given.users = given.users.saturating_sub(1);
        }
        if service.pods.values().all(|given| given.users == 0) {
            services.remove(&key);
        }
    }
}

/// The first number that no service of this node has, nor of another on this machine.
fn reserve(
    services: &BTreeMap<(String, String), Service>,
    addressing: Addressing,
) -> Option<(u8, Option<TcpListener>)> {
    let is_free = |number: &u8| services.values().all(|service| service.number != *number);
    (1..=u8::MAX).filter(is_free).find_map(|number| {
        if addressing != Addressing::PerPod {
            return Some((number, None));
        }
        let address = Ipv4Addr::new(NETWORK[0], NETWORK[1], number, RESERVATION.0);
        match TcpListener::bind((address, RESERVATION.1)) {
            Ok(listener) => Some((number, Some(listener))),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => None,
            // It cannot be reserved on this machine, where pods may be unable to listen, too: they report that.
            Err(_) => Some((number, None)),
        }
    })
}

/// The service of a pod: what controls it, or the pod itself.
fn service(pod: &Pod) -> (String, String) {
    let owner = pod
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    let name = owner.map_or_else(|| pod.name_any(), |owner| owner.name.clone());
    (pod.namespace().unwrap_or_default(), name)
}

/// The ports that the containers of a pod declare.
fn declared(pod: &Pod) -> impl Iterator<Item = u16> {
    let spec = pod.spec.iter();
    let containers = spec.flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| u16::try_from(port.container_port).ok())
}

fn ordinal(pod: &Pod) -> Option<u8> {
    let name = pod.name_any();
    let label = pod.labels().get("apps.kubernetes.io/pod-index").map(String::as_str);
    label
        .or_else(|| name.rsplit_once('-').map(|(_, ordinal)| ordinal))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(service: &str, ordinal: u32) -> Pod {
        serde_json::from_value(json!({"metadata": {
            "name": format!("{service}-{ordinal}"), "namespace": "flyte",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": service, "uid": "1",
                "controller": true}],
        }}))
        .expect("a pod")
    }

    #[test]
    fn pods_of_a_service_have_neighbouring_addresses_which_stay() {
        let (one, other) = (
            Addresses::new(Addressing::PerPod, None),
            Addresses::new(Addressing::PerPod, None),
        );
        let take = |addresses: &Addresses, pod: &Pod| addresses.take(pod).expect("an address").0.octets();
        let first = take(&one, &pod("foo", 0));
        assert_eq!((first[0], first[1], first[3]), (127, 77, 1));
        let second = take(&one, &pod("foo", 1));
        assert_eq!((second[2], second[3]), (first[2], 2));
        assert_ne!(take(&one, &pod("bar", 0))[2], first[2], "another service");
        assert_ne!(take(&other, &pod("foo", 0))[2], first[2], "another node");
        one.release(&pod("foo", 0));
        assert_eq!(take(&one, &pod("foo", 0)), first, "the next pod of that name");
        assert_eq!(take(&one, &pod("foo", 1000))[3], 254);
        for ordinal in [0, 1, 1000] {
            one.release(&pod("foo", ordinal));
        }
        assert_eq!(one.services.lock().expect("services").len(), 1, "only bar is left");
    }

    #[test]
    fn pods_that_share_an_address_have_ports_of_their_own_which_stay() {
        let addresses = Addresses::new(Addressing::Shared(Ipv4Addr::LOCALHOST), None);
        let pod = |service: &str, ordinal: u32| {
            let mut pod = pod(service, ordinal);
            let spec = json!({"containers": [{"name": "c", "ports": [{"containerPort": 80}, {"containerPort": 81}]}]});
            pod.spec = Some(serde_json::from_value(spec).expect("a spec"));
            pod
        };
        let take = |pod: &Pod| addresses.take(pod).expect("ports").1;
        let first = take(&pod("foo", 0));
        let others = [take(&pod("foo", 1)), take(&pod("bar", 0))];
        assert_eq!(first.keys().copied().collect::<Vec<_>>(), [80, 81]);
        let all: BTreeSet<u16> = others
            .iter()
            .chain([&first])
            .flat_map(|ports| ports.values().copied())
            .collect();
        assert_eq!(all.len(), 6);
        addresses.release(&pod("foo", 0));
        assert_eq!(take(&pod("foo", 0)), first, "the next pod of that name");
        for (service, ordinal) in [("foo", 0), ("foo", 1), ("bar", 0)] {
            addresses.release(&pod(service, ordinal));
        }
        assert!(addresses.services.lock().expect("services").is_empty());
    }
}
