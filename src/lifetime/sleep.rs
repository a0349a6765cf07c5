//! Sleep: scale a service to zero that no run uses, until somebody wakes it.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::{Duration, sleep as pause};

use super::decision::Terms;
use super::reap::states;
use crate::cluster::Api;
use crate::error::{Error, ObjectReference, Result};
use crate::identity::asleep::Asleep;
use crate::lifecycle::{Deadline, RunState, find_to_change, put_to_sleep};

/// How often to decide again about a service that changes in the meantime.
const TRIES: u32 = 20;

/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(50);

/// The result of [`sleep`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slept {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`.
    pub uid: String,
    /// The generation of its `StatefulSet` afterwards. A status of an earlier one describes the service before it.
    pub generation: i64,
    /// How many replicas it has when it wakes.
    pub replicas: i32,
    /// Since when it sleeps (RFC 3339, UTC).
    pub since: String,
    /// Whether it was put to sleep by this call.
    pub is_changed: bool,
}

impl Slept {
    fn new(set: StatefulSet, asleep: Asleep, is_changed: bool) -> Self {
        let metadata = set.metadata;
        Self {
            name: metadata.name.unwrap_or_default(),
            namespace: metadata.namespace.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            replicas: asleep.replicas,
            since: asleep.since,
            is_changed,
        }
    }
}

impl fmt::Display for Slept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, since, .. } = self;
        if !self.is_changed {
            return write!(formatter, "Data service {name} is asleep already, since {since}.");
        }
        let replicas = match self.replicas {
            1 => "Its replica is".to_owned(),
            replicas => format!("Its {replicas} replicas are"),
        };
        write!(
            formatter,
            "Data service {name} is asleep. {replicas} scaled to 0 until `dataservice wake {name}`, or a task that uses it, \
             wakes it."
        )
    }
}

/// Puts a service to sleep that no run uses; with `force` also one that runs use. One that sleeps is left as it is.
///
/// It is scaled at exactly the version that was read, so that a run that joins in between, which writes on the service,
/// keeps it awake. A run whose state is unknown counts as live.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::NotOwned`]; [`Error::Unchanged`] for one that runs use, that is being deleted, that
/// has no replicas, or whose claims Kubernetes would delete; [`Error::Forbidden`], [`Error::Rejected`], and
/// [`Error::Unavailable`] at the deadline.
pub async fn sleep<A: Api>(
    (api, runs): (&A, &A),
    namespace: &str,
    name: &str,
    force: bool,
    deadline: Deadline,
) -> Result<Slept> {
    let mut has_tried = false;
    for _ in 0..TRIES {
        let there = find_to_change(api, namespace, name, deadline).await?;
        if let Some(asleep) = Asleep::of(&there) {
            // The answer to the write may have been lost.
            return Ok(Slept::new(there, asleep, has_tried));
        }
        if !force {
            check_unused((api, runs), &there).await?;
        }
        if let Some((asleep, slept)) = put_to_sleep(api, &there, deadline).await? {
            return Ok(Slept::new(slept, asleep, true));
        }
        has_tried = true;
        pause(PAUSE).await;
    }
    Err(Error::Unavailable {
        verb: "patch",
        object: ObjectReference::new("StatefulSet", namespace, name),
        seconds: (PAUSE * TRIES).as_secs_f64(),
        cause: "the object keeps changing.".to_owned(),
    })
}

/// Refuses where runs use the service, or may do so.
async fn check_unused<A: Api>(clusters: (&A, &A), there: &StatefulSet) -> Result<()> {
    let terms = Terms::of(&there.metadata);
    let states = states(clusters, &terms).await;
    let of = |is_in: fn(&RunState) -> bool| -> BTreeSet<String> {
        terms.in_state(&states, is_in).map(ToString::to_string).collect()
    };
    let live = of(|state| *state == RunState::Live);
    let mut unknown = of(|state| matches!(state, RunState::Unknown(_)));
    unknown.extend(terms.holders.unreadable.iter().cloned());
    let listed = |runs: BTreeSet<String>| runs.into_iter().collect::<Vec<_>>().join(", ");
    let problem = match (live.is_empty(), unknown.is_empty()) {
        (true, true) => return Ok(()),
        (false, _) => format!("it is used by {}.", listed(live)),
        (true, false) => {
            let runs = if unknown.len() == 1 { "that run" } else { "those runs" };
            format!("{} may still use it: the state of {runs} is unknown.", listed(unknown))
        }
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&there.metadata.namespace), text(&there.metadata.name));
    Err(Error::Unchanged {
        object: ObjectReference::new("StatefulSet", &namespace, &name),
        reason: "InUse",
        problem,
        advice:
            "Wait until it has ended, or put the service to sleep all the same with force=True (on the command line \
                 --force)."
                .to_owned(),
    })
}
