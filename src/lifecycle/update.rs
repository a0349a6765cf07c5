//! Update: make a service that runs as another configuration says.

use std::fmt;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;

use super::bring::{Brought, bring, bring_owned};
use super::claim::{Claim, permitted};
use super::deadline::{Backoff, Deadline, Step, reference};
use super::delete::find;
use crate::api::{Api, Kind};
use crate::error::{Error, Result};
use crate::manifests::{
    changes, fixed, network_policy, pod_disruption_budget, replaces_pods, service as make_service, stateful_set,
};
use crate::names::OWNS_ANNOTATION;
use crate::ownership::{Identity, describe, owner};
use crate::spec::DataServiceSpec;

/// What [`update`] has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`.
    pub uid: String,
    /// The generation of its `StatefulSet` by now. What is told of an earlier one is told of the service before.
    pub generation: i64,
    /// What has changed, in the words of the configuration.
    pub changes: Vec<String>,
    /// Whose it was, where it was taken over.
    pub adopted_from: Option<String>,
    /// Whether its pods are replaced.
    pub replaces_pods: bool,
    /// Whether that is left to whoever deletes them (`OnDelete`).
    pub on_delete: bool,
}

impl fmt::Display for Updated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.adopted_from {
            Some(owner) => write!(formatter, "Data service {name} is taken over; it belonged to {owner}.")?,
            None if self.changes.is_empty() => return write!(formatter, "Data service {name} is so already."),
            None => {}
        }
        if !self.changes.is_empty() {
            let space = if self.adopted_from.is_some() { " " } else { "" };
            write!(
                formatter,
                "{space}Data service {name} is changed: {}.",
                self.changes.join(", ")
            )?;
        }
        match (self.replaces_pods, self.on_delete) {
            (true, true) => write!(
                formatter,
                " By its UpdateStrategy OnDelete each pod changes when it is deleted: `kubectl delete pod {name}-0`, and so \
                 on."
            ),
            (true, false) => write!(formatter, " Its pods are replaced one after the other."),
            (false, _) => Ok(()),
        }
    }
}

/// The objects of a service as they were when the call began.
struct Before {
    set: StatefulSet,
    service: Option<Service>,
}

/// Makes a service that runs as the specification says, and tells what that changes. What is so already is left as it is, and
/// nothing is sent.
///
/// Every write is to exactly the version of the object that was read, so that whose it is still holds when it is written.
/// Who has written looks again, until all is as it should be: of two updates at the same time one is carried out after the
/// other, and as a whole. The call can be repeated. It makes no service: that is for
/// [`create`](super::create()); only a Service that is missing is made.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::NotOwned`] for what somebody else has made; [`Error::Unchanged`] for another owner's service,
/// for one that is being deleted and for what Kubernetes does not change; [`Error::Conflict`] where the Service's name is
/// somebody else's; [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline.
pub async fn update<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    namespace: &str,
    name: &str,
    claim: &Claim,
    deadline: Deadline,
) -> Result<Updated> {
    let mut backoff = Backoff::new();
    let mut adopted_from = None;
    let mut before: Option<Before> = None;
    let mut has_written = false;
    loop {
        let Some(set) = find::<StatefulSet, A>(api, namespace, name, deadline).await? else {
            return Err(Error::NotFound {
                object: reference::<StatefulSet>(namespace, name),
                advice: "Run its DataServiceTask to make it, or correct the name or the namespace.".to_owned(),
            });
        };
        let identity = permitted(&set.metadata, namespace, name, claim)?;
        let wanted = manifest(spec, &identity, &set)?;
        let service = find::<Service, A>(api, namespace, name, deadline).await?;
        if identity.owner != owner(&set.metadata) {
            adopted_from = Some(describe(&set.metadata));
        }
        let before = match &mut before {
            Some(before) if before.set.metadata.uid == set.metadata.uid => before,
            other => other.insert(Before {
                set: set.clone(),
                service: service.clone(),
            }),
        };
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        // What the StatefulSet notes that it owns goes before the note does.
        let mut outcomes = vec![
            bring_kind(
                api,
                &set,
                pod_disruption_budget(spec, &identity, Some(uid)),
                &identity,
                deadline,
            )
            .await?,
            bring_kind(
                api,
                &set,
                network_policy(spec, &identity, Some(uid)),
                &identity,
                deadline,
            )
            .await?,
        ];
        if !outcomes.contains(&Brought::Changed) {
            outcomes.push(bring(api, &set, wanted, deadline).await?);
        }
        if !outcomes.contains(&Brought::Changed) {
            let wanted = make_service(spec, &identity, Some(uid));
            outcomes.push(bring_owned(api, service.as_ref(), Some(wanted), &identity, uid, deadline).await?);
        }
        if outcomes.iter().all(|outcome| *outcome == Brought::Same) {
            return Ok(before.told(&set, service.as_ref(), adopted_from));
        }
        // What it has written itself is looked at at once; who changes it at the same time is given time to end.
        let gives_way = has_written || outcomes.contains(&Brought::Changed);
        has_written |= outcomes.contains(&Brought::Written);
        if gives_way && !backoff.wait(deadline, None).await {
            let patching = Step::new::<StatefulSet>("patch", namespace, name);
            return Err(patching.unavailable(deadline, "the object keeps changing"));
        }
    }
}

/// Makes an object of a kind that not every service has as its manifest says. One that neither is wanted nor was is not asked
/// for, which would take a right.
async fn bring_kind<K: Kind, A: Api>(
    api: &A,
    set: &StatefulSet,
    wanted: Option<K>,
    identity: &Identity,
    deadline: Deadline,
) -> Result<Brought> {
    let owns = set.metadata.annotations.iter().flatten();
    let mut owns = owns.filter(|(key, _)| *key == OWNS_ANNOTATION);
    let is_noted = owns.any(|(_, kinds)| kinds.split(' ').any(|kind| kind == K::kind(&())));
    if wanted.is_none() && !is_noted {
        return Ok(Brought::Same);
    }
    let there = find::<K, A>(api, &identity.namespace, &identity.name, deadline).await?;
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    bring_owned(api, there.as_ref(), wanted, identity, uid, deadline).await
}

/// The manifest, with what the specification leaves open as it is in the `StatefulSet` that is there.
pub(super) fn closest(spec: &DataServiceSpec, identity: &Identity, there: &StatefulSet) -> StatefulSet {
    let mut wanted = stateful_set(spec, identity);
    if let (Some(wanted), Some(there)) = (&mut wanted.spec, &there.spec) {
        // It cannot be changed, and the plugin before version 2 left it to Kubernetes.
        if spec.pod_management_policy.is_none() {
            wanted.pod_management_policy.clone_from(&there.pod_management_policy);
        }
    }
    wanted
}

/// The manifest that a `StatefulSet` that is there can be given.
fn manifest(spec: &DataServiceSpec, identity: &Identity, there: &StatefulSet) -> Result<StatefulSet> {
    let wanted = closest(spec, identity, there);
    let fixed = fixed(there, &wanted);
    if fixed.is_empty() {
        return Ok(wanted);
    }
    Err(Error::Unchanged {
        object: reference::<StatefulSet>(&identity.namespace, &identity.name),
        reason: "Immutable",
        problem: format!("Kubernetes does not change {} of a StatefulSet that is there.", fixed.join(" and ")),
        advice: "Leave that as it is, or delete the service, with a CleanupSensor say, and make it anew: its pods end then. \
                 Its PersistentVolumeClaims stay and are used again, unless PersistentVolumeClaimRetentionPolicy says \
                 that they are deleted with it."
            .to_owned(),
    })
}

impl Before {
    /// Tells what has changed since.
    fn told(&self, set: &StatefulSet, service: Option<&Service>, adopted_from: Option<String>) -> Updated {
        let metadata = set.metadata.clone();
        let mut told = changes(&self.set, set);
        if let (Some(before), Some(after)) = (&self.service, service) {
            let of_service = changes(before, after);
            told.extend(
                of_service
                    .into_iter()
                    .filter(|change| !told.contains(change))
                    .collect::<Vec<_>>(),
            );
        }
        let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        Updated {
            name: metadata.name.unwrap_or_default(),
            namespace: metadata.namespace.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            changes: told,
            adopted_from,
            replaces_pods: replaces_pods(&self.set, set),
            on_delete: strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete")),
        }
    }
}
