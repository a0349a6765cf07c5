//! Labels and annotations that come from elsewhere than the configuration.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use super::overrides::Overrides;
use super::sources::Sources;
use crate::error::FieldFault;
use crate::text::{shorten, shown};

/// Checks that forced values have arrived: Flyte's labels and annotations of an execution are stronger than those of
/// the configuration, and whoever starts one can add to them.
pub(super) fn check(stateful_set: &StatefulSet, forced: &Overrides, sources: &Sources) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let of_pods = stateful_set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.metadata.as_ref());
    for metadata in of_pods.into_iter().chain([&stateful_set.metadata]) {
        for (field, there) in [("Labels", &metadata.labels), ("Annotations", &metadata.annotations)] {
            let forced = forced.fields.get(field).and_then(Value::as_object);
            for (key, wanted) in forced.into_iter().flatten() {
                let there = there.as_ref().and_then(|there| there.get(key));
                if let Some(there) = there.filter(|there| wanted != there.as_str()) {
                    let path = format!("{field}.{key}");
                    let words = format!(
                        "is {} for this execution, but the platform's settings force it to {}{}.",
                        shorten(there),
                        shown(wanted),
                        sources.suffix(&format!("forced.{path}"))
                    );
                    faults.push(FieldFault::new(path, words));
                }
            }
        }
    }
    faults
}
