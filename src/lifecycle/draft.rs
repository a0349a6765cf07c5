//! A service that is to be, and the check of what is made of it.
//!
//! The verbs write objects and know no specification. The caller builds the objects from a draft, which checks
//! them; an update does so once it knows as whose the service runs on. So a verb writes nothing that was not checked.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::retry::reference;
use crate::compare::immutable;
use crate::config::DataServiceSpec;
use crate::error::{Error, Result};
use crate::identity::asleep::Asleep;
use crate::identity::owner::Identity;
use crate::manifests::Objects;

/// Refuses objects that may not be written, such as what the platform's settings do not allow.
pub type Check<'a> = &'a (dyn Fn(&Objects) -> Result<()> + Send + Sync);

/// A service by its specification, before its owner is known.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    spec: &'a DataServiceSpec,
    check: Check<'a>,
}

impl<'a> Draft<'a> {
    /// A draft whose objects have to pass a check.
    #[must_use]
    pub fn new(spec: &'a DataServiceSpec, check: Check<'a>) -> Self {
        Self { spec, check }
    }

    /// The objects of a new service.
    ///
    /// # Errors
    /// The reason why the check refuses them.
    pub fn objects(&self, identity: &Identity) -> Result<Objects> {
        let objects = Objects::new(self.spec, identity);
        (self.check)(&objects)?;
        Ok(objects)
    }

    /// The objects of a service that exists.
    ///
    /// # Errors
    /// [`Error::Unchanged`] for what Kubernetes does not change, and what the check refuses them for.
    pub(super) fn objects_over(&self, identity: &Identity, there: &StatefulSet) -> Result<Objects> {
        let objects = Objects::new(self.spec, identity).closest_to(there);
        let fixed = immutable(there, &objects.stateful_set);
        if !fixed.is_empty() {
            return Err(Error::Unchanged {
                object: reference::<StatefulSet>(&identity.namespace, &identity.name),
                reason: "Immutable",
                problem: format!(
                    "Kubernetes does not change {} of an existing StatefulSet.",
                    fixed.join(" and ")
                ),
                advice:
                    "Keep that field, or delete the service (for example with a CleanupSensor) and create it again; its \
                         pods stop. Its PersistentVolumeClaims stay and are used again, unless \
                         PersistentVolumeClaimRetentionPolicy says that they are deleted with it."
                        .to_owned(),
            });
        }
        (self.check)(&objects)?;
        Ok(objects)
    }

    /// Checks the objects of an update as they are written: an update completes its manifest after
    /// [`Self::objects_over`], with what it keeps of the service.
    ///
    /// The manifest leaves the number of pods out where somebody else has set it, and has none for a service that
    /// sleeps. The check counts the pods that the service has, or has once it is awake, each of which gets what the
    /// manifest says.
    ///
    /// # Errors
    /// The reason why the check refuses them.
    pub(super) fn check_written(&self, objects: &Objects, written: &StatefulSet, there: &StatefulSet) -> Result<()> {
        let replicas = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.replicas);
        let asleep = Asleep::of(written).map(|asleep| asleep.replicas);
        let kept = asleep.or(replicas(written)).or(replicas(there));
        let mut counted = objects.clone();
        counted.stateful_set = written.clone();
        if let Some(spec) = &mut counted.stateful_set.spec {
            spec.replicas = kept;
        }
        let configured = replicas(&objects.stateful_set);
        (self.check)(&counted).map_err(|error| match (error, kept, configured) {
            (Error::InvalidSpec { field, problem, more }, Some(kept), Some(configured)) if kept != configured => {
                let (name, namespace) = (objects.name(), objects.namespace());
                let keeps = format!(
                    "The service keeps {kept} pods, not the {configured} of the configuration, because somebody else has \
                     set that number. To change it: `kubectl scale statefulset {name} --namespace {namespace} --replicas \
                     {configured}`."
                );
                let problem = format!("{problem} {keeps}");
                Error::InvalidSpec { field, problem, more }
            }
            (error, ..) => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::config::Target;
    use crate::identity::labels::ASLEEP_ANNOTATION;
    use crate::identity::owner::{Caller, Owner};
    use crate::lifecycle::scaling::{ConfiguredReplicas, Numbers};
    use crate::lifecycle::sleep::keeping_asleep;
    use crate::platform::{Platform, Sources};
    use serde_json::{Value, json};

    fn service(config: &Value) -> (DataServiceSpec, Identity) {
        let Ok(Target::New(spec)) = Target::parse(config) else {
            panic!("a service");
        };
        let caller = Caller {
            owner: Owner::new("o", "a test"),
            // Of the execution that made the service: it counts before the configuration's.
            labels: Some([("cost".to_owned(), "7".to_owned())].into()),
            annotations: None,
            run: None,
        };
        let identity = caller.identity(spec.name.clone(), "flyte".to_owned());
        (spec, identity)
    }

    #[test]
    fn limits_count_the_pods_that_an_update_keeps() {
        let config =
            json!({"Name": "foo", "Image": "i", "Replicas": 2, "Requests": {"cpu": "1"}, "Limits": {"cpu": "1"}});
        let (spec, identity) = service(&config);
        let awake = Objects::new(&spec, &identity).stateful_set;
        let replicas = |number: i32| {
            let mut there = awake.clone();
            there.spec.as_mut().expect("a spec").replicas = Some(number);
            there
        };
        let mut scaled = replicas(5);
        let by_hpa = json!([{"manager": "hpa", "operation": "Update", "subresource": "scale", "fieldsType": "FieldsV1",
                             "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
        scaled.metadata.managed_fields = serde_json::from_value(by_hpa).expect("managed fields");
        let mut asleep = replicas(0);
        let note = r#"{"replicas":5,"since":"2026-01-01T00:00:00Z"}"#.to_owned();
        let annotations = asleep.metadata.annotations.get_or_insert_default();
        annotations.insert(ASLEEP_ANNOTATION.to_owned(), note);
        for (limits, there, refusal) in [
            (json!({"replicas": 4}), &awake, None),
            (json!({"replicas": 4}), &scaled, Some("Replicas is 5, more than the 4")),
            (json!({"replicas": 4}), &asleep, Some("Replicas is 5, more than the 4")),
            (json!({"replicas": 5}), &scaled, None),
            (json!({"total": {"cpu": 4}}), &awake, None),
            (
                json!({"total": {"cpu": 4}}),
                &scaled,
                Some("Requests.cpu is 1 in each of 5 pods, together 5"),
            ),
        ] {
            let platform = Platform::parse(&json!({"limits": limits}), Sources::default()).expect("settings");
            let check = |objects: &Objects| platform.check(&objects.stateful_set, &config);
            let draft = Draft::new(&spec, &check);
            let objects = draft
                .objects_over(&identity, there)
                .expect("the configuration is allowed");
            let asked = ConfiguredReplicas::of(&objects.stateful_set);
            let wanted = keeping_asleep(objects.stateful_set.clone(), there, &asked);
            let written = Numbers::of(&asked, there).scaled(wanted);
            let checked = draft.check_written(&objects, &written, there);
            match refusal {
                None => checked.expect("allowed"),
                Some(words) => {
                    let message = checked.expect_err("refused").to_string();
                    assert!(message.starts_with(words), "{message}");
                    assert!(
                        message.contains("keeps 5 pods, not the 2 of the configuration"),
                        "{message}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_update_checks_the_objects_that_it_writes() {
        let (spec, identity) = service(&json!({"Name": "foo", "Image": "i", "Labels": {"cost": "42"}}));
        let there = Objects::new(&spec, &identity).stateful_set;
        let checked = Mutex::new(Vec::new());
        let check = |objects: &Objects| {
            checked.lock().expect("not poisoned").push(objects.clone());
            Ok(())
        };
        let draft = Draft::new(&spec, &check);
        let made = [draft.objects(&identity), draft.objects_over(&identity, &there)].map(|made| made.expect("allowed"));
        assert_eq!(*checked.lock().expect("not poisoned"), made);
        let labels = made[1].stateful_set.metadata.labels.as_ref().expect("labels");
        assert_eq!(labels["cost"], "7");
        let refusal = |_: &Objects| Err(Error::invalid("Labels.cost", "must be 42."));
        let draft = Draft::new(&spec, &refusal);
        draft.objects(&identity).expect_err("refused");
        draft.objects_over(&identity, &there).expect_err("refused");
    }
}
