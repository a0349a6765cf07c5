//! The `PodDisruptionBudget`, which keeps a drained node from taking too many pods at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::metadata::metadata;
use crate::config::DataServiceSpec;
use crate::identity::labels::selector;
use crate::identity::owner::Identity;

/// Makes the `PodDisruptionBudget` of a service, if it asks for one.
pub(super) fn pod_disruption_budget(spec: &DataServiceSpec, identity: &Identity) -> Option<PodDisruptionBudget> {
    let budget = spec.pod_disruption_budget.as_ref()?;
    Some(PodDisruptionBudget {
        metadata: metadata(spec, identity),
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
