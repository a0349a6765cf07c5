//! Plan: the objects that a create would make, and the problems that would keep it from running. Nothing is changed.

mod capacity;
mod dry_run;
mod existence;
mod findings;
mod live;
mod manifest;
mod outcome;
mod quota;
mod refusal;
mod update_note;

use std::collections::BTreeSet;

use futures::join;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::core::ApiResource;
use serde_json::Value;

pub use findings::{Findings, Problem};
pub use outcome::{Action, Plan};

use super::retry::Deadline;
use crate::cluster::Inspect;
use crate::compare::normalize;
use crate::error::Result;
use crate::identity::asleep::Asleep;
use crate::manifests::{Objects, pod};
use crate::origins::Origins;
use dry_run::{Tried, try_out};
use findings::Unchecked;
use live::Running;
use manifest::{Manifest, to_json};

/// Tells what a create would make, without asking a cluster.
#[must_use]
pub fn render(objects: &Objects) -> Plan {
    let name = objects.name();
    let normalized = |object| normalize::normalized(object, name);
    Plan {
        objects: objects.to_json().into_iter().map(normalized).collect(),
        pod: Some(to_json(&pod(&objects.stateful_set, 0))),
        notes: made_up_name(objects).into_iter().collect(),
        ..Plan::of_nothing(Action::Create, name, objects.namespace())
    }
}

/// The objects of a service, in the order in which a create reports them.
fn manifests(objects: &Objects) -> Vec<Manifest> {
    let dependents = objects.dependents();
    let budget = dependents.pod_disruption_budget.as_ref().map(Manifest::of);
    let policy = dependents.network_policy.as_ref().map(Manifest::of);
    let always = [Manifest::of(&objects.stateful_set), Manifest::of(&dependents.service)];
    always
        .into_iter()
        .chain([budget, policy].into_iter().flatten())
        .collect()
}

fn made_up_name(objects: &Objects) -> Option<String> {
    objects.open.name.then(|| {
        format!(
            "Name is left out, so each execution makes a service with a name of its own; here it is {}.",
            objects.name()
        )
    })
}

/// Reports what a create of these objects would do, and checks on the cluster whether it would succeed. `config` is the
/// configuration as it came, in whose words problems are reported.
///
/// # Errors
/// [`crate::error::Error::Unavailable`] at the deadline, and what the API server refuses for other reasons than the
/// configuration and the account's permissions.
pub async fn plan<A: Inspect>(api: &A, wanted: &Objects, config: &Value, deadline: Deadline) -> Result<Plan> {
    let stateful_set = &wanted.stateful_set;
    let origins = Origins::new(config, stateful_set);
    let manifests = manifests(wanted);
    let first = pod(stateful_set, 0);
    let as_pod = Manifest::of(&first);
    let namespace = wanted.namespace();
    let place = (namespace, wanted.name());
    let replicas = stateful_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let replicas = u32::try_from(replicas).unwrap_or_default();
    let (running, objects, tried_pod, (existence, references_checked), quotas, room) = join!(
        live::look(api, &manifests, wanted, deadline),
        try_all(api, &manifests, place, &origins, deadline),
        try_or_note(api, &as_pod, place, &origins, deadline),
        existence::missing(api, stateful_set, namespace, &origins, deadline),
        quota::read(api, namespace, deadline),
        capacity::look(api, deadline),
    );
    let (running, objects) = (running?, objects?);
    let is_tried = tried_pod.is_checked() || objects.iter().any(Tried::is_checked);
    let checked = is_tried || running.checked || references_checked || quotas.is_ok() || room.is_ok();
    // The pod as admission would complete it, if it lets it pass.
    let completed: Pod = (tried_pod.complete)
        .then(|| serde_json::from_value(tried_pod.object.clone()).ok())
        .flatten()
        .unwrap_or(first);
    let (mut notes, mut fit): (Vec<String>, Option<String>) = (made_up_name(wanted).into_iter().collect(), None);
    let mut findings = Findings::default();
    findings.add(existence);
    notes.extend(by_admission(objects.iter().chain([&tried_pod])));
    let mut pairs = Vec::new();
    for (tried, live) in objects.into_iter().zip(&running.objects) {
        pairs.push(compared(tried.object, tried.complete, live.as_ref(), wanted.name()));
        if running.action == Action::Create {
            findings.add(tried.findings);
        }
    }
    // Existing objects need no room and no quota.
    if running.action == Action::Create {
        findings.add(quota::short(
            quotas,
            namespace,
            stateful_set,
            &completed,
            replicas,
            &origins,
        ));
        findings.add_new(tried_pod.findings);
        let (room, more) = capacity::room(room, &completed, replicas, &origins);
        findings.add(more);
        fit = room;
    }
    let Running {
        action,
        findings: mut of_running,
        objects: as_read,
        ..
    } = running;
    of_running.add(findings);
    notes.extend(of_running.notes);
    if matches!(action, Action::Unchanged | Action::Conflict) {
        let set = as_read.first().and_then(Option::as_ref);
        notes.extend(update_note::note(&pairs, set, wanted));
    }
    let (made, there): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    Ok(Plan {
        objects: made,
        pod: Some(normalize::normalized(
            to_json(&completed),
            completed.metadata.name.as_deref().unwrap_or_default(),
        )),
        running: there.into_iter().flatten().collect(),
        problems: of_running.problems,
        notes,
        fit,
        checked,
        ..Plan::of_nothing(action, wanted.name(), namespace)
    })
}

/// Tries out the objects. Without an answer about the first one, the `StatefulSet`, there is no plan.
async fn try_all<A: Inspect>(
    api: &A,
    manifests: &[Manifest],
    place: (&str, &str),
    origins: &Origins,
    deadline: Deadline,
) -> Result<Vec<Tried>> {
    let Some((first, others)) = manifests.split_first() else {
        return Ok(Vec::new());
    };
    let others = others
        .iter()
        .map(|manifest| try_or_note(api, manifest, place, origins, deadline));
    let (first, others) = join!(
        try_out(api, first, place, origins, deadline),
        futures::future::join_all(others)
    );
    Ok(std::iter::once(first?).chain(others).collect())
}

/// Creates an object in a dry run; a failure of the dry run is a note.
async fn try_or_note<A: Inspect>(
    api: &A,
    manifest: &Manifest,
    place: (&str, &str),
    origins: &Origins,
    deadline: Deadline,
) -> Tried {
    let tried = try_out(api, manifest, place, origins, deadline).await;
    tried.unwrap_or_else(|error| Tried::unknown(manifest, &Unchecked::Failed(error.to_string())))
}

/// The note that admission changes fields of the configuration, if it does.
fn by_admission<'a>(tried: impl Iterator<Item = &'a Tried>) -> Option<String> {
    let changes: BTreeSet<&str> = tried.flat_map(|tried| &tried.changed).map(String::as_str).collect();
    let changes: Vec<_> = changes.into_iter().collect();
    (!changes.is_empty()).then(|| {
        let changes = changes.join(", ");
        format!(
            "Admission in the cluster, such as a webhook or a policy, changes what the configuration says: {changes}."
        )
    })
}

/// An object and what runs in its place, in the form in which they are compared.
fn compared(object: Value, complete: bool, live: Option<&Value>, name: &str) -> (Value, Option<Value>) {
    let Some(live) = live else {
        return (normalize::normalized(object, name), None);
    };
    let object = normalize::normalized(normalize::settled(object, live), name);
    let live = normalize::normalized(live.clone(), name);
    let live = if complete {
        live
    } else {
        normalize::restricted(&live, &object)
    };
    (object, Some(live))
}

/// Tells of a service that the configuration names and that is to exist.
///
/// # Errors
/// As [`plan`].
pub async fn plan_existing<A: Inspect>(api: &A, name: &str, namespace: &str, deadline: Deadline) -> Result<Plan> {
    let resources = [
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<Service>(&()),
    ];
    let looks = resources
        .iter()
        .map(|resource| live::read(api, resource, namespace, name, deadline));
    let (mut findings, mut there, mut checked) = (Findings::default(), Vec::new(), false);
    for (index, seen) in futures::future::join_all(looks).await.into_iter().enumerate() {
        let seen = seen?;
        checked |= !matches!(seen, live::Seen::Unknown(_));
        match seen {
            live::Seen::There(object) => {
                let set: Option<StatefulSet> = (index == 0)
                    .then(|| serde_json::from_value(object.clone()).ok())
                    .flatten();
                findings
                    .notes
                    .extend(set.as_ref().and_then(Asleep::of).map(|asleep| live::wakes(&asleep)));
                there.push(normalize::normalized(object, name));
            }
            live::Seen::Nothing if index == 0 => findings.problems.push(Problem {
                path: "ExistingReleaseName".to_owned(),
                message: format!(
                    "There is no StatefulSet {name} in namespace {namespace}: correct the name, or make it first."
                ),
            }),
            live::Seen::Nothing => {}
            live::Seen::Unknown(note) => findings.notes.push(note),
        }
    }
    Ok(Plan {
        running: there,
        problems: findings.problems,
        notes: findings.notes,
        checked,
        ..Plan::of_nothing(Action::Use, name, namespace)
    })
}
