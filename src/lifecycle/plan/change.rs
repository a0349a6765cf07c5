//! What an update would make of a service that runs as another configuration says.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use crate::lifecycle::update::closest;
use crate::manifests::{changes, fixed, replaces_pods};
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// Tells what a create leaves as it is and an update would change, if anything. The objects stand beside those that run, the
/// `StatefulSet` first, with the server's defaults in both.
pub(super) fn note(objects: &[(Value, Option<Value>)], spec: &DataServiceSpec, identity: &Identity) -> Option<String> {
    let (object, live) = objects.first()?;
    let there = from(live.as_ref()?)?;
    let fixed = fixed(&there, &closest(spec, identity, &there));
    if !fixed.is_empty() {
        return Some(format!(
            "A create leaves the service that runs as it is, and so does an update: Kubernetes does not change {} of a \
             StatefulSet that is there.",
            fixed.join(" and ")
        ));
    }
    let mut told = Vec::new();
    for (object, live) in objects {
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
    let pods = if replaces_pods(&there, &from(object)?) {
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
