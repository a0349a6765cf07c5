//! Update: make a service that runs as another configuration says.

use std::fmt;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use tokio::time::Instant;

use super::bring::{Brought, Written, bring, bring_owned};
use super::claim::{Claim, permitted};
use super::deadline::{Backoff, Deadline, Step, reference};
use super::delete::find;
use super::scaling::{Scaled, keeping_pods, keeps_pods, told};
use crate::api::{Api, Kind, managed_fields};
use crate::error::{Error, Result};
use crate::manifests::{
    changes, fixed, network_policy, pod_disruption_budget, replaces_pods, service as make_service, stateful_set,
};
use crate::names::{MANAGED_BY, MANAGED_BY_LABEL, OWNS_ANNOTATION, instance};
use crate::ownership::{Identity, describe, owner};
use crate::spec::DataServiceSpec;

/// For how long an update may wait until Kubernetes has begun with what was written before it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Refuses a `StatefulSet` that may not be written, such as one that the platform's settings do not allow.
pub type Check<'a> = &'a (dyn Fn(&StatefulSet) -> Result<()> + Send + Sync);

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
    /// Whether its pods go on as they are, though new ones find another number of pods.
    pub keeps_pods: bool,
    /// The number of pods that somebody else has set and that was left, if any.
    pub scaled: Option<Scaled>,
    /// Whether that is left to whoever deletes them (`OnDelete`).
    pub on_delete: bool,
}

impl fmt::Display for Updated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.adopted_from {
            Some(owner) => write!(formatter, "Data service {name} is taken over; it belonged to {owner}.")?,
            None if self.changes.is_empty() => {
                write!(formatter, "Data service {name} is so already.")?;
                return self.write_scaled(formatter);
            }
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
            )?,
            (true, false) => write!(formatter, " Its pods are replaced one after the other.")?,
            (false, _) if self.keeps_pods => write!(
                formatter,
                " Running pods are not restarted: GE_COUNT has the new number in pods that start from now on."
            )?,
            (false, _) => {}
        }
        self.write_scaled(formatter)
    }
}

impl Updated {
    fn write_scaled(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Scaled {
            replicas,
            by,
            configured,
        }) = &self.scaled
        else {
            return Ok(());
        };
        write!(
            formatter,
            " It stays at {replicas} pods, the number that {by} has set; the configuration says {configured}, as it did \
             before. To go back to that: `kubectl scale statefulset {} --namespace {} --replicas {configured}`.",
            self.name, self.namespace
        )
    }
}

/// The objects of a service as they were when the call began.
struct Before {
    set: StatefulSet,
    service: Option<Service>,
}

/// Makes a service that runs as the specification says, and tells what that changes. What is so already is left as it is, and
/// nothing is written.
///
/// Every write is to exactly the version of the object that was read, so that whose it is still holds when it is written.
/// Who has written looks again, until all is as it should be: of two updates at the same time one is carried out after the
/// other, and as a whole. The call can be repeated. It makes no service: that is for
/// [`create`](super::create()); only a Service that is missing is made.
///
/// `check` has the last word on the `StatefulSet` before anything is written.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::NotOwned`] for what somebody else has made; [`Error::Unchanged`] for another owner's service,
/// for one that is being deleted and for what Kubernetes does not change; [`Error::Conflict`] where the Service's name is
/// somebody else's; [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the deadline. Each of them within
/// [`Error::Partial`] where something was changed already.
pub async fn update<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    namespace: &str,
    name: &str,
    claim: &Claim,
    check: Check<'_>,
    deadline: Deadline,
) -> Result<Updated> {
    let mut backoff = Backoff::new();
    let mut progress = Progress::new();
    loop {
        let looked = Box::pin(progress.advance(api, spec, (namespace, name), claim, check, deadline)).await;
        match looked {
            Ok(Looked::Done(updated)) => return Ok(*updated),
            // What it has written itself is looked at at once; who changes it at the same time is given time to end.
            Ok(Looked::Again { at_once: true }) => {}
            Ok(Looked::Again { at_once: false }) => {
                if !backoff.wait(deadline, None).await {
                    let patching = Step::new::<StatefulSet>("patch", namespace, name);
                    let error = patching.unavailable(deadline, &progress.keeps_changing());
                    return Err(progress.partial(error));
                }
            }
            Err(error) => return Err(progress.partial(error)),
        }
    }
}

/// What one look at the objects has led to.
enum Looked {
    Done(Box<Updated>),
    Again { at_once: bool },
}

/// How far an update is.
struct Progress {
    started: Instant,
    before: Option<Before>,
    adopted_from: Option<String>,
    written: Written,
    /// The kinds of the objects that were written, made or deleted.
    touched: Vec<String>,
    /// Who else was the last to write the `StatefulSet`.
    other_writer: Option<String>,
}

impl Progress {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            before: None,
            adopted_from: None,
            written: Written::default(),
            touched: Vec::new(),
            other_writer: None,
        }
    }

    /// Looks at the objects, and writes what is not as it should be.
    async fn advance<A: Api>(
        &mut self,
        api: &A,
        spec: &DataServiceSpec,
        (namespace, name): (&str, &str),
        claim: &Claim,
        check: Check<'_>,
        deadline: Deadline,
    ) -> Result<Looked> {
        let Some(set) = find::<StatefulSet, A>(api, namespace, name, deadline).await? else {
            return Err(Error::NotFound {
                object: reference::<StatefulSet>(namespace, name),
                advice: "Run its DataServiceTask to make it, or correct the name or the namespace.".to_owned(),
            });
        };
        self.other_writer = managed_fields::last_writer(&set.metadata).map(ToOwned::to_owned);
        let identity = permitted(&set, namespace, name, claim)?;
        let wanted = manifest(spec, &identity, &set)?;
        check(&wanted)?;
        let service = find::<Service, A>(api, namespace, name, deadline).await?;
        if identity.owner != owner(&set.metadata) {
            self.adopted_from = Some(describe(&set.metadata));
        }
        let is_another = |before: &Before| before.set.metadata.uid != set.metadata.uid;
        if self.before.as_ref().is_none_or(is_another) {
            self.before = Some(Before {
                set: set.clone(),
                service: service.clone(),
            });
        }
        let had_written = !self.touched.is_empty();
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let whose = (&identity, uid);
        // What the StatefulSet notes that it owns goes before the note does.
        let budget = pod_disruption_budget(spec, &identity, Some(uid));
        let mut outcomes = vec![self.bring_kind(api, &set, budget, whose, deadline).await?];
        let policy = network_policy(spec, &identity, Some(uid));
        outcomes.push(self.bring_kind(api, &set, policy, whose, deadline).await?);
        if !outcomes.contains(&Brought::Changed) {
            outcomes.push(self.bring_set(api, &set, wanted, spec, deadline).await?);
        }
        if !outcomes.contains(&Brought::Changed) {
            let mut wanted = make_service(spec, &identity, Some(uid));
            if let (Some(spec), true) = (&mut wanted.spec, self.has_unmarked_pods()) {
                spec.selector = Some(instance(name));
            }
            outcomes.push(
                self.bring_one(api, service.as_ref(), Some(wanted), whose, deadline)
                    .await?,
            );
        }
        if outcomes.iter().any(|outcome| *outcome != Brought::Same) {
            return Ok(Looked::Again {
                at_once: !had_written && !outcomes.contains(&Brought::Changed),
            });
        }
        let before = self.before.as_ref();
        let updated = before.map(|before| before.told(spec, &set, service.as_ref(), self.adopted_from.clone()));
        Ok(updated.map_or(Looked::Again { at_once: false }, |updated| {
            Looked::Done(Box::new(updated))
        }))
    }

    /// Makes the `StatefulSet` as its manifest says, without replacing pods for their number alone.
    async fn bring_set<A: Api>(
        &mut self,
        api: &A,
        set: &StatefulSet,
        wanted: StatefulSet,
        spec: &DataServiceSpec,
        deadline: Deadline,
    ) -> Result<Brought> {
        let has_time = self.started.elapsed() < PATIENCE;
        let ready = keeping_pods(api, set, wanted, spec, has_time, deadline).await?;
        let Some(ready) = ready else {
            return Ok(Brought::Changed);
        };
        let outcome = bring(api, &ready.there, ready.wanted, &mut self.written, deadline).await?;
        self.note::<StatefulSet>(outcome);
        Ok(outcome)
    }

    /// Makes an object of a kind that not every service has as its manifest says. One that neither is wanted nor was is not
    /// asked for, which would take a permission.
    async fn bring_kind<K: Kind, A: Api>(
        &mut self,
        api: &A,
        set: &StatefulSet,
        wanted: Option<K>,
        whose: (&Identity, &str),
        deadline: Deadline,
    ) -> Result<Brought> {
        let owns = set.metadata.annotations.iter().flatten();
        let mut owns = owns.filter(|(key, _)| *key == OWNS_ANNOTATION);
        let is_noted = owns.any(|(_, kinds)| kinds.split(' ').any(|kind| kind == K::kind(&())));
        if wanted.is_none() && !is_noted {
            return Ok(Brought::Same);
        }
        let Identity { namespace, name, .. } = whose.0;
        let there = find::<K, A>(api, namespace, name, deadline).await?;
        self.bring_one(api, there.as_ref(), wanted, whose, deadline).await
    }

    async fn bring_one<K: Kind, A: Api>(
        &mut self,
        api: &A,
        there: Option<&K>,
        wanted: Option<K>,
        whose: (&Identity, &str),
        deadline: Deadline,
    ) -> Result<Brought> {
        let outcome = bring_owned(api, there, wanted, whose, &mut self.written, deadline).await?;
        self.note::<K>(outcome);
        Ok(outcome)
    }

    fn note<K: Kind>(&mut self, outcome: Brought) {
        let kind = K::kind(&());
        if outcome == Brought::Written && !self.touched.iter().any(|touched| *touched == kind) {
            self.touched.push(kind.into_owned());
        }
    }

    /// Whether the pods that run are of the plugin before version 2, which did not mark them: a Service selects them until
    /// they are replaced.
    fn has_unmarked_pods(&self) -> bool {
        let spec = self.before.as_ref().and_then(|before| before.set.spec.as_ref());
        let metadata = spec.and_then(|spec| spec.template.metadata.as_ref());
        let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
        labels.is_none_or(|labels| labels.get(MANAGED_BY_LABEL).is_none_or(|by| by != MANAGED_BY))
    }

    fn keeps_changing(&self) -> String {
        self.other_writer.as_ref().map_or_else(
            || "the object keeps changing".to_owned(),
            |by| format!("the object keeps changing; besides this update, {by} writes it"),
        )
    }

    /// The error of an update that has changed something before it failed.
    fn partial(&self, error: Error) -> Error {
        let Some(before) = self.before.as_ref().filter(|_| !self.touched.is_empty()) else {
            return error;
        };
        let name = before.set.metadata.name.as_deref().unwrap_or_default();
        let objects: Vec<String> = self.touched.iter().map(|kind| format!("{kind} {name}")).collect();
        let mut done = format!("Before that, this update has changed {}", objects.join(" and "));
        let made = self.written.made::<StatefulSet>();
        let changes = made.map(|made| told(&before.set, &made)).unwrap_or_default();
        if !changes.is_empty() {
            done = format!("{done} ({})", changes.join(", "));
        }
        if let Some(owner) = self.adopted_from.as_ref().filter(|_| self.written.has::<StatefulSet>()) {
            done = format!("{done}, and taken the service over, which belonged to {owner}");
        }
        Error::Partial {
            error: Box::new(error),
            done: format!("{done}. The update can be repeated."),
        }
    }
}

/// The manifest, with what the specification leaves open as it is in the `StatefulSet` that is there.
pub(super) fn closest(spec: &DataServiceSpec, identity: &Identity, there: &StatefulSet) -> StatefulSet {
    let mut wanted = stateful_set(spec, identity);
    if let (Some(wanted), Some(there)) = (&mut wanted.spec, &there.spec) {
        // Neither can be changed. The plugin before version 2 left the one to Kubernetes, and version 2.0 selected by the
        // name alone.
        if spec.pod_management_policy.is_none() {
            wanted.pod_management_policy.clone_from(&there.pod_management_policy);
        }
        if there.selector.match_labels == Some(instance(&identity.name)) {
            wanted.selector.clone_from(&there.selector);
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
    fn told(
        &self,
        spec: &DataServiceSpec,
        set: &StatefulSet,
        service: Option<&Service>,
        adopted_from: Option<String>,
    ) -> Updated {
        let metadata = set.metadata.clone();
        let mut changed = told(&self.set, set);
        if let (Some(before), Some(after)) = (&self.service, service) {
            let of_service = changes(before, after);
            changed.extend(
                of_service
                    .into_iter()
                    .filter(|change| !changed.contains(change))
                    .collect::<Vec<_>>(),
            );
        }
        let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        let (is_new, keeps) = (replaces_pods(&self.set, set), keeps_pods(set));
        Updated {
            name: metadata.name.unwrap_or_default(),
            namespace: metadata.namespace.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            changes: changed,
            adopted_from,
            replaces_pods: is_new && !keeps,
            keeps_pods: is_new && keeps,
            scaled: Scaled::of(spec, set),
            on_delete: strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete")),
        }
    }
}
