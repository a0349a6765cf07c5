//! The effect that an update would have on a service that runs with another configuration.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use crate::compare::{changes, immutable};
use crate::lifecycle::scaling::{ConfiguredReplicas, foreseen};
use crate::manifests::Objects;

/// Reports the differences that a create leaves and an update would remove, if there are any. The `pairs` are the
/// objects as they would be, each beside the one that runs, the `StatefulSet` first, with the server's defaults in
/// both. `as_read` is the running one as it was read, with its managed fields.
pub(super) fn note(pairs: &[(Value, Option<Value>)], as_read: Option<&Value>, objects: &Objects) -> Option<String> {
    let ((object, live), others) = pairs.split_first()?;
    let mut there = from(live.as_ref()?)?;
    there.metadata.managed_fields = as_read.and_then(from).and_then(|set| set.metadata.managed_fields);
    let fixed = immutable(&there, &objects.clone().closest_to(&there).stateful_set);
    if !fixed.is_empty() {
        return Some(format!(
            "A create leaves the service that runs as it is, and so does an update: Kubernetes does not change {} of an \
             existing StatefulSet.",
            fixed.join(" and ")
        ));
    }
    let (mut noted, replaces) = foreseen(&ConfiguredReplicas::of(&objects.stateful_set), &there, &from(object)?);
    for (object, live) in others {
        let of_object = live.as_ref().map(|live| changes(live, object)).unwrap_or_default();
        for change in of_object {
            if !noted.contains(&change) {
                noted.push(change);
            }
        }
    }
    if noted.is_empty() {
        return None;
    }
    let noted = noted.join(", ");
    let pods = if replaces {
        "replaces its pods"
    } else {
        "leaves its pods as they are"
    };
    Some(format!(
        "A create leaves the service that runs as it is; an update (`dataservice update`) \
         changes it, and {pods}: {noted}."
    ))
}

fn from(object: &Value) -> Option<StatefulSet> {
    serde_json::from_value(object.clone()).ok()
}
