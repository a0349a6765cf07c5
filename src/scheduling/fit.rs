//! How many of some pods fit.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use super::filter_reason::FilterReason;
use super::{placement, resources};
use crate::resources::pod;

/// How many of some pods fit now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// How many there are to be.
    pub wanted: u32,
    /// How many fit for certain.
    pub fits: u32,
    /// How many fit at most: more than [`Fit::fits`] only where pods want to be together and the scheduler's choice for
    /// the first one decides how much room there is for the others.
    pub at_most: u32,
    /// How many nodes there are.
    pub nodes: u32,
    /// How many of them take at least one of the pods.
    pub takers: u32,
    /// Why nodes take no pod beyond those that fit, and how many nodes there are of each reason.
    pub refusals: BTreeMap<FilterReason, u32>,
    /// Whether one would fit if no other pod ran: if not, waiting for room is of no use.
    pub possible: bool,
    /// The requests of each pod, by resource: thousandths of CPUs, bytes, or a number.
    pub request: BTreeMap<String, i128>,
}

/// How many of so many pods fit on the nodes now.
///
/// The pod is the one that the controller would make, with namespace, labels and spec, the same for every ordinal; the
/// pods are all of the cluster, of which those count that have a node and have not ended. A pod's volumes are ignored.
#[must_use]
pub fn fit(pod: &Pod, replicas: u32, nodes: &[Node], pods: &[Pod]) -> Fit {
    let none = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let requests = pod::of(pod);
    let asked = resources::asked(&requests);
    let cluster = placement::Cluster::new(pod, spec, &asked, nodes, pods);
    let (placed, at_most) = cluster.place(replicas);
    Fit {
        wanted: replicas,
        fits: placed.total,
        at_most,
        nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        takers: cluster.takers(&placed),
        refusals: cluster.refusals(&placed),
        possible: at_most > 0 || cluster.has_place_when_empty(),
        request: asked
            .iter()
            .map(|(name, amount)| ((*name).to_owned(), *amount))
            .collect(),
    }
}
