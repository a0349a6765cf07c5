//! Update: change a running service to another configuration.

use std::fmt;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use tokio::time::Instant;

use super::access::{Access, permitted};
use super::apply::{Applied, Written, apply, apply_dependent};
use super::delete::find;
use super::draft::Draft;
use super::retry::{Backoff, Deadline, Step, reference};
use super::scaling::{ConfiguredReplicas, Ready, Scaled, described_changes, keeping_pods, keeps_pods};
use super::sleep::keeping_asleep;
use crate::cluster::{Api, Kind, managed_fields};
use crate::compare::{changes, replaces_pods};
use crate::error::{Error, Result};
use crate::identity::asleep::Asleep;
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL, OWNS_ANNOTATION, instance};
use crate::identity::owner::{describe, owner};
use crate::manifests::{Dependents, Objects};

/// For how long an update may wait until Kubernetes has begun with what was written before it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The result of [`update`].
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`.
    pub uid: String,
    /// The generation of its `StatefulSet` after the update. A status of an earlier one describes the service before
    /// it.
    pub generation: i64,
    /// The changes, in the words of the configuration.
    pub changes: Vec<String>,
    /// The fields of the configuration that admission in the cluster changes, in the same words.
    pub by_admission: Vec<String>,
    /// Its former owner, if it was adopted.
    pub adopted_from: Option<String>,
    /// Whether its pods are replaced.
    pub replaces_pods: bool,
    /// Whether its pods go on as they are, though new ones find another number of pods.
    pub keeps_pods: bool,
    /// The number of pods that somebody else has set and that was left, if any.
    pub scaled: Option<Scaled>,
    /// Whether a pod is replaced only when somebody deletes it (`OnDelete`).
    pub on_delete: bool,
    /// Whether it sleeps, as it did before.
    pub is_asleep: bool,
}

impl fmt::Display for Updated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.adopted_from {
            Some(owner) => write!(formatter, "Data service {name} is taken over; it belonged to {owner}.")?,
            None if self.changes.is_empty() => {
                write!(formatter, "Data service {name} is already up to date.")?;
                self.write_asleep(formatter)?;
                self.write_admission(formatter)?;
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
        self.write_asleep(formatter)?;
        match (self.replaces_pods && !self.is_asleep, self.on_delete) {
            (true, true) => write!(
                formatter,
                " By its UpdateStrategy OnDelete each pod changes when it is deleted: `kubectl delete pod {name}-0`, and so \
                 on."
            )?,
            (true, false) => write!(formatter, " Its pods are replaced one after the other.")?,
            (false, _) if self.keeps_pods && !self.is_asleep => write!(
                formatter,
                " Running pods are not restarted: GE_COUNT has the new number in pods that start from now on."
            )?,
            (false, _) => {}
        }
        self.write_admission(formatter)?;
        self.write_scaled(formatter)
    }
}

impl Updated {
    fn write_asleep(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_asleep {
            return Ok(());
        }
        write!(
            formatter,
            " It stays asleep; `dataservice wake {}` wakes it.",
            self.name
        )
    }

    fn write_admission(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.by_admission.is_empty() {
            return Ok(());
        }
        write!(
            formatter,
            " Admission in the cluster, such as a webhook or a policy, changes what the configuration says: {}.",
            self.by_admission.join(", ")
        )
    }

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

/// Changes a running service to a draft, and returns what changed. Objects that are equal already are left as they are,
/// and nothing is written.
///
/// Every write is to exactly the version of the object that was read, so that whose it is still holds when it is
/// written. After a write it looks again, until everything is as it should be: of two updates at the same time one is
/// carried out after the other, and as a whole. The call can be retried. It makes no service: that is for
/// [`create`](super::create()); only a Service that is missing is made.
///
/// The draft's check sees the objects as they are written, with the number of pods that the service keeps, before
/// anything is written.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::NotOwned`] for what somebody else has made; [`Error::Unchanged`] for another owner's
/// service, for one that is being deleted and for what Kubernetes does not change; [`Error::Conflict`] where the
/// Service's name is somebody else's; [`Error::Forbidden`], [`Error::Rejected`], and [`Error::Unavailable`] at the
/// deadline. Each of them within [`Error::Partial`] where something was changed already.
pub async fn update<A: Api>(
    api: &A,
    draft: Draft<'_>,
    (namespace, name): (&str, &str),
    access: &Access,
    deadline: Deadline,
) -> Result<Updated> {
    let mut backoff = Backoff::new();
    let mut progress = Progress::new();
    loop {
        let looked = Box::pin(progress.advance(api, draft, (namespace, name), access, deadline)).await;
        match looked {
            Ok(Looked::Done(updated)) => return Ok(*updated),
            // It looks at its own write at once, and gives another writer time to end.
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

/// The result of one look at the objects.
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
    /// The last other manager that wrote the `StatefulSet`.
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
        draft: Draft<'_>,
        (namespace, name): (&str, &str),
        access: &Access,
        deadline: Deadline,
    ) -> Result<Looked> {
        let Some(set) = find::<StatefulSet, A>(api, namespace, name, deadline).await? else {
            return Err(Error::NotFound {
                object: reference::<StatefulSet>(namespace, name),
                advice: "Run its DataServiceTask to make it, or correct the name or the namespace.".to_owned(),
            });
        };
        self.other_writer = managed_fields::last_writer(&set.metadata).map(ToOwned::to_owned);
        let identity = permitted(&set, namespace, name, access)?;
        let objects = draft.objects_over(&identity, &set)?;
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
        let Dependents {
            service: mut wanted,
            pod_disruption_budget,
            network_policy,
        } = objects.dependents_of(uid);
        let Some(ready) = self.ready(api, &set, &objects, deadline).await? else {
            return Ok(Looked::Again { at_once: false });
        };
        draft.check_written(&objects, &ready.wanted, &ready.there)?;
        // What the StatefulSet notes that it owns goes before the note does.
        let mut outcomes = vec![self.apply_kind(api, &set, pod_disruption_budget, deadline).await?];
        outcomes.push(self.apply_kind(api, &set, network_policy, deadline).await?);
        if !outcomes.contains(&Applied::Conflicted) {
            outcomes.push(self.apply_set(api, ready, deadline).await?);
        }
        if !outcomes.contains(&Applied::Conflicted) {
            if let (Some(spec), true) = (&mut wanted.spec, self.has_unmarked_pods()) {
                spec.selector = Some(instance(name));
            }
            outcomes.push(
                self.apply_one(api, service.as_ref(), Some(wanted), uid, deadline)
                    .await?,
            );
        }
        if outcomes.iter().any(|outcome| *outcome != Applied::Unchanged) {
            return Ok(Looked::Again {
                at_once: !had_written && !outcomes.contains(&Applied::Conflicted),
            });
        }
        let before = self.before.as_ref();
        let updated = before.map(|before| {
            before.updated(
                &ConfiguredReplicas::of(&objects.stateful_set),
                &set,
                service.as_ref(),
                self.adopted_from.clone(),
                self.written.by_admission(),
            )
        });
        Ok(updated.map_or(Looked::Again { at_once: false }, |updated| {
            Looked::Done(Box::new(updated))
        }))
    }

    /// Completes the manifest of the `StatefulSet`, so that applying it replaces no pods for their number alone; `None`
    /// is for another look.
    async fn ready<A: Api>(
        &self,
        api: &A,
        set: &StatefulSet,
        objects: &Objects,
        deadline: Deadline,
    ) -> Result<Option<Ready>> {
        let has_time = self.started.elapsed() < PATIENCE;
        let wanted = objects.stateful_set.clone();
        let asked = ConfiguredReplicas::of(&wanted);
        let wanted = keeping_asleep(wanted, set, &asked);
        keeping_pods(api, set, wanted, &asked, has_time, deadline).await
    }

    async fn apply_set<A: Api>(&mut self, api: &A, ready: Ready, deadline: Deadline) -> Result<Applied> {
        let outcome = apply(api, &ready.there, ready.wanted, &mut self.written, deadline).await?;
        self.note::<StatefulSet>(outcome);
        Ok(outcome)
    }

    /// Applies the manifest of an object of a kind that not every service has. One that neither is wanted nor was is
    /// not asked for, which would take a permission.
    async fn apply_kind<K: Kind, A: Api>(
        &mut self,
        api: &A,
        set: &StatefulSet,
        wanted: Option<K>,
        deadline: Deadline,
    ) -> Result<Applied> {
        let owns = set.metadata.annotations.iter().flatten();
        let mut owns = owns.filter(|(key, _)| *key == OWNS_ANNOTATION);
        let is_noted = owns.any(|(_, kinds)| kinds.split(' ').any(|kind| kind == K::kind(&())));
        if wanted.is_none() && !is_noted {
            return Ok(Applied::Unchanged);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let metadata = &set.metadata;
        let there = find::<K, A>(api, &text(&metadata.namespace), &text(&metadata.name), deadline).await?;
        self.apply_one(api, there.as_ref(), wanted, &text(&metadata.uid), deadline)
            .await
    }

    async fn apply_one<K: Kind, A: Api>(
        &mut self,
        api: &A,
        there: Option<&K>,
        wanted: Option<K>,
        uid: &str,
        deadline: Deadline,
    ) -> Result<Applied> {
        let outcome = apply_dependent(api, there, wanted, uid, &mut self.written, deadline).await?;
        self.note::<K>(outcome);
        Ok(outcome)
    }

    fn note<K: Kind>(&mut self, outcome: Applied) {
        let kind = K::kind(&());
        if outcome == Applied::Written && !self.touched.iter().any(|touched| *touched == kind) {
            self.touched.push(kind.into_owned());
        }
    }

    /// Whether the pods that run are of the plugin before version 2, which did not mark them: a Service selects them
    /// until they are replaced.
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
        let changes = made
            .map(|made| described_changes(&before.set, &made))
            .unwrap_or_default();
        if !changes.is_empty() {
            done = format!("{done} ({})", changes.join(", "));
        }
        if let Some(owner) = self.adopted_from.as_ref().filter(|_| self.written.has::<StatefulSet>()) {
            done = format!("{done}, and taken the service over, which belonged to {owner}");
        }
        Error::Partial {
            error: Box::new(error),
            done: format!("{done}. You can retry the update."),
        }
    }
}

impl Before {
    /// The result of an update: what has changed since.
    fn updated(
        &self,
        asked: &ConfiguredReplicas,
        set: &StatefulSet,
        service: Option<&Service>,
        adopted_from: Option<String>,
        by_admission: Vec<String>,
    ) -> Updated {
        let metadata = set.metadata.clone();
        let mut changed = described_changes(&self.set, set);
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
            by_admission,
            adopted_from,
            replaces_pods: is_new && !keeps,
            keeps_pods: is_new && keeps,
            scaled: Scaled::of(asked, set),
            is_asleep: Asleep::of(set).is_some(),
            on_delete: strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete")),
        }
    }
}
