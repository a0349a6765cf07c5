//! Defaults for the user's placement of the pods.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSpec, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::config::{Accelerator, GpuNames};
use crate::identity::labels::instance;

/// Selects the service's own pods in an anti-affinity or a spread constraint of the user that has no selector.
///
/// The selector is part of the pods: another one would replace the pods of every service that runs.
pub(super) fn add_selectors(pod: &mut PodSpec, name: &str) {
    let own = || LabelSelector {
        match_labels: Some(instance(name)),
        ..LabelSelector::default()
    };
    for constraint in pod.topology_spread_constraints.iter_mut().flatten() {
        constraint.label_selector.get_or_insert_with(own);
    }
    for term in pod.affinity.iter_mut().flat_map(pod_terms) {
        term.label_selector.get_or_insert_with(own);
    }
}

/// The terms of an affinity that are about other pods.
fn pod_terms(affinity: &mut Affinity) -> Vec<&mut PodAffinityTerm> {
    let mut terms = Vec::new();
    if let Some(pods) = &mut affinity.pod_affinity {
        terms.extend(
            pods.required_during_scheduling_ignored_during_execution
                .iter_mut()
                .flatten(),
        );
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.iter_mut();
        terms.extend(preferred.flatten().map(|weighted| &mut weighted.pod_affinity_term));
    }
    if let Some(pods) = &mut affinity.pod_anti_affinity {
        terms.extend(
            pods.required_during_scheduling_ignored_during_execution
                .iter_mut()
                .flatten(),
        );
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.iter_mut();
        terms.extend(preferred.flatten().map(|weighted| &mut weighted.pod_affinity_term));
    }
    terms
}

/// Sends the pods to nodes with that kind of GPU, and lets them there, as Flyte does with its own tasks
/// (`flyteplugins`, `ApplyGPUNodeSelectors`): the nodes have a label and may have a taint, each of that device.
pub(super) fn require_accelerator(pod: &mut PodSpec, accelerator: &Accelerator, names: &GpuNames) {
    let partition = &names.partition_size_node_label;
    let mut wanted = vec![one_of(&names.device_node_label, &accelerator.device)];
    let mut tolerated = vec![equal(&names.device_node_label, &accelerator.device)];
    if let Some(size) = &accelerator.partition_size {
        wanted.push(one_of(partition, size));
        tolerated.push(equal(partition, size));
    } else if accelerator.unpartitioned == Some(true) {
        wanted.push(NodeSelectorRequirement {
            key: partition.clone(),
            operator: "DoesNotExist".to_owned(),
            values: None,
        });
    }
    let tolerations = pod.tolerations.get_or_insert_default();
    tolerated.retain(|toleration| !tolerations.contains(toleration));
    tolerations.extend(tolerated);
    let affinity = pod.affinity.get_or_insert_default();
    let nodes = affinity.node_affinity.get_or_insert_default();
    let required = nodes
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_default();
    if required.node_selector_terms.is_empty() {
        required.node_selector_terms.push(NodeSelectorTerm::default());
    }
    // A node has to suit one of the terms, so each of them has to ask for the device.
    for term in &mut required.node_selector_terms {
        term.match_expressions
            .get_or_insert_default()
            .extend(wanted.iter().cloned());
    }
}

fn one_of(label: &str, value: &str) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: label.to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![value.to_owned()]),
    }
}

fn equal(key: &str, value: &str) -> Toleration {
    Toleration {
        key: Some(key.to_owned()),
        operator: Some("Equal".to_owned()),
        value: Some(value.to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }
}
