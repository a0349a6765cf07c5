//! The `PodDisruptionBudget`, which keeps a drained node from taking too many pods at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::owned_metadata;
use crate::names::selector;
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// Makes the `PodDisruptionBudget` of a service, if it asks for one. It is owned as the Service is.
#[must_use]
pub fn pod_disruption_budget(
    spec: &DataServiceSpec,
    identity: &Identity,
    stateful_set_uid: Option<&str>,
) -> Option<PodDisruptionBudget> {
    let budget = spec.pod_disruption_budget.as_ref()?;
    Some(PodDisruptionBudget {
        metadata: owned_metadata(spec, identity, stateful_set_uid),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(LabelSelector {
                match_labels: Some(selector(&identity.name)),
                ..LabelSelector::default()
            }),
            ..budget.clone()
        }),
        status: None,
    })
}
