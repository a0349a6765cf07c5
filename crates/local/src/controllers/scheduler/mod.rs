//! The scheduler of the only node.

mod decide;
mod selection;

use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::PostParams;
use serde_json::{Value, json};

use super::cache::Key;
use super::error::Failure;
use super::events::Kind;
use super::pods;
use super::world::World;

/// The source of its events.
const COMPONENT: &str = "default-scheduler";
/// The source of the events of an autoscaler.
const AUTOSCALER: &str = "cluster-autoscaler";
/// Why a pod has no node, unless it is not to have one yet.
const UNSCHEDULABLE: &str = "Unschedulable";
/// The only node.
const NODE: &str = "local";

/// Binds one pod to the node, or reports why it cannot run there.
pub(super) async fn sync(world: &mut World, of: &Key) -> Result<(), Failure> {
    let Some(pod) = world.pods.get(of).cloned().filter(|pod| is_unscheduled(pod)) else {
        return Ok(());
    };
    let node = world.nodes.get(&(String::new(), NODE.to_owned()));
    let claim = |name: &str| world.claims.get(&(of.0.clone(), name.to_owned())).map(AsRef::as_ref);
    let scripted = world.script.as_ref().and_then(|script| script.unschedulable(&pod));
    let decided = || Some((UNSCHEDULABLE, decide::refusal(&pod, node.map(AsRef::as_ref), claim)?));
    let done = match scripted.or_else(decided) {
        None => bind(world, &pod).await,
        Some((reason, message)) => refuse(world, &pod, reason, &message).await,
    };
    match done {
        // It is gone, or has a node, and the watch is behind.
        Err(failure) if failure.is_not_found() || failure.is_conflict() => Ok(()),
        done => done,
    }
}

/// Whether a pod is to be given a node.
pub(super) fn is_unscheduled(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else {
        return false;
    };
    spec.node_name.as_deref().unwrap_or_default().is_empty()
        && matches!(spec.scheduler_name.as_deref(), None | Some(COMPONENT))
        && spec.scheduling_gates.as_deref().unwrap_or_default().is_empty()
        && !pods::is_terminating(pod)
        && !pods::has_ended(pod)
}

/// Gives a pod the node. The API server writes the condition with it.
async fn bind(world: &mut World, pod: &Pod) -> Result<(), Failure> {
    let binding = Binding {
        metadata: ObjectMeta {
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectMeta::default()
        },
        target: ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(NODE.to_owned()),
            ..ObjectReference::default()
        },
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let pods = world.api(pod);
    let _: Value = pods
        .create_subresource("binding", name, &PostParams::default(), &binding)
        .await?;
    let message = format!("Successfully assigned {namespace}/{name} to {NODE}");
    let event = (Kind::Normal, "Scheduled", message);
    world.action_event(COMPONENT, pod, "Binding", event).await;
    Ok(())
}

/// Reports why a pod cannot run, once per reason.
async fn refuse(world: &mut World, pod: &Pod, reason: &str, message: &str) -> Result<(), Failure> {
    let old = pods::condition(pod, "PodScheduled").filter(|old| old.status == "False");
    if old.is_some_and(|old| old.message.as_deref() == Some(message)) {
        return Ok(());
    }
    let now = world.clock.now();
    let since = old
        .and_then(|old| old.last_transition_time.clone())
        .unwrap_or(Time(now));
    let refused = json!({
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": since,
    });
    let refused = world.patch_status(pod, &conditions(pod, refused)).await?;
    let event = (Kind::Warning, "FailedScheduling", message.to_owned());
    world.action_event(COMPONENT, &refused, "Scheduling", event).await;
    if let Some((reason, message)) = world.script.as_ref().and_then(|script| script.scaling(pod)) {
        world
            .event(AUTOSCALER, &refused, Kind::Normal, reason, message.to_owned())
            .await;
    }
    Ok(())
}

/// A patch that gives a pod a condition and keeps the others.
fn conditions(pod: &Pod, new: Value) -> Value {
    let old = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let others = old
        .iter()
        .filter(|condition| condition.type_ != "PodScheduled")
        .map(|condition| json!(condition));
    let all: Vec<_> = others.chain([new]).collect();
    let version = &pod.metadata.resource_version;
    json!({"metadata": {"uid": pod.metadata.uid, "resourceVersion": version}, "status": {"conditions": all}})
}
