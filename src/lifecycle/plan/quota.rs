//! Whether the namespace's quotas have room for all pods. The API server is only asked about one.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodSpec, ResourceQuota, ScopedResourceSelectorRequirement};

use super::findings::{Answer, answer};
use super::{Findings, Problem};
use crate::cluster::Inspect;
use crate::lifecycle::retry::{Deadline, Step, retry};
use crate::origins::Origins;
use crate::resources::pod::{Requests, said};
use crate::resources::quantity::{ONE, billionths};

/// The quotas, if they could be read.
pub(super) type Quotas = Answer<Vec<ResourceQuota>>;

/// Reads the quotas of a namespace.
pub(super) async fn read<A: Inspect>(api: &A, namespace: &str, deadline: Deadline) -> Quotas {
    let step = Step::new::<ResourceQuota>("list", namespace, "").optional();
    let quotas = retry(deadline, &step, || api.list::<ResourceQuota>(namespace, "", "")).await;
    answer(&step, quotas)
}

/// The resources of which the quotas have too little for so many pods.
pub(super) fn short(
    quotas: Quotas,
    namespace: &str,
    stateful_set: &StatefulSet,
    pod: &Pod,
    replicas: u32,
    origins: &Origins,
) -> Findings {
    let quotas = match quotas {
        Ok(quotas) => quotas,
        Err(why) => {
            let what = format!("whether the quotas of namespace {namespace} have room for all pods");
            return Findings::note(why.note(&what, "list resourcequotas"));
        }
    };
    let Some(spec) = &pod.spec else {
        return Findings::default();
    };
    let of_pod = amounts_of(spec);
    let of_claims = claims_of(stateful_set);
    let problems = quotas.iter().flat_map(|quota| {
        let of_pod = applies(quota, spec).then_some(&of_pod);
        // A quota with scopes counts pods alone.
        let of_claims = is_unscoped(quota).then_some(&of_claims);
        let needs = of_pod.into_iter().chain(of_claims).flatten();
        needs.filter_map(|(resource, &one)| {
            let left = left(quota, resource)?;
            let all = one.saturating_mul(i128::from(replicas));
            (all > left && replicas > 0).then(|| problem(quota, resource, one, all, left, replicas, origins))
        })
    });
    Findings::of(problems)
}

fn problem(
    quota: &ResourceQuota,
    resource: &str,
    one: i128,
    all: i128,
    left: i128,
    replicas: u32,
    origins: &Origins,
) -> Problem {
    let pods = if replicas == 1 {
        "1 pod needs".to_owned()
    } else {
        format!("{replicas} pods need")
    };
    Problem {
        // Where one pod fits, there are too many.
        path: if one > left {
            origins.of_amount(resource)
        } else {
            origins.of_amount("pods")
        },
        message: format!(
            "ResourceQuota {} of namespace {} leaves {} of {resource}, and the service's {pods} {}. Ask for less, or have the \
             quota raised.",
            quota.metadata.name.as_deref().unwrap_or_default(),
            quota.metadata.namespace.as_deref().unwrap_or_default(),
            written(left.max(0)),
            written(all),
        ),
    }
}

/// An amount as people write it.
fn written(billionths: i128) -> String {
    let units = [("Gi", ONE << 30), ("Mi", ONE << 20), ("", ONE), ("m", ONE / 1000)];
    let unit = units
        .into_iter()
        .find(|(_, unit)| billionths % unit == 0 && billionths != 0);
    unit.map_or_else(
        || {
            if billionths == 0 {
                "0".to_owned()
            } else {
                format!("{billionths}n")
            }
        },
        |(suffix, unit)| format!("{}{suffix}", billionths / unit),
    )
}

/// How much of a resource a quota leaves, if it limits it.
fn left(quota: &ResourceQuota, resource: &str) -> Option<i128> {
    let status = quota.status.as_ref();
    let hard = status.and_then(|status| status.hard.as_ref());
    let hard = hard.or(quota.spec.as_ref()?.hard.as_ref())?.get(resource)?;
    let used = status.and_then(|status| status.used.as_ref()?.get(resource));
    let used = used.and_then(billionths).unwrap_or_default();
    Some(billionths(hard)? - used)
}

/// The usage of a pod, by all the names that quotas have for it.
fn amounts_of(pod: &PodSpec) -> BTreeMap<String, i128> {
    let mut counted = BTreeMap::from([("pods".to_owned(), ONE), ("count/pods".to_owned(), ONE)]);
    for (resource, amount) in said(pod, |side| side.requests.as_ref(), 0) {
        if ["cpu", "memory", "ephemeral-storage"].contains(&resource) {
            counted.insert(resource.to_owned(), amount);
        }
        counted.insert(format!("requests.{resource}"), amount);
    }
    for (resource, amount) in said(pod, |side| side.limits.as_ref(), 0) {
        counted.insert(format!("limits.{resource}"), amount);
    }
    counted
}

/// The usage of the claims of one pod.
fn claims_of(stateful_set: &StatefulSet) -> BTreeMap<String, i128> {
    let mut counted: BTreeMap<String, i128> = BTreeMap::new();
    let claims = stateful_set
        .spec
        .iter()
        .flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    for spec in claims.filter_map(|claim| claim.spec.as_ref()) {
        let requests = spec
            .resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref());
        let storage = requests
            .and_then(|requests| billionths(requests.get("storage")?))
            .unwrap_or_default();
        let mut add = |name: String, amount: i128| {
            let sum = counted.remove(&name).unwrap_or_default();
            counted.insert(name, sum + amount);
        };
        add("persistentvolumeclaims".to_owned(), ONE);
        add("count/persistentvolumeclaims".to_owned(), ONE);
        add("requests.storage".to_owned(), storage);
        if let Some(class) = &spec.storage_class_name {
            let class = format!("{class}.storageclass.storage.k8s.io");
            add(format!("{class}/persistentvolumeclaims"), ONE);
            add(format!("{class}/requests.storage"), storage);
        }
    }
    counted
}

fn is_unscoped(quota: &ResourceQuota) -> bool {
    let spec = quota.spec.as_ref();
    spec.is_none_or(|spec| spec.scopes.as_ref().is_none_or(Vec::is_empty) && spec.scope_selector.is_none())
}

/// Whether a quota counts such a pod. One with a scope that is not known is left to the API server.
fn applies(quota: &ResourceQuota, pod: &PodSpec) -> bool {
    let Some(spec) = &quota.spec else { return true };
    let scopes = spec.scopes.iter().flatten().map(|scope| in_scope(scope, None, pod));
    let selector = spec
        .scope_selector
        .iter()
        .flat_map(|selector| selector.match_expressions.iter().flatten());
    scopes
        .chain(selector.map(|rule| in_scope(&rule.scope_name, Some(rule), pod)))
        .all(|applies| applies)
}

fn in_scope(scope: &str, rule: Option<&ScopedResourceSelectorRequirement>, pod: &PodSpec) -> bool {
    let ends = pod.active_deadline_seconds.is_some();
    match scope {
        "Terminating" => ends,
        "NotTerminating" => !ends,
        "BestEffort" => asks_for_nothing(pod),
        "NotBestEffort" => !asks_for_nothing(pod),
        "PriorityClass" => {
            let class = pod.priority_class_name.as_deref().unwrap_or_default();
            let listed = rule.is_some_and(|rule| rule.values.iter().flatten().any(|value| value == class));
            match rule.map(|rule| rule.operator.as_str()) {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("DoesNotExist") => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        _ => false,
    }
}

fn asks_for_nothing(pod: &PodSpec) -> bool {
    let basic = |amounts: Requests<'_>| amounts.keys().any(|name| ["cpu", "memory"].contains(name));
    !basic(said(pod, |side| side.requests.as_ref(), 0)) && !basic(said(pod, |side| side.limits.as_ref(), 0))
}

#[cfg(test)]
mod tests;
