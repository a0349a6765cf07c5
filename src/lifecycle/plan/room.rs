//! Whether the cluster's nodes have room for the pods.

use futures::join;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Findings, Problem};
use crate::api::Inspect;
use crate::error::Result;
use crate::fit::{Reason, fit};
use crate::lifecycle::deadline::{Deadline, Step, repeat};
use crate::manifests::{Origins, WHOLE};
use kube::core::ApiResource;

/// Pods that need no room any more.
const ALIVE: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// The nodes and what runs on them, or why that cannot be told.
pub(super) type Nodes = std::result::Result<(Vec<Node>, Vec<Pod>), String>;

/// Reads the nodes and all pods, if the account may.
pub(super) async fn look<A: Inspect>(api: &A, deadline: Deadline) -> Result<Nodes> {
    let step = |resource: &ApiResource| Step::of("list", resource, "", "").optional();
    let (of_nodes, of_pods) = (ApiResource::erase::<Node>(&()), ApiResource::erase::<Pod>(&()));
    let (of_nodes, of_pods) = (step(&of_nodes), step(&of_pods));
    let (nodes, pods) = join!(
        repeat(deadline, &of_nodes, || api.everywhere::<Node>("")),
        repeat(deadline, &of_pods, || api.everywhere::<Pod>(ALIVE)),
    );
    let unknown = "Not checked: whether the nodes have room for the pods; the account may not list nodes and pods of the \
                   whole cluster.";
    match (nodes?, pods?) {
        (Ok(nodes), Ok(pods)) => Ok(Ok((nodes, pods))),
        (Err(fault), _) | (_, Err(fault)) if fault.is_missing_right() => Ok(Err(unknown.to_owned())),
        (Err(fault), _) => Err(of_nodes.failed(fault)),
        (_, Err(fault)) => Err(of_pods.failed(fault)),
    }
}

/// How many of the pods fit, as a sentence, and what follows from it. That there is no room now may pass, or the cluster may
/// get more nodes; that no node takes such a pod, though nothing else ran, has to be mended.
pub(super) fn room(nodes: Nodes, pod: &Pod, replicas: u32, origins: &Origins) -> (Option<String>, Findings) {
    let (nodes, pods) = match nodes {
        Err(note) => return (None, Findings::note(note)),
        Ok(nodes) => nodes,
    };
    let fit = fit(pod, replicas, &nodes, &pods);
    let sentence = fit.sentence();
    // A cluster without nodes makes them when they are wanted.
    if fit.possible || replicas == 0 || nodes.is_empty() {
        return (Some(sentence), Findings::default());
    }
    let most = fit.refusals.iter().max_by_key(|(_, nodes)| **nodes);
    let problem = Problem {
        path: most.map_or_else(|| WHOLE.to_owned(), |(reason, _)| culprit(reason, pod, origins)),
        message: format!("No node takes such a pod, however empty it is: {sentence}"),
    };
    (Some(sentence), Findings::of([problem]))
}

/// The field that a node refuses a pod for.
fn culprit(reason: &Reason, pod: &Pod, origins: &Origins) -> String {
    let has_selector = pod.spec.as_ref().is_some_and(|spec| spec.node_selector.is_some());
    let place = match reason {
        Reason::Lacks(resources) | Reason::TooLittleLeft(resources) => {
            let resource = resources.first().map_or("cpu", String::as_str);
            return origins.of_amount(&format!("requests.{resource}"));
        }
        Reason::NodeAffinity if has_selector => "spec.nodeSelector",
        Reason::NodeAffinity | Reason::PodAffinity | Reason::PodAntiAffinity | Reason::ExistingAntiAffinity => {
            "spec.affinity"
        }
        Reason::Taint(_) | Reason::Unschedulable => "spec.tolerations",
        Reason::NodeName => "spec.nodeName",
        Reason::NoTopology(_) | Reason::TopologySpread(_) => "spec.topologySpreadConstraints",
        Reason::HostPort => "spec.containers[0].ports[0]",
        Reason::TooManyPods => return origins.of_amount("pods"),
    };
    origins.field("Pod", place)
}
