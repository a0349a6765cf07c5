//! The fields that are about the pod as a whole: where it runs, as whom, and what it brings along.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, PodSpec, Toleration, TopologySpreadConstraint, Volume};
use serde_json::Value;

use super::container::some;
use super::fields::{Fields, all, check_name_of};
use super::metadata::{check_key, check_value};
use crate::error::{Error, Result};
use crate::strict;
use crate::wording::shortened;

/// What the fields say of the pod; its containers are said elsewhere.
pub(super) fn pod(fields: Fields<'_>, volumes: Vec<Volume>) -> Result<PodSpec> {
    Ok(PodSpec {
        affinity: fields.kubernetes("Affinity")?,
        dns_config: fields.kubernetes("DnsConfig")?,
        dns_policy: fields.one_of(
            "DnsPolicy",
            &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        )?,
        image_pull_secrets: some(pull_secrets(fields)?),
        node_selector: node_selector(fields)?,
        priority_class_name: fields.name_of("PriorityClass", "PriorityClass")?,
        runtime_class_name: fields.name_of("RuntimeClass", "RuntimeClass")?,
        security_context: fields.kubernetes("PodSecurityContext")?,
        service_account_name: fields.name_of("ServiceAccount", "ServiceAccount")?,
        termination_grace_period_seconds: fields.count("TerminationGracePeriodSeconds")?,
        tolerations: some(tolerations(fields)?),
        topology_spread_constraints: some(spread(fields)?),
        volumes: some(volumes),
        ..PodSpec::default()
    })
}

fn pull_secrets(fields: Fields<'_>) -> Result<Vec<LocalObjectReference>> {
    let secret = |(path, item): (String, &Value)| {
        let name: String = strict::read(&path, item)?;
        check_name_of("Secret", &path, &name)?;
        Ok(LocalObjectReference { name })
    };
    all(fields.items("ImagePullSecrets")?.into_iter().map(secret))
}

fn node_selector(fields: Fields<'_>) -> Result<Option<BTreeMap<String, String>>> {
    const FIELD: &str = "NodeSelector";
    let selector: Option<BTreeMap<String, String>> = fields.kubernetes(FIELD)?;
    for (key, value) in selector.iter().flatten() {
        let path = format!("{FIELD}.{}", shortened(key));
        check_key(&path, key)?;
        check_value(&path, value)?;
    }
    Ok(selector)
}

fn tolerations(fields: Fields<'_>) -> Result<Vec<Toleration>> {
    let toleration = |(path, item): (String, &Value)| {
        let toleration: Toleration = strict::read(&path, item)?;
        let operator = toleration.operator.as_deref().unwrap_or("Equal");
        if operator == "Exists" && toleration.value.as_deref().is_some_and(|value| !value.is_empty()) {
            return Err(Error::invalid(
                format!("{path}.value"),
                "must be left out where the operator is Exists, which any value suits.",
            ));
        }
        if toleration.key.as_deref().unwrap_or_default().is_empty() && operator != "Exists" {
            return Err(Error::invalid(
                format!("{path}.key"),
                "is missing: name the taint's key, or say the operator Exists to tolerate every taint.",
            ));
        }
        Ok(toleration)
    };
    all(fields.items("Tolerations")?.into_iter().map(toleration))
}

fn spread(fields: Fields<'_>) -> Result<Vec<TopologySpreadConstraint>> {
    let constraint = |(path, item): (String, &Value)| {
        let mut constraint: TopologySpreadConstraint = strict::read(&path, item)?;
        if constraint.topology_key.is_empty() {
            return Err(Error::invalid(
                format!("{path}.topologyKey"),
                "is missing: name the nodes' label to spread over, such as \"topology.kubernetes.io/zone\".",
            ));
        }
        if constraint.max_skew == 0 {
            constraint.max_skew = 1;
        }
        if constraint.when_unsatisfiable.is_empty() {
            "DoNotSchedule".clone_into(&mut constraint.when_unsatisfiable);
        }
        Ok(constraint)
    };
    all(fields.items("TopologySpreadConstraints")?.into_iter().map(constraint))
}
