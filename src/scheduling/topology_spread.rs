//! Pods that are to be spread over zones, racks or hosts (the scheduler's `PodTopologySpread`).

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, Toleration, TopologySpreadConstraint};
use kube::core::{Expression, Selector};

use super::filter_reason::FilterReason;
use super::node_affinity::selects;
use super::node_taints::untolerated;
use super::selector::{self, namespace};
use super::topology::Topology;

/// The hard constraints of a pod, and what they make of the nodes.
pub(super) struct TopologySpread {
    constraints: Vec<Constraint>,
    /// Where things stand before the first pod is placed.
    pub(super) start: Counts,
}

struct Constraint {
    key: String,
    topology: Topology,
    max_skew: i64,
    /// The nodes that count.
    counts: Vec<bool>,
    /// The domains that count.
    there: Vec<bool>,
    /// Whether so few domains count that the emptiest is taken to be empty.
    too_few_domains: bool,
    /// Whether the selector selects the new pod.
    of_itself: bool,
    /// Whether a placed pod is counted: the scheduler counts none for an empty selector.
    counted: bool,
}

/// How many pods there are, by constraint and domain.
#[derive(Clone)]
pub(super) struct Counts(Vec<Vec<i64>>);

impl TopologySpread {
    /// Reads the constraints, for a new pod, the nodes, and the pods that run on the nodes of these numbers.
    pub(super) fn new(pod: &Pod, spec: &PodSpec, nodes: &[Node], running: &[(usize, &Pod)]) -> Self {
        let all = spec.topology_spread_constraints.iter().flatten();
        let hard: Vec<_> = all
            .filter(|constraint| constraint.when_unsatisfiable == "DoNotSchedule")
            .collect();
        let has = |node: &Node, key| {
            node.metadata
                .labels
                .as_ref()
                .is_some_and(|labels| labels.contains_key(key))
        };
        let complete = |node: &Node| hard.iter().all(|constraint| has(node, &constraint.topology_key));
        let complete: Vec<_> = nodes.iter().map(complete).collect();
        let tolerations = spec.tolerations.as_deref().unwrap_or_default();
        let mut spread = Self {
            constraints: Vec::new(),
            start: Counts(Vec::new()),
        };
        for constraint in &hard {
            let included = nodes.iter().zip(&complete);
            let included = included.map(|(node, complete)| *complete && includes(constraint, spec, tolerations, node));
            let counts: Vec<_> = included.collect();
            let topology = Topology::new(&constraint.topology_key, nodes);
            let selector = pods_of(constraint, pod);
            let mut there = vec![false; topology.domains];
            for (node, _) in counts.iter().enumerate().filter(|(_, counts)| **counts) {
                if let Some(domain) = topology.domain(node) {
                    there[domain] = true;
                }
            }
            let domains = there.iter().filter(|there| **there).count();
            let least = usize::try_from(constraint.min_domains.unwrap_or(1)).unwrap_or_default();
            let of_itself = selector::selects(selector.as_ref(), pod);
            let not_empty = selector.as_ref().is_some_and(|selector| !selector.selects_all());
            let constraint = Constraint {
                key: constraint.topology_key.clone(),
                max_skew: constraint.max_skew.into(),
                too_few_domains: domains < least,
                counted: of_itself && not_empty,
                of_itself,
                counts,
                there,
                topology,
            };
            let mut pods = vec![0; constraint.topology.domains];
            if not_empty {
                for (node, other) in running {
                    let stays = other.metadata.deletion_timestamp.is_none();
                    if stays && namespace(other) == namespace(pod) && selector::selects(selector.as_ref(), other) {
                        constraint.count(*node, &mut pods);
                    }
                }
            }
            spread.constraints.push(constraint);
            spread.start.0.push(pods);
        }
        spread
    }

    /// How many pods there are in the emptiest domain, by constraint.
    pub(super) fn least(&self, counts: &Counts) -> Vec<i64> {
        let pairs = self.constraints.iter().zip(&counts.0);
        pairs.map(|(constraint, pods)| constraint.least(pods)).collect()
    }

    /// Why a node refuses a further pod, when there are so many in the emptiest domains.
    pub(super) fn refuses(&self, node: usize, counts: &Counts, least: &[i64]) -> Option<FilterReason> {
        let mut constraints = self.constraints.iter().zip(&counts.0).zip(least);
        constraints.find_map(|((constraint, pods), least)| {
            let Some(domain) = constraint.topology.domain(node) else {
                return Some(FilterReason::NoTopology(constraint.key.clone()));
            };
            let skew = pods[domain] + i64::from(constraint.of_itself) - least;
            (skew > constraint.max_skew).then(|| FilterReason::TopologySpread(constraint.key.clone()))
        })
    }

    /// How many pods there are in the domains of a node.
    pub(super) fn crowd(&self, node: usize, counts: &Counts) -> i64 {
        let pairs = self.constraints.iter().zip(&counts.0);
        pairs
            .filter_map(|(constraint, pods)| constraint.topology.domain(node).map(|domain| pods[domain]))
            .sum()
    }

    /// Notes that a new pod has been placed.
    pub(super) fn place(&self, node: usize, counts: &mut Counts) {
        for (constraint, pods) in self.constraints.iter().zip(&mut counts.0) {
            if constraint.counted {
                constraint.count(node, pods);
            }
        }
    }
}

impl Constraint {
    fn count(&self, node: usize, pods: &mut [i64]) {
        if self.counts[node]
            && let Some(domain) = self.topology.domain(node)
        {
            pods[domain] += 1;
        }
    }

    fn least(&self, pods: &[i64]) -> i64 {
        let there = pods.iter().zip(&self.there).filter(|(_, there)| **there);
        let least = there.map(|(pods, _)| *pods).min();
        least.filter(|_| !self.too_few_domains).unwrap_or_default()
    }
}

/// Whether a node counts for a constraint.
fn includes(constraint: &TopologySpreadConstraint, pod: &PodSpec, tolerations: &[Toleration], node: &Node) -> bool {
    let ignores_affinity = constraint.node_affinity_policy.as_deref() == Some("Ignore");
    let honours_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
    (ignores_affinity || selects(pod, node)) && (!honours_taints || untolerated(node, tolerations).is_none())
}

/// The pods that are spread: those of the selector which have the same labels of the listed keys as the new pod.
fn pods_of(constraint: &TopologySpreadConstraint, pod: &Pod) -> Option<Selector> {
    let mut selector = selector::read(constraint.label_selector.as_ref())?;
    for key in constraint.match_label_keys.iter().flatten() {
        if let Some(value) = pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)) {
            selector.extend(Expression::Equal(key.clone(), value.clone()));
        }
    }
    Some(selector)
}
