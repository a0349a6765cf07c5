//! List: the services of a namespace or of the cluster, how each is doing, who uses it and when it ends.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt;
use futures::stream::iter;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use super::decision::{Decision, Terms};
use super::reap::states_of;
use crate::cluster::{Api, server_time};
use crate::error::Result;
use crate::identity::holder::Holder;
use crate::identity::owner::owner;
use crate::lifecycle::{Deadline, Found, RunState, events_in, list_selected, pods_in};
use crate::status::Status;
use crate::status::diagnosis::GracePeriods;

/// In how many namespaces to read events at the same time.
const AT_ONCE: usize = 8;

/// A service, as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is doing.
    pub status: Status,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// The run that created it, as people name it.
    pub created_by: String,
    /// The image of its first container.
    pub image: String,
    /// The runs that use it, or may do so.
    pub used_by: Vec<String>,
    /// When it ends by itself.
    pub ends: Ends,
}

/// When a service ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Only when somebody deletes it.
    Never,
    /// With the last of its runs.
    WithRuns,
    /// At this time.
    At(Timestamp),
    /// As soon as a connector or `dataservice reap` looks at it.
    Now,
    /// Unknown, so that it does not end by itself.
    Unknown,
}

/// Lists the services in a namespace, or in all of them where `namespace` is empty, that match a label selector.
///
/// The number of requests depends on the numbers of runs and of namespaces with services that are not ready, not on
/// that of services.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden) where the account may not list `StatefulSet`s or pods there,
/// [`Error::Rejected`](crate::error::Error::Rejected) for a selector that is malformed, and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn list<A: Api>(
    (api, runs): (&A, &A),
    (namespace, selector): (&str, &str),
    grace_periods: &GracePeriods,
    deadline: Deadline,
) -> Result<Vec<Listed>> {
    let sets = list_selected(api, namespace, selector, deadline).await?;
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let mut pods = by_owner(pods_in(api, namespace, deadline).await?);
    let found: Vec<(StatefulSet, Found)> = sets
        .into_iter()
        .map(|set| {
            let own = set.metadata.uid.as_ref().and_then(|uid| pods.remove(uid));
            let found = Found::of(&set, &own.unwrap_or_default());
            (set, found)
        })
        .collect();
    let now = server_time::now();
    let mut unexplained: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (set, found) in &found {
        let namespace = set.metadata.namespace.clone().unwrap_or_default();
        let involved = found.judge(&[]).needs_events(now);
        if !involved.is_empty() {
            unexplained.entry(namespace).or_default().extend(involved);
        }
    }
    let reads = unexplained.into_iter().map(async |(namespace, objects)| {
        let events = events_in(api, &namespace, &objects, deadline).await;
        (namespace, events)
    });
    let events: HashMap<String, _> = iter(reads).buffer_unordered(AT_ONCE).collect().await;
    let terms: Vec<Terms> = found.iter().map(|(set, _)| Terms::of_service(set)).collect();
    let holders: Vec<&Holder> = terms.iter().flat_map(|terms| &terms.holders.known).collect();
    let mut of_runs = states_of((api, runs), &holders).await.into_iter();
    let mut all: Vec<Listed> = found
        .iter()
        .zip(&terms)
        .map(|((set, found), terms)| {
            let namespace = set.metadata.namespace.as_ref();
            let events = namespace.and_then(|namespace| events.get(namespace));
            let status = found
                .judge(events.map(Vec::as_slice).unwrap_or_default())
                .at(now, grace_periods);
            let own: Vec<RunState> = of_runs.by_ref().take(terms.holders.known.len()).collect();
            listed(set, status, terms, &own, now)
        })
        .collect();
    all.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    Ok(all)
}

fn listed(set: &StatefulSet, status: Status, terms: &Terms, of_runs: &[RunState], now: Timestamp) -> Listed {
    let metadata = &set.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let may_use = |state: &RunState| !matches!(state, RunState::Over(_));
    let mut used_by: Vec<String> = terms.in_state(of_runs, may_use).map(ToString::to_string).collect();
    used_by.sort();
    used_by.dedup();
    let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    Listed {
        namespace: text(&metadata.namespace),
        name: text(&metadata.name),
        status,
        created: metadata.creation_timestamp.as_ref().map(|time| time.0),
        created_by: owner(metadata).run.to_string(),
        image: pod
            .and_then(|pod| pod.containers.first()?.image.clone())
            .unwrap_or_default(),
        used_by,
        ends: ends(&terms.decide(of_runs, now), terms),
    }
}

fn ends(decision: &Decision, terms: &Terms) -> Ends {
    let ttl = terms.expires().map(Ends::At);
    match decision {
        Decision::Ends(_) => Ends::Now,
        Decision::Kept(until) => Ends::At(terms.due().unwrap_or(*until)),
        Decision::Waits(until, _) => Ends::At(terms.expires().map_or(*until, |expires| expires.min(*until))),
        Decision::Used(_) | Decision::Marks(_) => ttl.unwrap_or(Ends::WithRuns),
        Decision::Persists | Decision::Sleeps(_) | Decision::FallsAsleep(_) => ttl.unwrap_or(Ends::Never),
        Decision::Unknown(_) => ttl.unwrap_or(Ends::Unknown),
    }
}

/// The pods by the uid of the `StatefulSet` that they belong to.
fn by_owner(pods: Vec<Pod>) -> HashMap<String, Vec<Pod>> {
    let mut all: HashMap<String, Vec<Pod>> = HashMap::new();
    for pod in pods {
        let owners = pod.metadata.owner_references.iter().flatten();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        if let Some(uid) = controller.map(|owner| owner.uid.clone()) {
            all.entry(uid).or_default().push(pod);
        }
    }
    all
}
