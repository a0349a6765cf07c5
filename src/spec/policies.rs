//! The fields `PodDisruptionBudget` and `NetworkPolicy`: objects beside the service that protect it.

use k8s_openapi::api::networking::v1::NetworkPolicySpec;
use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use serde::Serialize;
use serde_json::Value;

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::strict;

/// Who may talk to the pods, and to whom they may.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum NetworkPolicy {
    /// Pods of the same Flyte project and domain, each other, and the cluster's DNS.
    Project,
    /// As said, in Kubernetes's own words.
    Said(Box<NetworkPolicySpec>),
}

/// Reads the field `PodDisruptionBudget`.
pub(super) fn disruption_budget(fields: Fields<'_>) -> Result<Option<PodDisruptionBudgetSpec>> {
    const FIELD: &str = "PodDisruptionBudget";
    let budget: Option<PodDisruptionBudgetSpec> = fields.kubernetes(FIELD)?;
    let Some(budget) = budget else { return Ok(None) };
    if budget.selector.is_some() {
        return Err(not_said(FIELD, "selector"));
    }
    if budget.min_available.is_some() == budget.max_unavailable.is_some() {
        return Err(Error::invalid(
            FIELD,
            "must say either minAvailable or maxUnavailable, such as {\"maxUnavailable\": 1}.",
        ));
    }
    Ok(Some(budget))
}

/// Reads the field `NetworkPolicy`.
pub(super) fn network_policy(fields: Fields<'_>) -> Result<Option<NetworkPolicy>> {
    const FIELD: &str = "NetworkPolicy";
    match fields.given(FIELD) {
        None | Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(NetworkPolicy::Project)),
        Some(said @ Value::Object(_)) => {
            let policy: NetworkPolicySpec = strict::read(FIELD, said)?;
            if policy.pod_selector.is_some() {
                return Err(not_said(FIELD, "podSelector"));
            }
            Ok(Some(NetworkPolicy::Said(Box::new(policy))))
        }
        Some(_) => Err(Error::invalid(
            FIELD,
            "must be true, which lets in the pods of the same Flyte project, or Kubernetes's NetworkPolicySpec.",
        )),
    }
}

fn not_said(field: &str, key: &str) -> Error {
    Error::invalid(
        format!("{field}.{key}"),
        "must be left out: it is always the service's own pods.",
    )
}
