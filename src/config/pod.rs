//! The fields about the pod as a whole: its placement, its user and its volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, PodDNSConfig, PodSecurityContext, PodSpec, PodTemplateSpec, Toleration,
    TopologySpreadConstraint, Volume,
};
use serde::Deserialize;

use super::accelerator::WrittenAccelerator;
use super::checks::{all, check_name_of};
use super::container::some;
use super::later::Later;
use super::metadata::{check_key, check_value};
use super::shorthand::unless_empty;
use super::words::{Count, enumeration};
use crate::error::{Error, Result};
use crate::text::shortened;

enumeration!(
    /// How pods resolve names.
    DnsPolicy: ClusterFirst, ClusterFirstWithHostNet, Default, None
);

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenPod {
    /// Labels that a node must have. Default: none.
    #[serde(deserialize_with = "unless_empty")]
    node_selector: Option<BTreeMap<String, String>>,
    /// Taints that do not keep the pods from a node, in the words of Kubernetes's Toleration. Default: none.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::KubernetesObject>"))]
    tolerations: Vec<Later<Toleration>>,
    /// Nodes and pods to be near to, or away from: Kubernetes's Affinity. Pods are the service's own where no
    /// `labelSelector` is given. Default: none.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    affinity: Option<Affinity>,
    /// How evenly the pods are spread over the values of a node's label. `maxSkew` is by default 1, `whenUnsatisfiable`
    /// `DoNotSchedule`, and the pods are the service's own. Default: none.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::KubernetesObject>"))]
    topology_spread_constraints: Vec<Later<TopologySpreadConstraint>>,
    /// The name of the pods' PriorityClass. Default: the cluster's.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "maxLength" = 253)))]
    priority_class: Option<String>,
    /// The name of the pods' RuntimeClass. Default: the node's.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "maxLength" = 253)))]
    runtime_class: Option<String>,
    /// The kind of GPU, as the nodes' label names it. It says which GPU, not how many. Default: any.
    pub(super) accelerator: Option<WrittenAccelerator>,
    /// The account that the pods act as, whose token they get. Default: the namespace's default account, without its
    /// token.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "maxLength" = 253)))]
    service_account: Option<String>,
    /// The user, the group and other security settings of the pods: Kubernetes's PodSecurityContext, merged over user
    /// and group 1001, not root, and the runtime's seccomp profile.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    pod_security_context: Option<PodSecurityContext>,
    /// The names of Secrets, in the service's namespace, with the credentials of registries. Default: none.
    image_pull_secrets: Vec<Later<String>>,
    /// How the pods resolve names. Default: `ClusterFirst`.
    #[cfg_attr(test, schemars(extend("default" = "ClusterFirst")))]
    dns_policy: Option<DnsPolicy>,
    /// Name servers, search domains and options, in the words of Kubernetes's PodDNSConfig. Default: none.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    dns_config: Option<PodDNSConfig>,
    /// How many seconds a pod has to stop before it is killed. Default: Kubernetes's, 30.
    #[cfg_attr(test, schemars(extend("default" = 30)))]
    termination_grace_period_seconds: Option<Count<i64>>,
    /// Settings without a field of their own: Kubernetes's PodTemplateSpec, over which the fields are merged. The
    /// service's own container is the one called `primary`, or as `primaryContainerName` says. Default: none.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Template>"))]
    pub(super) pod_template: Option<Later<PodTemplateSpec>>,
}

/// The fields of the pod, without its containers.
pub(super) fn pod(written: WrittenPod, volumes: Vec<Volume>) -> Result<PodSpec> {
    Ok(PodSpec {
        affinity: written.affinity,
        dns_config: written.dns_config,
        dns_policy: written.dns_policy.map(|policy| policy.as_str().to_owned()),
        image_pull_secrets: some(pull_secrets(&written.image_pull_secrets)?),
        node_selector: node_selector(written.node_selector)?,
        priority_class_name: named("PriorityClass", written.priority_class)?,
        runtime_class_name: named("RuntimeClass", written.runtime_class)?,
        security_context: written.pod_security_context,
        service_account_name: named("ServiceAccount", written.service_account)?,
        termination_grace_period_seconds: written.termination_grace_period_seconds.map(|Count(seconds)| seconds),
        tolerations: some(tolerations(&written.tolerations)?),
        topology_spread_constraints: some(spread(&written.topology_spread_constraints)?),
        volumes: some(volumes),
        ..PodSpec::default()
    })
}

/// The name of an object of the kind that the field is called after.
fn named(field: &str, name: Option<String>) -> Result<Option<String>> {
    if let Some(name) = &name {
        check_name_of(field, field, name)?;
    }
    Ok(name)
}

fn pull_secrets(written: &[Later<String>]) -> Result<Vec<LocalObjectReference>> {
    let secret = |(index, name): (usize, &Later<String>)| {
        let path = format!("ImagePullSecrets[{index}]");
        let name = name.read(&path)?;
        check_name_of("Secret", &path, &name)?;
        Ok(LocalObjectReference { name })
    };
    all(written.iter().enumerate().map(secret))
}

fn node_selector(selector: Option<BTreeMap<String, String>>) -> Result<Option<BTreeMap<String, String>>> {
    const FIELD: &str = "NodeSelector";
    all(selector.iter().flatten().map(|(key, value)| {
        let path = format!("{FIELD}.{}", shortened(key));
        check_key(&path, key)?;
        check_value(&path, value)
    }))?;
    Ok(selector)
}

fn tolerations(written: &[Later<Toleration>]) -> Result<Vec<Toleration>> {
    let toleration = |(index, toleration): (usize, &Later<Toleration>)| {
        let path = format!("Tolerations[{index}]");
        let toleration = toleration.read(&path)?;
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
    all(written.iter().enumerate().map(toleration))
}

fn spread(written: &[Later<TopologySpreadConstraint>]) -> Result<Vec<TopologySpreadConstraint>> {
    let constraint = |(index, constraint): (usize, &Later<TopologySpreadConstraint>)| {
        let path = format!("TopologySpreadConstraints[{index}]");
        let mut constraint = constraint.read(&path)?;
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
    all(written.iter().enumerate().map(constraint))
}
