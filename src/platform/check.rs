//! Checks a service against the platform's limits, whichever fields of the configuration the values came from.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use serde_json::Value;

use super::pods::pod_of;
use super::settings::Platform;
use super::{metadata, security};
use crate::config::lifetime::Lifetime;
use crate::error::{Error, FieldFault, Result};
use crate::identity::labels::LIFETIME_ANNOTATION;
use crate::origins::Origins;
use crate::resources::amount::Amount;
use crate::resources::flyte::flyte_name;
use crate::resources::pod::{Side, said};
use crate::resources::quantity::{Amounts, MOST};

/// Both sides of a container's resources, and the field of each.
const SIDES: [(&str, Side); 2] = [("Requests", requests), ("Limits", limits)];

fn requests(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.requests.as_ref()
}

fn limits(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.limits.as_ref()
}

impl Platform {
    /// Checks a finished `StatefulSet`, and the configuration that it was made from, against what the platform allows.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names each field at fault once, the limit that it exceeds, and the source of the
    /// limit.
    pub fn check(&self, stateful_set: &StatefulSet, config: &Value) -> Result<()> {
        let replicas = stateful_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let mut faults = Vec::new();
        if let Some(most) = self.limits.replicas.filter(|most| replicas > *most) {
            faults.push(self.exceeds("Replicas", &replicas, &most, "", "limits.replicas"));
        }
        faults.extend(self.check_ttl(stateful_set));
        if let Some(pod) = pod_of(stateful_set) {
            faults.extend(self.check_amounts(pod, replicas));
            faults.extend(metadata::check(stateful_set, &self.forced, &self.sources));
            let in_pod = self.check_containers(pod);
            if !in_pod.is_empty() {
                let origins = Origins::new(config, stateful_set);
                faults.extend(in_pod.into_iter().map(|fault| FieldFault {
                    field: origins.field("StatefulSet", &fault.field),
                    ..fault
                }));
            }
        }
        let mut named = BTreeSet::new();
        faults.retain(|fault| named.insert(fault.field.clone()));
        Error::of_faults(faults).map_or(Ok(()), Err)
    }

    fn check_ttl(&self, stateful_set: &StatefulSet) -> Option<FieldFault> {
        let most = self.limits.max_ttl?;
        let annotations = stateful_set.metadata.annotations.as_ref();
        let written = annotations.and_then(|all| all.get(LIFETIME_ANNOTATION));
        let ttl = written.and_then(|text| Lifetime::from_annotation(text)?.ttl);
        let ttl = ttl.filter(|ttl| *ttl > most)?;
        Some(self.exceeds("Lifetime.ttl", &ttl, &most, "", "limits.maxTtl"))
    }

    /// Checks what is in a pod; a fault names the place in the `StatefulSet`.
    fn check_containers(&self, pod: &PodSpec) -> Vec<FieldFault> {
        [
            self.limits.registries.check(pod, &self.sources),
            self.limits.host_paths.check(pod, &self.sources),
            security::check(pod, &self.forced, &self.sources),
            security::check_root(pod, &self.forced, &self.sources),
        ]
        .concat()
    }

    fn check_amounts(&self, pod: &PodSpec, replicas: i32) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        for (field, side) in SIDES {
            let said = said(pod, side, MOST);
            let amount = |resource: &str| Amount(said.get(self.gpu.in_pods(resource)).copied().unwrap_or_default());
            for (resource, most) in &self.limits.per_pod {
                let amount = amount(resource);
                if amount > Amount::from(most) {
                    let name = flyte_name(resource);
                    let setting = format!("limits.perPod.{name}");
                    faults.push(self.exceeds(&format!("{field}.{name}"), &amount, &most.0, " in each pod", &setting));
                }
            }
            for (resource, most) in &self.limits.total {
                let amount = amount(resource);
                let total = amount * replicas;
                if total > Amount::from(most) {
                    let name = flyte_name(resource);
                    let sum = format!("{amount} in each of {replicas} pods, together {total}");
                    let setting = format!("limits.total.{name}");
                    faults.push(self.exceeds(&format!("{field}.{name}"), &sum, &most.0, "", &setting));
                }
            }
        }
        faults
    }

    fn exceeds(
        &self,
        field: &str,
        is: &dyn std::fmt::Display,
        most: &dyn std::fmt::Display,
        place: &str,
        setting: &str,
    ) -> FieldFault {
        FieldFault::new(
            field,
            format!(
                "is {is}{place}, more than the {most} that the platform's settings allow as {setting}{}.",
                self.sources.suffix(setting)
            ),
        )
    }
}
