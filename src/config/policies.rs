//! The fields `PodDisruptionBudget` and `NetworkPolicy`: objects beside the service that protect it.

use k8s_openapi::api::networking::v1::NetworkPolicySpec;
use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use serde::{Deserialize, Deserializer, Serialize};

use super::shorthand::{Shorthand, shorthand, unless_empty};
use crate::error::{Error, Result};

/// The allowed traffic from and to the pods.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum NetworkPolicy {
    /// Pods of the same Flyte project and domain, each other, and the cluster's DNS.
    Project,
    /// As written, in Kubernetes's own schema.
    Said(Box<NetworkPolicySpec>),
}

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenPolicies {
    /// How many pods may be away at once when nodes are drained: `maxUnavailable` or `minAvailable`, a number or a
    /// percentage. Default: as many as the drain takes.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    pub(super) pod_disruption_budget: Option<PodDisruptionBudgetSpec>,
    /// `true` lets in, and out, pods of the same Flyte project and domain, the service's own, and DNS; otherwise
    /// Kubernetes's NetworkPolicySpec without `podSelector`. Default: everybody.
    pub(super) network_policy: Option<WrittenPolicy>,
}

/// A network policy as it is written.
pub(super) enum WrittenPolicy {
    Project(bool),
    Said(Box<NetworkPolicySpec>),
}

impl Shorthand for WrittenPolicy {
    type Full = NetworkPolicySpec;
    const EXPECTED: &'static str =
        "must be true, which lets in the pods of the same Flyte project, or Kubernetes's NetworkPolicySpec.";

    fn from_full(full: NetworkPolicySpec) -> Self {
        Self::Said(Box::new(full))
    }

    fn from_flag(flag: bool) -> Option<Self> {
        Some(Self::Project(flag))
    }
}

impl<'de> Deserialize<'de> for WrittenPolicy {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        shorthand(reader)
    }
}

/// Checks the field `PodDisruptionBudget`.
pub(super) fn disruption_budget(budget: Option<PodDisruptionBudgetSpec>) -> Result<Option<PodDisruptionBudgetSpec>> {
    const FIELD: &str = "PodDisruptionBudget";
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

/// Checks the field `NetworkPolicy`.
pub(super) fn network_policy(written: Option<WrittenPolicy>) -> Result<Option<NetworkPolicy>> {
    match written {
        None | Some(WrittenPolicy::Project(false)) => Ok(None),
        Some(WrittenPolicy::Project(true)) => Ok(Some(NetworkPolicy::Project)),
        Some(WrittenPolicy::Said(policy)) if policy.pod_selector.is_some() => {
            Err(not_said("NetworkPolicy", "podSelector"))
        }
        Some(WrittenPolicy::Said(policy)) => Ok(Some(NetworkPolicy::Said(policy))),
    }
}

fn not_said(field: &str, key: &str) -> Error {
    Error::invalid(
        format!("{field}.{key}"),
        "must be left out: it is always the service's own pods.",
    )
}
