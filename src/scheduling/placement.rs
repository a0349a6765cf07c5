//! Pods placed one after the other, as the scheduler does it, until none fits any more.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use super::filter_reason::FilterReason;
use super::host_ports::{self, HostPort};
use super::pod_affinity::{Neighbours, PodAffinity};
use super::resources::Room;
use super::topology_spread::{Counts, TopologySpread};
use super::{node_affinity, node_taints};
use crate::resources::pod;

/// The nodes, as one shape of pod sees them.
pub(super) struct Cluster<'a> {
    hosts: Vec<Host<'a>>,
    affinity: PodAffinity,
    spread: TopologySpread,
}

/// One node.
struct Host<'a> {
    /// Why it refuses every pod of the shape, whatever else is placed.
    refusal: Option<FilterReason>,
    room: Room<'a>,
    /// How many pods of the shape it holds at most.
    most: u32,
    /// Whether the pods want a port of it, so that it holds one at most.
    ports: bool,
}

/// Where pods have been placed.
pub(super) struct Placed {
    on: Vec<u32>,
    neighbours: Neighbours,
    counts: Counts,
    /// How many.
    pub(super) total: u32,
}

impl<'a> Cluster<'a> {
    /// Looks at the nodes and at the pods that run on them.
    pub(super) fn new(
        pod: &Pod,
        spec: &PodSpec,
        asked: &BTreeMap<&'a str, i128>,
        nodes: &[Node],
        pods: &[Pod],
    ) -> Self {
        let names = nodes.iter().enumerate();
        let names = names.filter_map(|(number, node)| Some((node.metadata.name.as_deref()?, number)));
        let number_of: HashMap<_, _> = names.collect();
        let running = pods.iter().filter(|pod| !has_ended(pod));
        let running = running.filter_map(|pod| {
            let node = pod.spec.as_ref()?.node_name.as_deref()?;
            Some((*number_of.get(node)?, pod))
        });
        let running: Vec<_> = running.collect();
        let ports = host_ports::of(pod);
        let mut rooms: Vec<_> = nodes.iter().map(|node| Room::on(node, asked)).collect();
        let mut taken: Vec<Vec<HostPort<'_>>> = vec![Vec::new(); nodes.len()];
        for (node, other) in &running {
            rooms[*node].take(&pod::of(other));
            if !ports.is_empty() {
                taken[*node].extend(host_ports::of(other));
            }
        }
        let tolerations = spec.tolerations.as_deref().unwrap_or_default();
        let hosts = nodes.iter().zip(rooms).zip(taken).map(|((node, room), taken)| {
            // The scheduler asks for taints first; but what is wrong with nodes that were never meant helps nobody.
            let refusal = node_affinity::refuses(node, spec)
                .or_else(|| node_taints::refuses(node, tolerations))
                .or_else(|| host_ports::conflict(&ports, &taken).then_some(FilterReason::HostPort));
            let most = room.left().min(if ports.is_empty() { u32::MAX } else { 1 });
            let ports = !ports.is_empty();
            let most = if refusal.is_some() { 0 } else { most };
            Host {
                refusal,
                room,
                most,
                ports,
            }
        });
        Self {
            hosts: hosts.collect(),
            affinity: PodAffinity::new(pod, nodes, &running),
            spread: TopologySpread::new(pod, spec, nodes, &running),
        }
    }

    /// Places up to so many pods: where the fewest and where the most fit, which differ where the first pod decides
    /// where all others go.
    pub(super) fn place(&self, wanted: u32) -> (Placed, u32) {
        let open: Vec<_> = (0..self.hosts.len())
            .filter(|node| self.hosts[*node].most > 0)
            .collect();
        if !self.affinity.first_decides() {
            let placed = self.fill(wanted, &open);
            let total = placed.total;
            return (placed, total);
        }
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for node in open {
            groups.entry(self.affinity.domains(node)).or_default().push(node);
        }
        let mut fewest: Option<Placed> = None;
        let mut most = 0;
        for group in groups.values() {
            let placed = self.fill(wanted, group);
            most = most.max(placed.total);
            // A group that takes none is none that the first pod could go to.
            if placed.total > 0 && fewest.as_ref().is_none_or(|fewest| placed.total < fewest.total) {
                fewest = Some(placed);
            }
        }
        (fewest.unwrap_or_else(|| self.nothing()), most)
    }

    /// How many nodes take at least one of the pods, alone or after others.
    pub(super) fn takers(&self, placed: &Placed) -> u32 {
        let nothing = self.nothing();
        let least = self.spread.least(&nothing.counts);
        let takes = |node: &usize| placed.on[*node] > 0 || self.refuses(*node, &nothing, &least).is_none();
        count((0..self.hosts.len()).filter(takes))
    }

    /// Why the nodes take no pod beyond those that are placed, and how many there are of each reason.
    pub(super) fn refusals(&self, placed: &Placed) -> BTreeMap<FilterReason, u32> {
        let least = self.spread.least(&placed.counts);
        let mut refusals = BTreeMap::new();
        for reason in (0..self.hosts.len()).filter_map(|node| self.refuses(node, placed, &least)) {
            *refusals.entry(reason).or_default() += 1;
        }
        refusals
    }

    /// Whether some node would take a pod if it were empty.
    pub(super) fn has_place_when_empty(&self) -> bool {
        let takes = |host: &Host<'_>| {
            let for_good = host
                .refusal
                .as_ref()
                .is_some_and(|reason| *reason != FilterReason::HostPort);
            !for_good && !host.room.never()
        };
        self.hosts.iter().any(takes)
    }

    fn nothing(&self) -> Placed {
        Placed {
            on: vec![0; self.hosts.len()],
            neighbours: self.affinity.start.clone(),
            counts: self.spread.start.clone(),
            total: 0,
        }
    }

    /// Places pods on these nodes until none fits any more: on the node whose domains have the fewest, and of those on
    /// the one with the most room.
    fn fill(&self, wanted: u32, open: &[usize]) -> Placed {
        let mut placed = self.nothing();
        while placed.total < wanted {
            let least = self.spread.least(&placed.counts);
            let fitting = open
                .iter()
                .filter(|node| self.refuses(**node, &placed, &least).is_none());
            let best = fitting.min_by_key(|node| {
                let left = self.hosts[**node].most - placed.on[**node];
                (self.spread.crowd(**node, &placed.counts), std::cmp::Reverse(left))
            });
            let Some(&node) = best else { break };
            placed.on[node] += 1;
            placed.total += 1;
            self.affinity.place(node, &mut placed.neighbours);
            self.spread.place(node, &mut placed.counts);
        }
        placed
    }

    /// Why a node refuses a further pod, what no pod can help first.
    fn refuses(&self, node: usize, placed: &Placed, least: &[i64]) -> Option<FilterReason> {
        let host = &self.hosts[node];
        if host.refusal.is_some() {
            return host.refusal.clone();
        }
        let on = placed.on[node];
        if on >= host.most {
            let ports = (host.ports && on > 0).then_some(FilterReason::HostPort);
            return ports.or_else(|| host.room.refuses(on));
        }
        self.spread
            .refuses(node, &placed.counts, least)
            .or_else(|| self.affinity.refuses(node, &placed.neighbours))
    }
}

/// Whether a pod has ended, so that nothing of its node is its any more.
fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
