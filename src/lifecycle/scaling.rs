//! Scaling: how many pods an update asks for, and that the pods which stay are not restarted for it.
//!
//! The number of pods is part of each pod, as `GE_COUNT`, so that another number makes a new revision of all. Where
//! nothing else of the pods changes, the update strategy becomes `OnDelete`: the pods that run go on as they are, with
//! what they hold in memory, and every pod that starts from then on finds the new number. The next update that changes
//! the pods puts the strategy back.

use k8s_openapi::api::apps::v1::{RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::Pod;

use serde_json::Value;

use super::apply::{Preview, note, noted, preview};
use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, managed_fields};
use crate::compare::{changes, is_subset};
use crate::error::Result;
use crate::identity::asleep::awake;
use crate::identity::labels::{INSTANCE_LABEL, KEEPS_PODS_ANNOTATION, REPLICAS_ANNOTATION};
use crate::identity::owner::{belongs_to, has_hash, hash};
use crate::manifests::{count, with_count};
use crate::status::{REVISION_LABEL, is_observed};

/// The number of pods that a configuration asks for.
#[derive(Debug, Clone)]
pub(super) struct ConfiguredReplicas {
    replicas: i32,
    /// Whether `GE_COUNT` is the plugin's, and not one of the user's `Env`.
    counts_pods: bool,
    hash: String,
}

impl ConfiguredReplicas {
    /// The request of a manifest that has not been given another number yet.
    pub(super) fn of(wanted: &StatefulSet) -> Self {
        let annotations = wanted.metadata.annotations.as_ref();
        Self {
            replicas: wanted.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            counts_pods: annotations.is_none_or(|annotations| !annotations.contains_key(REPLICAS_ANNOTATION)),
            hash: hash(&wanted.metadata).to_owned(),
        }
    }

    /// Whether the configuration that was applied last asked for the same number.
    pub(super) fn is_as_before(&self, there: &StatefulSet) -> bool {
        has_hash(&there.metadata, &self.hash)
            || configured(there, self).is_some_and(|before| before == self.replicas.to_string())
    }
}

/// A number of pods that somebody else, such as an autoscaler, has set, and that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// The number.
    pub replicas: i32,
    /// The field manager that has set it.
    pub by: String,
    /// The configuration's number, as at the last update.
    pub configured: i32,
}

impl Scaled {
    /// The number that somebody else has set, where the configuration asks for what it asked for before.
    pub(super) fn of(asked: &ConfiguredReplicas, there: &StatefulSet) -> Option<Self> {
        let replicas = there.spec.as_ref()?.replicas?;
        let by = managed_fields::other_writer(&there.metadata, "/f:spec/f:replicas")?;
        (asked.is_as_before(there) && replicas != asked.replicas).then(|| Self {
            replicas,
            by: by.to_owned(),
            configured: asked.replicas,
        })
    }
}

/// The `Replicas` of the configuration that was applied last, as far as the object shows it.
fn configured<'a>(there: &'a StatefulSet, asked: &ConfiguredReplicas) -> Option<&'a str> {
    let annotations = there.metadata.annotations.as_ref();
    let noted = annotations.and_then(|annotations| annotations.get(REPLICAS_ANNOTATION));
    let counted = || count(there).filter(|_| asked.counts_pods);
    noted.map(String::as_str).or_else(counted)
}

/// Whether its pods stay at earlier revisions, since only their number has changed.
pub(super) fn keeps_pods(set: &StatefulSet) -> bool {
    let annotations = set.metadata.annotations.as_ref();
    annotations.is_some_and(|annotations| annotations.contains_key(KEEPS_PODS_ANNOTATION))
}

/// The differences between a `StatefulSet` before and after an update, in the words of the configuration. An update
/// strategy that only keeps pods as they are comes from no configuration, and neither does a sleep.
pub(super) fn described_changes(before: &StatefulSet, after: &StatefulSet) -> Vec<String> {
    let [before, after] = [before, after].map(awake);
    if !keeps_pods(&before) && !keeps_pods(&after) {
        return changes(&before, &after);
    }
    let [before, after] = [before, after].map(|mut set| {
        set.spec.iter_mut().for_each(|spec| spec.update_strategy = None);
        set
    });
    changes(&before, &after)
}

/// The changes that an update would make, in the words of the configuration, and whether it would replace pods.
/// `wanted` is the new `StatefulSet` with the server's defaults, and `there` the one that runs, each as the API server
/// returns it.
pub(super) fn foreseen(asked: &ConfiguredReplicas, there: &StatefulSet, wanted: &StatefulSet) -> (Vec<String>, bool) {
    let numbers = Numbers::of(asked, there);
    let mut after = numbers.unscaled(wanted.clone());
    let replaces = template(&after) != template(there);
    if let (Some(after), Some(_), Some(live)) = (&mut after.spec, &numbers.scaled, &there.spec) {
        after.replicas = live.replicas;
    }
    if keeps_pods(there) {
        let annotations = after.metadata.annotations.get_or_insert_default();
        annotations.insert(KEEPS_PODS_ANNOTATION.to_owned(), "true".to_owned());
    }
    (described_changes(there, &after), replaces)
}

/// The numbers that an update deals with.
pub(super) struct Numbers {
    /// The number that the pods find now, if the plugin sets it.
    in_pods: Option<String>,
    /// The number that there are to be.
    target: String,
    configured: String,
    scaled: Option<Scaled>,
    counts_pods: bool,
}

impl Numbers {
    pub(super) fn of(asked: &ConfiguredReplicas, there: &StatefulSet) -> Self {
        let (scaled, counts_pods) = (Scaled::of(asked, there), asked.counts_pods);
        let configured = asked.replicas.to_string();
        Self {
            in_pods: count(there).filter(|_| counts_pods).map(ToOwned::to_owned),
            target: scaled
                .as_ref()
                .map_or_else(|| configured.clone(), |scaled| scaled.replicas.to_string()),
            configured,
            scaled,
            counts_pods,
        }
    }

    /// The manifest with the number that there are to be.
    pub(super) fn scaled(&self, wanted: StatefulSet) -> StatefulSet {
        self.with(&self.target, wanted)
    }

    /// The manifest with the number that the pods find already.
    pub(super) fn unscaled(&self, wanted: StatefulSet) -> StatefulSet {
        self.with(self.in_pods.as_ref().unwrap_or(&self.target), wanted)
    }

    fn with(&self, number: &str, mut wanted: StatefulSet) -> StatefulSet {
        // Fields that the manifest leaves out keep their owner.
        if let Some(spec) = wanted.spec.as_mut().filter(|_| self.scaled.is_some()) {
            spec.replicas = None;
        }
        let annotations = wanted.metadata.annotations.get_or_insert_default();
        if self.counts_pods && number == self.configured {
            annotations.remove(REPLICAS_ANNOTATION);
        } else {
            annotations.insert(REPLICAS_ANNOTATION.to_owned(), self.configured.clone());
        }
        if self.counts_pods {
            return with_count(wanted, number);
        }
        wanted
    }

    fn differ(&self) -> bool {
        self.in_pods.as_ref().is_some_and(|number| *number != self.target)
    }

    /// Whether the pods are to get another number. They never get one that an autoscaler sets.
    fn change(&self) -> bool {
        self.differ() && self.scaled.is_none()
    }
}

/// The manifest to write, and the version of the existing object.
pub(super) struct Ready {
    pub(super) wanted: StatefulSet,
    pub(super) there: StatefulSet,
}

/// Completes a manifest so that no pod is replaced where only their number changes. `None` is for another look: the
/// object was changed since it was read, or, where there is time, Kubernetes has not begun with its newest
/// specification.
pub(super) async fn keeping_pods<A: Api>(
    api: &A,
    there: &StatefulSet,
    wanted: StatefulSet,
    asked: &ConfiguredReplicas,
    has_time: bool,
    deadline: Deadline,
) -> Result<Option<Ready>> {
    let numbers = Numbers::of(asked, there);
    let Some(there) = without_rolling_update(api, there, &wanted, deadline).await? else {
        return Ok(None);
    };
    if !numbers.differ() && !keeps_pods(&there) {
        let wanted = numbers.scaled(wanted);
        return Ok(Some(Ready { wanted, there }));
    }
    let unscaled = numbers.unscaled(wanted.clone());
    let Some((there, others)) = others(api, &there, &unscaled, asked, deadline).await? else {
        return Ok(None);
    };
    let Others::OfNoPod(strategy) = others else {
        let wanted = numbers.scaled(wanted);
        return Ok(Some(Ready { wanted, there }));
    };
    let (changes, kept) = (numbers.change(), keeps_pods(&there));
    let wanted = if changes { numbers.scaled(wanted) } else { unscaled };
    let was_never_changed = there.metadata.generation == Some(1);
    if changes && !kept && !was_never_changed && !is_observed(&there) && has_time {
        return Ok(None);
    }
    // Otherwise no pod would be replaced, or they are being replaced already and go on being so.
    let keeps = kept || (changes && (was_never_changed || !is_rolling_out(api, &there, deadline).await?));
    if !keeps || is_on_delete(&strategy) {
        return Ok(Some(Ready { wanted, there }));
    }
    let wanted = with_strategy(wanted, keeping(strategy, &there, changes));
    let there = without_rolling_update(api, &there, &wanted, deadline).await?;
    Ok(there.map(|there| Ready { wanted, there }))
}

/// Makes sure that a manifest with `OnDelete` removes `rollingUpdate`, since Kubernetes refuses both together.
async fn without_rolling_update<A: Api>(
    api: &A,
    there: &StatefulSet,
    wanted: &StatefulSet,
    deadline: Deadline,
) -> Result<Option<StatefulSet>> {
    let strategy = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.update_strategy.clone());
    let is_there = strategy(there).is_some_and(|strategy| strategy.rolling_update.is_some());
    if !is_there || !strategy(wanted).as_ref().is_some_and(is_on_delete) {
        return Ok(Some(there.clone()));
    }
    let applied = managed_fields::applied(&there.metadata);
    let managers = applied.as_deref().or(there.metadata.managed_fields.as_deref());
    let managers = managers.and_then(managed_fields::with_rolling_update).or(applied);
    note(api, there, managers, deadline).await
}

/// The changes of an update to the pods, beside their number.
enum Others {
    OfPods,
    /// Nothing; this would be the update strategy.
    OfNoPod(StatefulSetUpdateStrategy),
}

/// Finds out what else changes, by what the API server would make of the manifest; `None` where the object was changed
/// since it was read.
async fn others<A: Api>(
    api: &A,
    there: &StatefulSet,
    wanted: &StatefulSet,
    asked: &ConfiguredReplicas,
    deadline: Deadline,
) -> Result<Option<(StatefulSet, Others)>> {
    let strategy = |set: &StatefulSet| {
        let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.clone());
        strategy.unwrap_or_default()
    };
    if has_hash(&there.metadata, &asked.hash) && is_subset(&template(there), &template(wanted)) {
        return Ok(Some((there.clone(), Others::OfNoPod(strategy(wanted)))));
    }
    // A dry run takes back what was applied, and nothing that was written by the creation.
    let Some(there) = noted(api, there, deadline).await? else {
        return Ok(None);
    };
    let others = match preview(api, &there, wanted.clone(), deadline).await? {
        Preview::Changed => return Ok(None),
        Preview::Made(made) if template(&made) == template(&there) => Others::OfNoPod(strategy(&made)),
        Preview::Made(_) | Preview::Unknown => Others::OfPods,
    };
    Ok(Some((there, others)))
}

fn template(set: &StatefulSet) -> Value {
    let template = set.spec.as_ref().map(|spec| &spec.template);
    // An object of Kubernetes always serializes.
    serde_json::to_value(template).unwrap_or_default()
}

fn is_on_delete(strategy: &StatefulSetUpdateStrategy) -> bool {
    strategy.type_.as_deref() == Some("OnDelete")
}

/// Whether Kubernetes is replacing pods.
///
/// The status counts pods of the newest revision, and others together with those that are ending, so where it leaves
/// that open the pods are asked, if the account may list them.
async fn is_rolling_out<A: Api>(api: &A, set: &StatefulSet, deadline: Deadline) -> Result<bool> {
    if !is_observed(set) {
        return Ok(true);
    }
    let status = set.status.clone().unwrap_or_default();
    let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
    let partition = partition(strategy);
    if status.updated_replicas.unwrap_or(0) >= status.replicas - partition {
        return Ok(false);
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&set.metadata.namespace), text(&set.metadata.name));
    let listing = Step::new::<Pod>("list", &namespace, &name).optional();
    let selector = format!("{INSTANCE_LABEL}={name}");
    let pods: Vec<Pod> = match retry(deadline, &listing, || api.list(&namespace, &selector, "")).await? {
        Ok(pods) => pods,
        Err(fault) if fault.is_missing_permission() => return Ok(true),
        Err(fault) => return Err(listing.failed(fault)),
    };
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    Ok(pods.iter().any(|pod| {
        let metadata = &pod.metadata;
        let ordinal = metadata
            .name
            .as_deref()
            .and_then(|name| name.rsplit_once('-')?.1.parse().ok());
        let revision = metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_LABEL));
        belongs_to(&pod.metadata, uid)
            && metadata.deletion_timestamp.is_none()
            && revision != status.update_revision.as_ref()
            && ordinal.is_some_and(|ordinal: i32| ordinal >= partition)
    }))
}

fn partition(strategy: Option<&StatefulSetUpdateStrategy>) -> i32 {
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    rolling.and_then(|rolling| rolling.partition).unwrap_or(0)
}

/// The update strategy with which the pods that run stay as they are.
///
/// A partition, which leaves the first pods at an earlier revision also when they start again, is only made larger: it
/// is somebody's decision. `changes` says that there is a new revision, which no pod that runs is to get.
fn keeping(strategy: StatefulSetUpdateStrategy, there: &StatefulSet, changes: bool) -> StatefulSetUpdateStrategy {
    const FIELD: &str = "/f:spec/f:updateStrategy/f:rollingUpdate";
    let live = there.spec.as_ref();
    let live_strategy = live.and_then(|spec| spec.update_strategy.as_ref());
    let asked = partition(Some(&strategy));
    let is_new = changes || live_strategy.is_some_and(is_on_delete);
    // Kubernetes refuses what others have written beside the type `OnDelete`.
    if asked == 0 && is_new && managed_fields::other_writer(&there.metadata, FIELD).is_none() {
        return StatefulSetUpdateStrategy {
            type_: Some("OnDelete".to_owned()),
            rolling_update: None,
        };
    }
    let stay = if is_new {
        live.and_then(|spec| spec.replicas).unwrap_or(1)
    } else {
        partition(live_strategy)
    };
    StatefulSetUpdateStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateStatefulSetStrategy {
            partition: Some(asked.max(stay)),
            ..strategy.rolling_update.unwrap_or_default()
        }),
    }
}

fn with_strategy(mut wanted: StatefulSet, strategy: StatefulSetUpdateStrategy) -> StatefulSet {
    if let Some(spec) = &mut wanted.spec {
        spec.update_strategy = Some(strategy);
    }
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    annotations.insert(KEEPS_PODS_ANNOTATION.to_owned(), "true".to_owned());
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;
    use crate::identity::owner::{Caller, Owner};
    use crate::manifests::Objects;
    use serde_json::json;

    fn asked(config: &Value) -> ConfiguredReplicas {
        let Ok(Target::New(spec)) = Target::parse(config) else {
            panic!("not a service: {config}");
        };
        let owner = Owner::new("o", "a test");
        let caller = Caller {
            owner,
            labels: None,
            annotations: None,
            run: None,
        };
        let identity = caller.identity(Some("foo".to_owned()), "flyte".to_owned());
        ConfiguredReplicas::of(&Objects::new(&spec, &identity).stateful_set)
    }

    /// A `StatefulSet` whose pods find `in_pods`, scaled to `replicas` by somebody.
    fn there(in_pods: &str, replicas: i32, by: Option<&str>, annotations: &Value) -> StatefulSet {
        let container = json!({"name": "foo", "env": [{"name": "GE_COUNT", "value": in_pods}]});
        let entry = by.map(|by| {
            json!({"manager": by, "operation": "Update", "subresource": "scale",
                                       "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}})
        });
        let metadata = json!({"name": "foo", "annotations": annotations, "managedFields": entry.map(|entry| [entry])});
        let spec = json!({"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [container]}}});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a StatefulSet")
    }

    #[test]
    fn a_number_stays_that_somebody_else_has_set_while_the_configuration_says_what_it_said() {
        let none = json!({});
        let noted = json!({REPLICAS_ANNOTATION: "2"});
        for (there, configured, stays) in [
            (there("2", 5, Some("kubectl"), &none), 2, true),
            (there("2", 5, Some("kubectl"), &none), 3, false),
            (there("2", 5, None, &none), 2, false),
            (there("2", 2, Some("kubectl"), &none), 2, false),
            // An update has given the pods the number that an autoscaler had set.
            (there("4", 5, Some("autoscaler"), &noted), 2, true),
            (there("4", 5, Some("autoscaler"), &noted), 4, false),
        ] {
            let asked = asked(&json!({"Image": "i", "Replicas": configured}));
            assert_eq!(Scaled::of(&asked, &there).is_some(), stays, "{there:?} {configured}");
        }
    }

    #[test]
    fn the_configured_number_is_noted_where_the_pods_do_not_tell_it() {
        let noted = |set: &StatefulSet| set.metadata.annotations.clone()?.remove(REPLICAS_ANNOTATION);
        let wanted = there("2", 2, None, &json!({}));
        let plain = asked(&json!({"Image": "i", "Replicas": 2}));
        let scaled = Numbers::of(&plain, &there("2", 5, Some("kubectl"), &json!({}))).scaled(wanted.clone());
        assert_eq!((count(&scaled), noted(&scaled).as_deref()), (Some("5"), Some("2")));
        assert_eq!(scaled.spec.expect("a spec").replicas, None, "it stays whose it is");
        let same = Numbers::of(&plain, &wanted).scaled(wanted.clone());
        assert_eq!((count(&same), noted(&same)), (Some("2"), None));
        let own = asked(&json!({"Image": "i", "Replicas": 3, "Env": {"GE_COUNT": "2"}}));
        let own = Numbers::of(&own, &wanted).scaled(wanted.clone());
        assert_eq!((count(&own), noted(&own).as_deref()), (Some("2"), Some("3")));
    }

    #[test]
    fn pods_are_kept_by_on_delete_unless_there_is_a_partition() {
        let strategy =
            |value: Value| -> StatefulSetUpdateStrategy { serde_json::from_value(value).expect("a strategy") };
        let rolling =
            |partition: i32| strategy(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}));
        let on_delete = strategy(json!({"type": "OnDelete"}));
        let live = |live: &StatefulSetUpdateStrategy| {
            let mut set = there("3", 3, None, &json!({}));
            if let Some(spec) = &mut set.spec {
                spec.update_strategy = Some(live.clone());
            }
            set
        };
        for (asked, there, changes, kept) in [
            (rolling(0), rolling(0), true, on_delete.clone()),
            (rolling(0), on_delete.clone(), true, on_delete.clone()),
            (rolling(0), on_delete.clone(), false, on_delete.clone()),
            (rolling(1), rolling(1), true, rolling(3)),
            (rolling(1), on_delete.clone(), false, rolling(3)),
            // The number of pods has grown to three since.
            (rolling(1), rolling(2), false, rolling(2)),
            (rolling(5), rolling(5), true, rolling(5)),
        ] {
            assert_eq!(
                keeping(asked.clone(), &live(&there), changes),
                kept,
                "{asked:?} {changes}"
            );
        }
    }
}
