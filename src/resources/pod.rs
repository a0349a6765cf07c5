//! The resources that a pod requests.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus, ResourceRequirements};

use super::quantity::{Amounts, billionths};

/// Resources by name, in billionths.
pub(crate) type Requests<'a> = BTreeMap<&'a str, i128>;

/// Requests, or limits.
pub(crate) type Side = fn(&ResourceRequirements) -> Option<&Amounts>;

/// The requests of a pod: those of its containers and sidecars together, or those of its initialization if they are
/// higher (KEP-753), or its pod-level requests; plus the overhead of its runtime class.
///
/// A running pod that is being resized counts with the higher of its present and its desired requests.
pub(crate) fn of(pod: &Pod) -> Requests<'_> {
    let Some(spec) = &pod.spec else {
        return Requests::new();
    };
    let status = pod.status.as_ref();
    let infeasible = status.is_some_and(cannot_be_resized);
    let status_of = |container: &Container| {
        let running = status.and_then(|status| status.container_statuses.as_deref());
        let initial = status.and_then(|status| status.init_container_statuses.as_deref());
        let mut statuses = running.into_iter().chain(initial).flatten();
        statuses.find(|status| status.name == container.name)
    };
    let mut total = of_containers(spec, |container| {
        // A container that has run and ended needs no more than its specification.
        let goes_on = is_sidecar(container) || spec.containers.iter().any(|each| each.name == container.name);
        let status = if goes_on { status_of(container) } else { None };
        of_container(container, status, infeasible)
    });
    for (name, amount) in of_whole_pod(pod, &total, infeasible) {
        total.insert(name, amount);
    }
    add(&mut total, &read(spec.overhead.as_ref()));
    total
}

/// What a pod says of its requests, or of its limits: as [`of`], but of the specification alone, and without what the
/// API server fills in. A value that is no quantity counts as `unreadable`. What the pod says as a whole counts where
/// it is more, since an API server that does not know that field drops it.
pub(crate) fn said(spec: &PodSpec, side: Side, unreadable: i128) -> Requests<'_> {
    let mut total = of_containers(spec, |container| {
        read_or(container.resources.as_ref().and_then(side), unreadable)
    });
    at_least(&mut total, &read_or(spec.resources.as_ref().and_then(side), unreadable));
    add(&mut total, &read_or(spec.overhead.as_ref(), unreadable));
    total
}

/// The requests of all containers of a pod at the same time: those that run together, or more where one that runs
/// before them needs more.
fn of_containers<'a>(spec: &'a PodSpec, of: impl Fn(&'a Container) -> Requests<'a>) -> Requests<'a> {
    let mut total = Requests::new();
    for container in &spec.containers {
        add(&mut total, &of(container));
    }
    // Init containers that go on are sidecars, and are there when the next ones run.
    let mut sidecars = Requests::new();
    let mut initial = Requests::new();
    for container in spec.init_containers.iter().flatten() {
        let mut own = of(container);
        if is_sidecar(container) {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            at_least(&mut initial, &sidecars);
        } else {
            add(&mut own, &sidecars);
            at_least(&mut initial, &own);
        }
    }
    at_least(&mut total, &initial);
    total
}

/// Whether an init container runs for as long as the pod does.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn of_container<'a>(container: &'a Container, status: Option<&'a ContainerStatus>, infeasible: bool) -> Requests<'a> {
    let resources = container.resources.as_ref();
    let mut own = read(resources.and_then(|resources| resources.requests.as_ref()));
    // As the API server completes it, where it has not done so yet.
    for (name, limit) in read(resources.and_then(|resources| resources.limits.as_ref())) {
        own.entry(name).or_insert(limit);
    }
    if let Some((status, given)) = status.and_then(|status| Some((status, status.resources.as_ref()?))) {
        if infeasible {
            own.clear();
        }
        at_least(&mut own, &read(given.requests.as_ref()));
        at_least(&mut own, &read(status.allocated_resources.as_ref()));
    }
    own
}

/// The pod-level requests, which replace those of its containers.
fn of_whole_pod<'a>(pod: &'a Pod, containers: &Requests<'_>, infeasible: bool) -> Requests<'a> {
    let Some(resources) = pod.spec.as_ref().and_then(|spec| spec.resources.as_ref()) else {
        return Requests::new();
    };
    let mut whole = read(resources.requests.as_ref());
    for (name, limit) in read(resources.limits.as_ref()) {
        // Where no container asks for it, the limit is asked for; otherwise what the containers ask for stays.
        if !containers.contains_key(name) {
            whole.entry(name).or_insert(limit);
        }
    }
    whole.retain(|name, _| matches!(*name, "cpu" | "memory") || name.starts_with("hugepages-"));
    let status = pod.status.as_ref();
    if let Some((status, given)) = status.and_then(|status| Some((status, status.resources.as_ref()?))) {
        let mut actual = if infeasible { Requests::new() } else { whole.clone() };
        at_least(&mut actual, &read(given.requests.as_ref()));
        at_least(&mut actual, &read(status.allocated_resources.as_ref()));
        for (name, amount) in &mut whole {
            *amount = actual.get(name).copied().unwrap_or_default();
        }
    }
    whole
}

fn cannot_be_resized(status: &PodStatus) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    let pending = conditions.find(|condition| condition.type_ == "PodResizePending");
    pending.is_some_and(|condition| condition.reason.as_deref() == Some("Infeasible"))
}

/// A list of amounts; a value that is no quantity counts as nothing, and the API server refuses it.
pub(crate) fn read(list: Option<&Amounts>) -> Requests<'_> {
    read_or(list, 0)
}

fn read_or(list: Option<&Amounts>, unreadable: i128) -> Requests<'_> {
    let amounts = list.into_iter().flatten();
    amounts
        .map(|(name, amount)| (name.as_str(), billionths(amount).unwrap_or(unreadable)))
        .collect()
}

fn add<'a>(total: &mut Requests<'a>, more: &Requests<'a>) {
    for (name, amount) in more {
        *total.entry(name).or_default() += amount;
    }
}

fn at_least<'a>(total: &mut Requests<'a>, least: &Requests<'a>) {
    for (name, amount) in least {
        let own = total.entry(name).or_insert(*amount);
        *own = (*own).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn cpu(spec: &Value, status: &Value) -> i128 {
        let pod: Pod = serde_json::from_value(json!({"spec": spec, "status": status})).expect("a pod");
        crate::resources::quantity::counted("cpu", of(&pod)["cpu"])
    }

    fn asks(name: &str, cpu: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(name: &str, cpu: &str) -> Value {
        let mut container = asks(name, cpu);
        container["restartPolicy"] = json!("Always");
        container
    }

    #[test]
    fn a_pod_asks_for_what_its_containers_need_at_the_worst_moment() {
        let limited = json!({"name": "a", "resources": {"limits": {"cpu": "3"}}});
        for (spec, expected) in [
            (json!({"containers": [asks("a", "1"), asks("b", "500m")]}), 1500),
            (json!({"containers": [asks("a", "0.1m"), asks("b", "0.1m")]}), 1),
            (
                json!({"containers": [asks("a", "1")], "initContainers": [asks("i", "4"), asks("j", "2")]}),
                4000,
            ),
            (
                json!({"containers": [asks("a", "1")], "initContainers": [sidecar("i", "2"), asks("j", "2")]}),
                4000,
            ),
            (
                json!({"containers": [asks("a", "1")], "initContainers": [asks("j", "2"), sidecar("i", "2")]}),
                3000,
            ),
            (
                json!({"containers": [asks("a", "1")], "overhead": {"cpu": "250m"}}),
                1250,
            ),
            (json!({"containers": [limited]}), 3000),
            (
                json!({"containers": [asks("a", "1")], "resources": {"requests": {"cpu": "2"}}}),
                2000,
            ),
            (
                json!({"containers": [asks("a", "1")], "resources": {"limits": {"cpu": "2"}}}),
                1000,
            ),
            (
                json!({"containers": [{"name": "a"}], "resources": {"limits": {"cpu": "2"}}}),
                2000,
            ),
            (
                json!({"containers": [asks("a", "1")], "resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "1"}}),
                3000,
            ),
        ] {
            assert_eq!(cpu(&spec, &json!({})), expected, "{spec}");
        }
    }

    #[test]
    fn a_pod_that_is_being_resized_asks_for_what_it_has_and_what_it_is_to_have() {
        let spec = json!({"containers": [asks("a", "1")]});
        let status = |conditions: Value| {
            json!({"conditions": conditions, "containerStatuses": [{
                "name": "a", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "allocatedResources": {"cpu": "2"}, "resources": {"requests": {"cpu": "3"}},
            }]})
        };
        assert_eq!(cpu(&spec, &status(json!([]))), 3000);
        let more = json!({"containers": [asks("a", "5")]});
        assert_eq!(cpu(&more, &status(json!([]))), 5000);
        let infeasible = json!([{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]);
        assert_eq!(cpu(&more, &status(infeasible)), 3000);
    }
}
