//! Whether the cluster's nodes have room for the pods.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::{Container, Node, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::ApiResource;
use serde::de::DeserializeOwned;

use super::findings::{Answer, Unchecked, answer};
use super::{Findings, Problem};
use crate::cluster::Inspect;
use crate::lifecycle::retry::{Deadline, Step, retry};
use crate::origins::{Origins, WHOLE};
use crate::scheduling::{FilterReason, fit};

/// Pods that need room.
const ALIVE: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// The most nodes that are looked at: of a larger cluster, reading the pods takes longer than people wait.
const MOST_NODES: usize = 2_000;

/// The most pods that are looked at.
const MOST_PODS: usize = 40_000;

/// How many objects are read at a time.
const PAGE: u32 = 500;

/// The nodes and what runs on them, if that could be read.
pub(super) type Nodes = Answer<(Vec<Node>, Vec<Pod>)>;

/// Reads the nodes and all pods.
pub(super) async fn look<A: Inspect>(api: &A, deadline: Deadline) -> Nodes {
    let nodes = all(api, "", MOST_NODES, |node: Node| node, deadline).await?;
    let pods = all(api, ALIVE, MOST_PODS, slim, deadline).await?;
    Ok((nodes, pods))
}

/// Reads all objects of a kind, page by page, unless they are too many.
async fn all<A: Inspect, K>(
    api: &A,
    selector: &str,
    most: usize,
    keep: impl Fn(K) -> K,
    deadline: Deadline,
) -> Answer<Vec<K>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send,
{
    let step = Step::of("list", &ApiResource::erase::<K>(&()), "", "").optional();
    let (mut items, mut start): (Vec<K>, Option<String>) = (Vec::new(), None);
    loop {
        let page = retry(deadline, &step, || api.page::<K>(selector, PAGE, start.as_deref())).await;
        let page = answer(&step, page)?;
        items.extend(page.items.into_iter().map(&keep));
        if items.len() + page.remaining.unwrap_or_default() > most {
            let kind = K::plural(&());
            return Err(Unchecked::Failed(format!(
                "The cluster is too large to look at all of it: it has more than {most} {kind}."
            )));
        }
        start = page.next;
        if start.is_none() {
            return Ok(items);
        }
    }
}

/// A pod without what takes no room: of very many, the rest takes little memory.
fn slim(pod: Pod) -> Pod {
    let slim = |container: Container| Container {
        name: container.name,
        ports: container.ports,
        resources: container.resources,
        restart_policy: container.restart_policy,
        ..Container::default()
    };
    Pod {
        metadata: ObjectMeta {
            managed_fields: None,
            annotations: None,
            ..pod.metadata
        },
        spec: pod.spec.map(|spec| PodSpec {
            containers: spec.containers.into_iter().map(slim).collect(),
            init_containers: (spec.init_containers).map(|containers| containers.into_iter().map(slim).collect()),
            volumes: None,
            ..spec
        }),
        ..pod
    }
}

/// How many of the pods fit, as a sentence, and what follows from it. That there is no room now may pass, or the
/// cluster may get more nodes; that no node takes such a pod, though nothing else ran, has to be mended.
pub(super) fn room(nodes: Nodes, pod: &Pod, replicas: u32, origins: &Origins) -> (Option<String>, Findings) {
    let (nodes, pods) = match nodes {
        Err(why) => {
            let may_not = "list nodes and pods of the whole cluster";
            let note = why.note("whether the nodes have room for the pods", may_not);
            return (None, Findings::note(note));
        }
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
fn culprit(reason: &FilterReason, pod: &Pod, origins: &Origins) -> String {
    let has_selector = pod.spec.as_ref().is_some_and(|spec| spec.node_selector.is_some());
    let place = match reason {
        FilterReason::Lacks(resources) | FilterReason::TooLittleLeft(resources) => {
            let resource = resources.first().map_or("cpu", String::as_str);
            return origins.of_amount(&format!("requests.{resource}"));
        }
        FilterReason::NodeAffinity if has_selector => "spec.nodeSelector",
        FilterReason::NodeAffinity
        | FilterReason::PodAffinity
        | FilterReason::PodAntiAffinity
        | FilterReason::ExistingAntiAffinity => "spec.affinity",
        FilterReason::Taint(_) | FilterReason::Unschedulable => "spec.tolerations",
        FilterReason::NodeName => "spec.nodeName",
        FilterReason::NoTopology(_) | FilterReason::TopologySpread(_) => "spec.topologySpreadConstraints",
        FilterReason::HostPort => "spec.containers[0].ports[0]",
        FilterReason::TooManyPods => return origins.of_amount("pods"),
    };
    origins.field("Pod", place)
}
