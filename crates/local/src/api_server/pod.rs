//! What only pods have: logs, a node that a scheduler gives them, and evictions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete;
use super::kinds::POD;
use super::refusal::Refusal;
use super::request::Request;
use super::store::{Key, Store};
use super::update::{self, Writer};
use super::value::{has, items, name, text, time};

/// Which log is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// The namespace of the pod.
    pub namespace: String,
    /// The name of the pod.
    pub pod: String,
    /// The uid of the pod.
    pub uid: String,
    /// The name of the container.
    pub container: String,
    /// Whether the log of the container's run before the last one is asked for.
    pub previous: bool,
    /// How many lines to read at most, from the end.
    pub tail_lines: Option<usize>,
    /// How many bytes to read at most, from the beginning of these lines.
    pub limit_bytes: Option<usize>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
}

/// Reads a log, or reports why it cannot be read.
pub type LogSource = Arc<dyn Fn(&LogQuery) -> Result<Vec<u8>, String> + Send + Sync>;

/// What a request for a log asks for, if the pod can have one; `None` for a pod that no node has.
pub(super) fn log_query(store: &Store, request: &Request) -> Result<Option<LogQuery>, Refusal> {
    let target = &request.target;
    let key = (POD, target.namespace.clone(), target.name.clone());
    let pod = store.get(&key);
    let pod = pod.ok_or_else(|| Refusal::not_found(store.kinds.get(POD), &target.name))?;
    let container = container(pod, request.parameter("container"))?;
    let previous = request.is_set("previous");
    let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let status = statuses
        .iter()
        .flat_map(|statuses| items(pod, statuses))
        .find(|one| name_of(one) == container);
    let problem = match status {
        None if text(pod, "/spec/nodeName").is_empty() => return Ok(None),
        None => Some("is waiting to start: ContainerCreating".to_owned()),
        Some(status) if previous => {
            let has_previous = has(status, "/lastState/terminated");
            if !has_previous {
                let message = format!(
                    "previous terminated container {container:?} in pod {:?} not found",
                    name(pod)
                );
                return Err(Refusal::bad_request(message));
            }
            None
        }
        Some(status) if has(status, "/state/waiting") && !has(status, "/lastState/terminated") => {
            Some(match text(status, "/state/waiting/reason") {
                "ErrImagePull" | "ImagePullBackOff" => {
                    "is waiting to start: trying and failing to pull image".to_owned()
                }
                reason => format!("is waiting to start: {reason}"),
            })
        }
        Some(_) => None,
    };
    if let Some(problem) = problem {
        let message = format!("container {container:?} in pod {:?} {problem}", name(pod));
        return Err(Refusal::bad_request(message));
    }
    Ok(Some(LogQuery {
        namespace: target.namespace.clone(),
        pod: target.name.clone(),
        uid: super::value::uid(pod).to_owned(),
        container,
        previous,
        tail_lines: request.number("tailLines")?,
        limit_bytes: request.number("limitBytes")?,
        timestamps: request.is_set("timestamps"),
    }))
}

fn name_of(item: &Value) -> &str {
    text(item, "/name")
}

/// The container that is asked for; the only one where none is named.
fn container(pod: &Value, asked: &str) -> Result<String, Refusal> {
    let containers = items(pod, "/spec/containers");
    let all: Vec<&str> = containers
        .iter()
        .chain(items(pod, "/spec/initContainers"))
        .map(name_of)
        .collect();
    match (asked, &all[..]) {
        ("", [one]) => Ok((*one).to_owned()),
        ("", _) => {
            let (own, first): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|one| containers.iter().any(|of| name_of(of) == *one));
            let first = if first.is_empty() {
                String::new()
            } else {
                format!(" or one of the init containers: [{}]", first.join(" "))
            };
            let message = format!(
                "a container name must be specified for pod {}, choose one of: [{}]{first}",
                name(pod),
                own.join(" ")
            );
            Err(Refusal::bad_request(message))
        }
        (asked, all) if all.contains(&asked) => Ok(asked.to_owned()),
        (asked, _) => Err(Refusal::bad_request(format!(
            "container {asked} is not valid for pod {}",
            name(pod)
        ))),
    }
}

/// Answers a POST to a subresource of an object.
pub(super) fn post(store: &mut Store, request: &Request) -> Result<(u16, Value), Refusal> {
    let target = &request.target;
    let key: Key = (target.kind, target.namespace.clone(), target.name.clone());
    let kind = store.kinds.get(target.kind).clone();
    if target.kind != POD || !matches!(&*target.subresource, "binding" | "eviction") {
        return Err(Refusal::no_such_resource());
    }
    let pod = store
        .get(&key)
        .cloned()
        .ok_or_else(|| Refusal::not_found(&kind, &target.name))?;
    let body = request.json()?;
    if target.subresource == "eviction" {
        delete::one(store, &key, &delete::Options::of_body(&body["deleteOptions"], request)?)?;
    } else {
        bind(store, &pod, &body, request)?;
    }
    Ok((
        201,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

/// Gives a pod its node.
fn bind(store: &mut Store, pod: &Arc<Value>, binding: &Value, request: &Request) -> Result<(), Refusal> {
    let kind = store.kinds.get(POD).clone();
    let node = text(pod, "/spec/nodeName");
    if !node.is_empty() {
        let why = format!("pod {} is already assigned to node {node:?}", name(pod));
        return Err(Refusal::conflict(&kind, name(pod), &why));
    }
    if super::value::is_terminating(pod) {
        let why = format!("pod {} is being deleted, cannot be assigned to a host", name(pod));
        return Err(Refusal::conflict(&kind, name(pod), &why));
    }
    let mut bound = (**pod).clone();
    bound["spec"]["nodeName"] = binding["target"]["name"].clone();
    let writer = Writer {
        subresource: String::new(),
        ..Writer::update(request)
    };
    let bound = update::write(store, POD, pod, bound, &writer)?;
    let mut scheduled = (*bound).clone();
    let now = time(store.clock.now());
    let condition = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    let conditions = &mut scheduled["status"]["conditions"];
    match conditions.as_array_mut() {
        Some(conditions) => {
            conditions.retain(|condition| condition["type"] != "PodScheduled");
            conditions.push(condition);
        }
        None => *conditions = json!([condition]),
    }
    let writer = Writer {
        subresource: "status".to_owned(),
        ..writer
    };
    update::write(store, POD, &bound, scheduled, &writer).map(|_| ())
}
