//! Pods that a pod has to be with, and those that it must not be with (the scheduler's `InterPodAffinity`).

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm};
use kube::core::{Selector, SelectorExt};

use super::filter_reason::FilterReason;
use super::selector::{self, namespace};
use super::topology::Topology;

/// One rule: pods in the same domain of a topology.
struct Term<'a> {
    namespaces: Vec<&'a str>,
    of_namespaces: Option<Selector>,
    pods: Option<Selector>,
    key: &'a str,
}

impl<'a> Term<'a> {
    fn new(term: &'a PodAffinityTerm, owner: &'a Pod) -> Self {
        let listed = term.namespaces.iter().flatten().map(String::as_str);
        let namespaces: Vec<_> = listed.collect();
        let own = namespaces.is_empty() && term.namespace_selector.is_none();
        Self {
            namespaces: if own { vec![namespace(owner)] } else { namespaces },
            of_namespaces: selector::read(term.namespace_selector.as_ref()),
            pods: selector::read(term.label_selector.as_ref()),
            key: &term.topology_key,
        }
    }

    /// Whether the term speaks of a pod. Of the labels of namespaces only the one is known that each has of itself.
    fn is_of(&self, pod: &Pod) -> bool {
        let namespace = namespace(pod);
        let selected = || {
            let name = ("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
            let labels = BTreeMap::from([name]);
            self.of_namespaces
                .as_ref()
                .is_some_and(|selector| selector.matches(&labels))
        };
        (self.namespaces.contains(&namespace) || selected()) && selector::selects(self.pods.as_ref(), pod)
    }
}

/// The pods that a pod has to be with.
fn wanted(pod: &Pod) -> Vec<Term<'_>> {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let affinity = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    let terms = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().map(|term| Term::new(term, pod)).collect()
}

/// The pods that a pod must not be with.
fn unwanted(pod: &Pod) -> Vec<Term<'_>> {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let affinity = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let terms = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().map(|term| Term::new(term, pod)).collect()
}

/// The effect of the rules of the new pod and of the running pods on the nodes.
pub(super) struct PodAffinity {
    wanted: Vec<Topology>,
    /// Whether the new pods want to be with each other.
    pub(super) wants_itself: bool,
    unwanted: Vec<(Topology, bool)>,
    /// Nodes with pods that do not want the new one.
    unwelcome: Vec<bool>,
    /// Where things stand before the first pod is placed.
    pub(super) start: Neighbours,
}

/// In which domains there are pods that matter, by rule and domain.
#[derive(Clone)]
pub(super) struct Neighbours {
    wanted: Vec<Vec<bool>>,
    unwanted: Vec<Vec<bool>>,
}

impl PodAffinity {
    /// Reads the rules, for a new pod, the nodes, and the pods that run on the nodes of these numbers.
    pub(super) fn new(pod: &Pod, nodes: &[Node], running: &[(usize, &Pod)]) -> Self {
        let (want, unwant) = (wanted(pod), unwanted(pod));
        let topology = |term: &Term<'_>| Topology::new(term.key, nodes);
        let nowhere = |topology: &Topology| vec![false; topology.domains];
        let wanted: Vec<_> = want.iter().map(topology).collect();
        let unwanted: Vec<_> = unwant.iter().map(|term| (topology(term), term.is_of(pod))).collect();
        let start = Neighbours {
            wanted: wanted.iter().map(nowhere).collect(),
            unwanted: unwanted.iter().map(|(topology, _)| nowhere(topology)).collect(),
        };
        let mut affinity = Self {
            wants_itself: !want.is_empty() && want.iter().all(|term| term.is_of(pod)),
            unwelcome: unwelcome(pod, nodes, running),
            wanted,
            unwanted,
            start,
        };
        for (node, other) in running {
            // Only a pod that meets all terms counts for any.
            if !want.is_empty() && want.iter().all(|term| term.is_of(other)) {
                note(&mut affinity.start.wanted, &affinity.wanted, *node);
            }
            for ((domains, (topology, _)), term) in
                affinity.start.unwanted.iter_mut().zip(&affinity.unwanted).zip(&unwant)
            {
                if term.is_of(other) {
                    mark(domains, topology, *node);
                }
            }
        }
        affinity
    }

    /// Whether the first pod decides where all others go: they want each other, and what they want is nowhere yet.
    pub(super) fn first_decides(&self) -> bool {
        self.wants_itself && self.start.wanted.iter().flatten().all(|met| !met)
    }

    /// The domains of a node that pods would share with the first one.
    pub(super) fn domains(&self, node: usize) -> Vec<Option<usize>> {
        self.wanted.iter().map(|topology| topology.domain(node)).collect()
    }

    /// Why a node refuses a further pod.
    pub(super) fn refuses(&self, node: usize, neighbours: &Neighbours) -> Option<FilterReason> {
        let is_in = |(topology, domains): (&Topology, &Vec<bool>)| topology.domain(node).map(|domain| domains[domain]);
        let met: Option<Vec<bool>> = self.wanted.iter().zip(&neighbours.wanted).map(is_in).collect();
        let alone = || self.wants_itself && neighbours.wanted.iter().flatten().all(|met| !met);
        // A node without the label of a rule is in no domain, also for the first pod.
        if met.is_none_or(|met| met.contains(&false) && !alone()) {
            return Some(FilterReason::PodAffinity);
        }
        let topologies = self.unwanted.iter().map(|(topology, _)| topology);
        if topologies
            .zip(&neighbours.unwanted)
            .any(|pair| is_in(pair) == Some(true))
        {
            return Some(FilterReason::PodAntiAffinity);
        }
        self.unwelcome
            .get(node)
            .is_some_and(|unwelcome| *unwelcome)
            .then_some(FilterReason::ExistingAntiAffinity)
    }

    /// Notes that a new pod has been placed.
    pub(super) fn place(&self, node: usize, neighbours: &mut Neighbours) {
        if self.wants_itself {
            note(&mut neighbours.wanted, &self.wanted, node);
        }
        for (domains, (topology, itself)) in neighbours.unwanted.iter_mut().zip(&self.unwanted) {
            if *itself {
                mark(domains, topology, node);
            }
        }
    }
}

fn note(domains: &mut [Vec<bool>], topologies: &[Topology], node: usize) {
    for (domains, topology) in domains.iter_mut().zip(topologies) {
        mark(domains, topology, node);
    }
}

fn mark(domains: &mut [bool], topology: &Topology, node: usize) {
    if let Some(domain) = topology.domain(node) {
        domains[domain] = true;
    }
}

/// The nodes in whose domains pods run that do not want the new one.
fn unwelcome(pod: &Pod, nodes: &[Node], running: &[(usize, &Pod)]) -> Vec<bool> {
    let mut closed = HashSet::new();
    for (node, other) in running {
        for term in unwanted(other) {
            let labels = nodes.get(*node).and_then(|node| node.metadata.labels.as_ref());
            if let Some(value) = labels.and_then(|labels| labels.get(term.key))
                && term.is_of(pod)
            {
                closed.insert((term.key, value));
            }
        }
    }
    let labels = |node: &Node| {
        let mut labels = node.metadata.labels.iter().flatten();
        labels.any(|(key, value)| closed.contains(&(key.as_str(), value)))
    };
    nodes.iter().map(|node| !closed.is_empty() && labels(node)).collect()
}
