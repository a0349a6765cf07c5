//! Which pods a rule of a pod speaks of.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

/// A selector as the scheduler reads it: one that is absent, or that cannot be read, selects nothing.
pub(super) fn read(selector: Option<&LabelSelector>) -> Option<Selector> {
    selector.and_then(|selector| Selector::try_from(selector.clone()).ok())
}

/// Whether a selector selects a pod by its labels.
pub(super) fn selects(selector: Option<&Selector>, pod: &Pod) -> bool {
    let none = BTreeMap::new();
    let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
    selector.is_some_and(|selector| selector.matches(labels))
}

/// A pod's namespace.
pub(super) fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or_default()
}
