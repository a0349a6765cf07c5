//! What is to be done next so that the pods become those that a `StatefulSet` asks for.
//!
//! The decisions are those of Kubernetes 1.36 (`stateful_set_control.go`), in the same order: pods that are missing or
//! have ended, pods that are too many, and then pods of an earlier revision.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::jiff::Timestamp;

use super::revisions::Revision;
use super::status::{self, Names, is_running_and_ready};
use super::{claims, identity, pod};
use crate::controllers::pods;

/// What a decision depends on.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) set: &'a StatefulSet,
    /// The revision of the pods that are not yet to be replaced.
    pub(super) current: &'a Revision,
    /// The revision that the pods are to have.
    pub(super) update: &'a Revision,
    /// How often the name of a new revision was taken.
    pub(super) collisions: i32,
    /// The pods that the `StatefulSet` owns.
    pub(super) pods: &'a [Arc<Pod>],
    /// The claims of the namespace.
    pub(super) claims: &'a [Arc<PersistentVolumeClaim>],
    pub(super) now: Timestamp,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Creates a pod, and first the claims that it needs.
    Create(Box<Pod>),
    /// Creates claims of a pod that do not exist.
    CreateClaims(Arc<Pod>),
    /// Gives a pod the labels and volumes of its name, and its claims their owners.
    Correct(Arc<Pod>),
    /// Gives the claims of a pod their owners.
    OwnClaims(Arc<Pod>),
    /// Deletes a pod.
    Delete(Arc<Pod>),
}

/// What to do: the stages one after the other, as long as none fails. A stage has the steps of one pod after those of
/// another.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decision {
    pub(super) stages: Vec<Vec<Vec<Step>>>,
    /// The pod to delete at last, since it is of an earlier revision.
    pub(super) replace: Option<Arc<Pod>>,
    /// The status, before any of this is done.
    pub(super) status: StatefulSetStatus,
}

/// A pod that exists, or that is to.
#[derive(Debug)]
enum Replica {
    There(Arc<Pod>),
    Missing(Box<Pod>),
}

impl Replica {
    fn pod(&self) -> &Pod {
        match self {
            Self::There(pod) => pod,
            Self::Missing(pod) => pod,
        }
    }
}

/// Decides what to do next.
pub(super) fn decide(view: &View) -> Decision {
    let range = identity::ordinals(view.set);
    let mut replicas: Vec<_> = range.map(|ordinal| replica(view, ordinal)).collect();
    let mut condemned: Vec<(i32, Arc<Pod>)> = Vec::new();
    for pod in view.pods {
        if let Some(ordinal) = identity::ordinal(view.set, pod).filter(|_| !identity::is_wanted(view.set, pod)) {
            condemned.push((ordinal, Arc::clone(pod)));
        }
    }
    condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    let condemned: Vec<_> = condemned.into_iter().map(|(_, pod)| pod).collect();

    let names = Names {
        current: &view.current.name,
        update: &view.update.name,
    };
    let all = view.pods.iter().map(Arc::as_ref);
    let mut decision = Decision {
        status: status::of(view.set, all, names, view.collisions, view.now),
        ..Decision::default()
    };
    if view.set.metadata.deletion_timestamp.is_none() {
        fill(view, &mut replicas, &condemned, &mut decision);
    }
    decision
}

/// The pod of an ordinal. One that is missing comes at the current revision if the update has not reached it.
fn replica(view: &View, ordinal: i32) -> Replica {
    let is = |pod: &&Arc<Pod>| identity::ordinal(view.set, pod) == Some(ordinal);
    if let Some(pod) = view.pods.iter().find(is) {
        return Replica::There(Arc::clone(pod));
    }
    let strategy = view.set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
    let kept = match strategy.and_then(|strategy| strategy.rolling_update.as_ref()) {
        Some(rolling) => rolling.partition.unwrap_or_default(),
        None if status::updates_by_itself(view.set) => {
            let status = view.set.status.as_ref();
            status.and_then(|status| status.current_replicas).unwrap_or_default()
        }
        None => 0,
    };
    let start = identity::ordinals(view.set).start;
    let revision = if ordinal < start.saturating_add(kept) {
        view.current
    } else {
        view.update
    };
    Replica::Missing(Box::new(pod::of(view.set, revision, ordinal)))
}

/// Fills in the stages.
fn fill(view: &View, replicas: &mut [Replica], condemned: &[Arc<Pod>], decision: &mut Decision) {
    let ordered = is_ordered(view.set);
    let available = |pod: &Pod| pods::is_available(pod, status::min_ready_seconds(view.set), view.now);

    let mut stage = Vec::new();
    for replica in replicas.iter() {
        let (steps, goes_on) = process(view, replica);
        stage.push(steps);
        if ordered && !goes_on {
            decision.stages.push(stage);
            return;
        }
    }
    decision.stages.push(stage);

    let own = |pod: &Arc<Pod>| {
        if owns(view, pod) {
            Vec::new()
        } else {
            vec![Step::OwnClaims(Arc::clone(pod))]
        }
    };
    decision.stages.push(condemned.iter().map(own).collect());

    // In order, a pod that is too many is not deleted while one before it is not available, but for that one itself.
    let unavailable = |pod: &&Pod| !available(pod) || pods::is_terminating(pod);
    let of_condemned = condemned.iter().rev().map(Arc::as_ref);
    let first_unavailable = replicas.iter().map(Replica::pod).chain(of_condemned).find(unavailable);
    let first_unavailable = first_unavailable.and_then(|pod| pod.metadata.name.clone());
    let mut stage = Vec::new();
    for pod in condemned {
        let blocked = pods::is_terminating(pod)
            || ordered && !(is_running_and_ready(pod) && available(pod)) && pod.metadata.name != first_unavailable;
        if !blocked {
            stage.push(vec![Step::Delete(Arc::clone(pod))]);
        }
        if ordered {
            decision.stages.push(stage);
            return;
        }
    }
    decision.stages.push(stage);

    if status::updates_by_itself(view.set) {
        decision.replace = replaced(view, replicas);
    }
}

/// The pod with the highest ordinal that is of an earlier revision, if all after it are available.
fn replaced(view: &View, replicas: &[Replica]) -> Option<Arc<Pod>> {
    let strategy = view.set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or_default();
    let updated = replicas.iter().skip(usize::try_from(partition).unwrap_or_default());
    for replica in updated.rev() {
        let pod = replica.pod();
        let terminating = pods::is_terminating(pod);
        if pods::revision(pod) != view.update.name && !terminating {
            return match replica {
                Replica::There(pod) => Some(Arc::clone(pod)),
                Replica::Missing(_) => None,
            };
        }
        if terminating || !pods::is_available(pod, status::min_ready_seconds(view.set), view.now) {
            return None;
        }
    }
    None
}

/// What to do about one replica, and whether the next one may be looked at, if they come in order.
fn process(view: &View, replica: &Replica) -> (Vec<Step>, bool) {
    let pod = match replica {
        Replica::Missing(pod) => {
            let created = !claims_of(view, pod).any(|claim| claims::is_stale(view.set, claim, pod));
            let steps = created.then(|| Step::Create(pod.clone())).into_iter().collect();
            return (steps, false);
        }
        Replica::There(pod) => pod,
    };
    if pods::has_ended(pod) {
        let steps = if pods::is_terminating(pod) {
            Vec::new()
        } else {
            vec![Step::Delete(Arc::clone(pod))]
        };
        return (steps, false);
    }
    let mut steps = Vec::new();
    let ordinal = identity::ordinal(view.set, pod).unwrap_or_default();
    let missing = claims_of(view, pod).count() < identity::claim_templates(view.set).len();
    let leaving = |claim: &&PersistentVolumeClaim| claim.metadata.deletion_timestamp.is_some();
    if pods::phase(pod) == "Pending"
        && (missing || claims_of(view, pod).any(|claim| leaving(&claim)) || !owns(view, pod))
    {
        steps.push(Step::CreateClaims(Arc::clone(pod)));
    }
    let goes_on = !pods::is_terminating(pod)
        && is_running_and_ready(pod)
        && pods::is_available(pod, status::min_ready_seconds(view.set), view.now);
    let correct = identity::matches(pod) && pod::mounts(view.set, pod, ordinal) && owns(view, pod);
    if !correct && (goes_on || !is_ordered(view.set)) {
        steps.push(Step::Correct(Arc::clone(pod)));
    }
    (steps, goes_on)
}

/// Whether the claims of a pod have the owners that they are to have.
fn owns(view: &View, pod: &Pod) -> bool {
    claims_of(view, pod).all(|claim| claims::new_owners(view.set, claim, pod).is_none())
}

/// The claims of a pod that exist.
fn claims_of<'a>(view: &View<'a>, pod: &Pod) -> impl Iterator<Item = &'a PersistentVolumeClaim> {
    let ordinal = identity::ordinal(view.set, pod).unwrap_or_default();
    let templates = identity::claim_templates(view.set).iter();
    let names: Vec<_> = templates
        .map(|template| identity::claim_name(view.set, template, ordinal))
        .collect();
    let is = move |claim: &&'a Arc<PersistentVolumeClaim>| {
        claim.metadata.name.as_ref().is_some_and(|name| names.contains(name))
    };
    view.claims.iter().filter(is).map(Arc::as_ref)
}

/// Whether the pods come and go one after the other.
pub(super) fn is_ordered(set: &StatefulSet) -> bool {
    let policy = set.spec.as_ref().and_then(|spec| spec.pod_management_policy.as_deref());
    policy != Some("Parallel")
}
