//! A service that sleeps: it has no replicas for now, and notes how many it had.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::labels::ASLEEP_ANNOTATION;
use super::owner::{ManagedBy, managed_by};

/// The note on a `StatefulSet` that its service sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asleep {
    /// How many replicas it has when it wakes.
    pub replicas: i32,
    /// Since when it sleeps (RFC 3339, UTC).
    pub since: String,
}

impl Asleep {
    /// The note of a service that falls asleep at a moment.
    #[must_use]
    pub fn at(moment: Timestamp, replicas: i32) -> Self {
        Self {
            replicas,
            since: moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// Reads whether a service sleeps. The annotation alone says nothing: somebody may have scaled the service since,
    /// and one with replicas is awake.
    #[must_use]
    pub fn of(set: &StatefulSet) -> Option<Self> {
        if managed_by(&set.metadata) == ManagedBy::Other || set.spec.as_ref()?.replicas != Some(0) {
            return None;
        }
        let text = set.metadata.annotations.as_ref()?.get(ASLEEP_ANNOTATION)?;
        let asleep: Self = serde_json::from_str(text).ok()?;
        (asleep.replicas > 0).then_some(asleep)
    }

    /// The value of the annotation.
    #[must_use]
    pub fn value(&self) -> String {
        // A struct of a number and a string always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A `StatefulSet` as it is when it is awake: what a configuration is compared with.
#[must_use]
pub fn awake(set: &StatefulSet) -> StatefulSet {
    let mut set = set.clone();
    if let Some(asleep) = Asleep::of(&set) {
        set.spec.get_or_insert_default().replicas = Some(asleep.replicas);
    }
    if let Some(annotations) = &mut set.metadata.annotations {
        annotations.remove(ASLEEP_ANNOTATION);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
    use serde_json::{Value, json};

    fn set(by: &str, replicas: &Value, note: &str) -> StatefulSet {
        let metadata =
            json!({"name": "foo", "labels": {MANAGED_BY_LABEL: by}, "annotations": {ASLEEP_ANNOTATION: note}});
        let spec = json!({"replicas": replicas, "selector": {}, "template": {}});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a StatefulSet")
    }

    #[test]
    fn a_service_sleeps_that_has_no_replicas_and_keeps_how_many_it_had() {
        let asleep = Asleep::at(Timestamp::UNIX_EPOCH, 3);
        let note = asleep.value();
        assert_eq!(note, r#"{"replicas":3,"since":"1970-01-01T00:00:00Z"}"#);
        let sleeping = set(MANAGED_BY, &json!(0), &note);
        assert_eq!(Asleep::of(&sleeping), Some(asleep));
        let awake = awake(&sleeping);
        assert_eq!(awake.spec.as_ref().and_then(|spec| spec.replicas), Some(3));
        assert_eq!(awake.metadata.annotations, Some([].into()));
    }

    #[test]
    fn a_service_with_replicas_is_awake_whatever_its_annotation_states() {
        let note = Asleep::at(Timestamp::UNIX_EPOCH, 3).value();
        for set in [
            set(MANAGED_BY, &json!(2), &note),
            set(MANAGED_BY, &Value::Null, &note),
            set("Helm", &json!(0), &note),
            set(MANAGED_BY, &json!(0), "yes"),
            set(MANAGED_BY, &json!(0), r#"{"replicas": 0, "since": "x"}"#),
        ] {
            assert_eq!(Asleep::of(&set), None, "{set:?}");
            let replicas = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.replicas);
            assert_eq!(replicas(&awake(&set)), replicas(&set));
        }
    }
}
