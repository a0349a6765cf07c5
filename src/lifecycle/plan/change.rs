//! What an update would make of a service that runs as another configuration says.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use crate::lifecycle::scaling::foreseen;
use crate::lifecycle::update::closest;
use crate::manifests::{changes, fixed};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// Tells what a create leaves as it is and an update would change, if anything. The objects stand beside those that run, the
/// `StatefulSet` first, with the server's defaults in both. `as_read` is the one that runs as it was read, which says who has
/// written what.
pub(super) fn note(
    objects: &[(Value, Option<Value>)],
    as_read: Option<&Value>,
    spec: &DataServiceSpec,
    identity: &Identity,
) -> Option<String> {
    let ((object, live), others) = objects.split_first()?;
    let mut there = from(live.as_ref()?)?;
    there.metadata.managed_fields = as_read.and_then(from).and_then(|set| set.metadata.managed_fields);
    let fixed = fixed(&there, &closest(spec, identity, &there));
    if !fixed.is_empty() {
        return Some(format!(
            "A create leaves the service that runs as it is, and so does an update: Kubernetes does not change {} of a \
             StatefulSet that is there.",
            fixed.join(" and ")
        ));
    }
    let (mut told, replaces) = foreseen(spec, &there, &from(object)?);
    for (object, live) in others {
        let of_object = live.as_ref().map(|live| changes(live, object)).unwrap_or_default();
        for change in of_object {
            if !told.contains(&change) {
                told.push(change);
            }
        }
    }
    if told.is_empty() {
        return None;
    }
    let told = told.join(", ");
    let pods = if replaces {
        "replaces its pods"
    } else {
        "leaves its pods as they are"
    };
    Some(format!(
        "A create leaves the service that runs as it is; an update (`python -m flytekitplugins_k8sdataservice update`) \
         changes it, and {pods}: {told}."
    ))
}

fn from(object: &Value) -> Option<StatefulSet> {
    serde_json::from_value(object.clone()).ok()
}
