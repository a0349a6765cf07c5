//! Plan: what a create would make, and what would keep it from running. Nothing is changed.

mod change;
mod dry_run;
mod existence;
mod findings;
mod quota;
mod refusal;
mod room;
mod running;
mod tidy;

use futures::join;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

pub use findings::{Findings, Problem};

use super::deadline::Deadline;
use crate::api::{Inspect, Kind};
use crate::error::Result;
use crate::manifests::{Origins, network_policy, pod, pod_disruption_budget, service, stateful_set};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;
use dry_run::{Tried, try_out};
use findings::Unchecked;
use running::Running;

/// What a create would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It makes the service.
    Create,
    /// It finds the service that it has made before.
    Unchanged,
    /// It uses the service that another run has made from the same specification.
    Shared,
    /// It is refused, since something else has the name.
    Conflict,
    /// It makes nothing: the configuration names a service that exists.
    Use,
}

impl Action {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Unchanged => "unchanged",
            Self::Shared => "shared",
            Self::Conflict => "conflict",
            Self::Use => "use",
        }
    }
}

/// What a create would make, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it would do.
    pub action: Action,
    /// The service's name.
    pub name: String,
    /// The namespace it would live in.
    pub namespace: String,
    /// The objects as they would be, with the server's defaults where they are known.
    pub objects: Vec<Value>,
    /// The first pod that Kubernetes would make of them, likewise.
    pub pod: Option<Value>,
    /// The objects that have their names now. Of somebody else's nothing is told.
    pub running: Vec<Value>,
    /// What keeps the service from being made, or its pods from running.
    pub problems: Vec<Problem>,
    /// What else there is to know, such as what could not be checked.
    pub notes: Vec<String>,
    /// How many of the pods there is room for, if the nodes may be looked at.
    pub fit: Option<String>,
    /// Whether the cluster answered any of the checks; also where there is no cluster to ask.
    pub checked: bool,
}

impl Plan {
    /// A plan to make nothing.
    #[must_use]
    pub fn of_nothing(action: Action, name: &str, namespace: &str) -> Self {
        Self {
            action,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            objects: Vec::new(),
            pod: None,
            running: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            fit: None,
            checked: true,
        }
    }

    /// A plan to make what cannot be made for these reasons.
    #[must_use]
    pub fn of_problems(name: &str, namespace: &str, problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::of_nothing(Action::Create, name, namespace)
        }
    }

    /// Whether nothing is in the way of the service, as far as that was checked, which at least something was.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.checked
    }
}

/// An object that a create would make.
#[derive(Debug, Clone)]
struct Manifest {
    resource: ApiResource,
    object: Value,
}

impl Manifest {
    fn of<K: Kind>(object: &K) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            object: to_json(object),
        }
    }
}

/// An object of Kubernetes, which always serializes.
fn to_json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Tells what a create would make, without asking a cluster.
#[must_use]
pub fn sketch(spec: &DataServiceSpec, identity: &Identity) -> Plan {
    let stateful_set = stateful_set(spec, identity);
    let name = &identity.name;
    let objects = manifests(spec, identity, &stateful_set).into_iter();
    Plan {
        objects: objects.map(|manifest| tidy::tidied(manifest.object, name)).collect(),
        pod: Some(to_json(&pod(&stateful_set, 0))),
        notes: made_up_name(spec, identity).into_iter().collect(),
        ..Plan::of_nothing(Action::Create, name, &identity.namespace)
    }
}

/// The objects of a service, in the order in which a create makes them.
fn manifests(spec: &DataServiceSpec, identity: &Identity, stateful_set: &StatefulSet) -> Vec<Manifest> {
    let budget = pod_disruption_budget(spec, identity, None);
    let policy = network_policy(spec, identity, None);
    let always = [Manifest::of(stateful_set), Manifest::of(&service(spec, identity, None))];
    let others = [budget.as_ref().map(Manifest::of), policy.as_ref().map(Manifest::of)];
    always.into_iter().chain(others.into_iter().flatten()).collect()
}

fn made_up_name(spec: &DataServiceSpec, identity: &Identity) -> Option<String> {
    spec.name.is_none().then(|| {
        format!(
            "Name is left out, so each execution makes a service with a name of its own; here it is {}.",
            identity.name
        )
    })
}

/// Tells what a create would do, and asks the cluster what would become of it. `config` is the configuration as it came, in whose
/// words problems are told.
///
/// # Errors
/// [`crate::error::Error::Unavailable`] at the deadline, and what the API server refuses for other reasons than the
/// configuration and the account's rights.
pub async fn plan<A: Inspect>(
    api: &A,
    spec: &DataServiceSpec,
    config: &Value,
    identity: &Identity,
    deadline: Deadline,
) -> Result<Plan> {
    let stateful_set = stateful_set(spec, identity);
    let origins = Origins::new(config, &stateful_set);
    let manifests = manifests(spec, identity, &stateful_set);
    let first = pod(&stateful_set, 0);
    let as_pod = Manifest::of(&first);
    let namespace = identity.namespace.as_str();
    let (running, objects, tried_pod, (existence, references_checked), quotas, room) = join!(
        running::look(api, &manifests, spec, identity, deadline),
        try_all(api, &manifests, namespace, &origins, deadline),
        try_or_note(api, &as_pod, namespace, &origins, deadline),
        existence::missing(api, &stateful_set, namespace, &origins, deadline),
        quota::read(api, namespace, deadline),
        room::look(api, deadline),
    );
    let (running, objects) = (running?, objects?);
    let is_tried = tried_pod.is_checked() || objects.iter().any(Tried::is_checked);
    let checked = is_tried || running.checked || references_checked || quotas.is_ok() || room.is_ok();
    // The pod as admission would complete it, if it lets it pass.
    let completed: Pod = (tried_pod.complete)
        .then(|| serde_json::from_value(tried_pod.object.clone()).ok())
        .flatten()
        .unwrap_or(first);
    let mut sketch = sketch(spec, identity);
    let mut findings = Findings::default();
    findings.add(existence);
    let mut pairs = Vec::new();
    for (tried, live) in objects.into_iter().zip(&running.objects) {
        pairs.push(compared(tried.object, tried.complete, live.as_ref(), &identity.name));
        if running.action == Action::Create {
            findings.add(tried.findings);
        }
    }
    // What is there already needs no room and no quota.
    if running.action == Action::Create {
        findings.add(quota::short(
            quotas,
            namespace,
            &stateful_set,
            &completed,
            spec.replicas,
            &origins,
        ));
        findings.add_new(tried_pod.findings);
        let (fit, more) = room::room(room, &completed, spec.replicas, &origins);
        findings.add(more);
        sketch.fit = fit;
    }
    let Running {
        action,
        findings: mut of_running,
        ..
    } = running;
    of_running.add(findings);
    sketch.notes.extend(of_running.notes);
    if matches!(action, Action::Unchanged | Action::Conflict) {
        sketch.notes.extend(change::note(&pairs, spec, identity));
    }
    let (made, there): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    Ok(Plan {
        action,
        objects: made,
        pod: Some(tidy::tidied(
            to_json(&completed),
            completed.metadata.name.as_deref().unwrap_or_default(),
        )),
        running: there.into_iter().flatten().collect(),
        problems: of_running.problems,
        checked,
        ..sketch
    })
}

/// Tries out the objects. Without an answer about the first one, the `StatefulSet`, there is no plan.
async fn try_all<A: Inspect>(
    api: &A,
    manifests: &[Manifest],
    namespace: &str,
    origins: &Origins,
    deadline: Deadline,
) -> Result<Vec<Tried>> {
    let Some((first, others)) = manifests.split_first() else {
        return Ok(Vec::new());
    };
    let others = others
        .iter()
        .map(|manifest| try_or_note(api, manifest, namespace, origins, deadline));
    let (first, others) = join!(
        try_out(api, first, namespace, origins, deadline),
        futures::future::join_all(others)
    );
    Ok(std::iter::once(first?).chain(others).collect())
}

/// Tries out an object; where that fails, a note says so.
async fn try_or_note<A: Inspect>(
    api: &A,
    manifest: &Manifest,
    namespace: &str,
    origins: &Origins,
    deadline: Deadline,
) -> Tried {
    let tried = try_out(api, manifest, namespace, origins, deadline).await;
    tried.unwrap_or_else(|error| Tried::unknown(manifest, &Unchecked::Failed(error.to_string())))
}

/// An object and what runs in its place, in the form in which they are compared.
fn compared(object: Value, complete: bool, live: Option<&Value>, name: &str) -> (Value, Option<Value>) {
    let Some(live) = live else {
        return (tidy::tidied(object, name), None);
    };
    let object = tidy::tidied(tidy::settled(object, live), name);
    let live = tidy::tidied(live.clone(), name);
    let live = if complete {
        live
    } else {
        tidy::restricted(&live, &object)
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
        .map(|resource| running::read(api, resource, namespace, name, deadline));
    let (mut findings, mut there, mut checked) = (Findings::default(), Vec::new(), false);
    for (index, seen) in futures::future::join_all(looks).await.into_iter().enumerate() {
        let seen = seen?;
        checked |= !matches!(seen, running::Seen::Unknown(_));
        match seen {
            running::Seen::There(object) => there.push(tidy::tidied(object, name)),
            running::Seen::Nothing if index == 0 => findings.problems.push(Problem {
                path: "ExistingReleaseName".to_owned(),
                message: format!(
                    "There is no StatefulSet {name} in namespace {namespace}: correct the name, or make it first."
                ),
            }),
            running::Seen::Nothing => {}
            running::Seen::Unknown(note) => findings.notes.push(note),
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
