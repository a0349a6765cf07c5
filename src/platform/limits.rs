//! What is refused: more than the platform allows, whatever field of the configuration it came from.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use serde_json::Value;

use super::amount::Amount;
use super::fields::{fields, inside};
use super::images::Registries;
use super::pods::{Side, amount, pod_of};
use super::volumes::HostPaths;
use super::{Platform, metadata, security};
use crate::error::{Error, Result};
use crate::manifests::Origins;
use crate::quantity::{Amounts, flyte_name, from_flyte_with_zeros};
use crate::wording::shown;

/// The most that a service may have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Limits {
    replicas: Option<i32>,
    per_pod: Amounts,
    total: Amounts,
    registries: Registries,
    host_paths: HostPaths,
}

const KEYS: [&str; 5] = ["replicas", "perPod", "total", "imageRegistries", "hostPaths"];

/// Both sides of a container's resources, and the field of each.
const SIDES: [(&str, Side); 2] = [("Requests", requests), ("Limits", limits)];

fn requests(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.requests.as_ref()
}

fn limits(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.limits.as_ref()
}

impl Limits {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let mut limits = Self::default();
        for (key, value) in fields(path, value, &KEYS)? {
            let path = inside(path, key);
            match key {
                "replicas" => limits.replicas = Some(replicas(&path, value)?),
                "perPod" => limits.per_pod = from_flyte_with_zeros(&path, value)?,
                "total" => limits.total = from_flyte_with_zeros(&path, value)?,
                "imageRegistries" => limits.registries = Registries::parse(&path, value)?,
                _ => limits.host_paths = HostPaths::parse(&path, value)?,
            }
        }
        Ok(limits)
    }

    /// The most that a pod may have.
    pub(super) fn per_pod(&self) -> &Amounts {
        &self.per_pod
    }
}

fn replicas(path: &str, value: &Value) -> Result<i32> {
    let whole = value.as_i64().and_then(|replicas| i32::try_from(replicas).ok());
    whole.filter(|replicas| *replicas >= 0).ok_or_else(|| {
        let words = format!("is {}, but must be a whole number, 0 or more.", shown(value));
        Error::invalid(path, words)
    })
}

impl Platform {
    /// Checks a finished `StatefulSet`, and the configuration that it was made from, against what the platform allows.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that says which field exceeds which limit, and who set it.
    pub fn check(&self, stateful_set: &StatefulSet, config: &Value) -> Result<()> {
        let replicas = stateful_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        if let Some(most) = self.limits.replicas.filter(|most| replicas > *most) {
            return Err(self.exceeds("Replicas", &replicas, &most, "", "limits.replicas"));
        }
        let Some(pod) = pod_of(stateful_set) else { return Ok(()) };
        self.check_amounts(pod, replicas)?;
        metadata::check(stateful_set, &self.forced, &self.sources)?;
        self.check_containers(pod).map_err(|error| {
            let origins = Origins::new(config, stateful_set);
            error.with_fields(|field| origins.field("StatefulSet", field))
        })
    }

    /// Checks what is in a pod; an error names the place in the `StatefulSet`.
    fn check_containers(&self, pod: &PodSpec) -> Result<()> {
        self.limits.registries.check(pod, &self.sources)?;
        self.limits.host_paths.check(pod, &self.sources)?;
        security::check(pod, &self.forced, &self.sources)?;
        security::check_root(pod, &self.forced, &self.sources)
    }

    fn check_amounts(&self, pod: &PodSpec, replicas: i32) -> Result<()> {
        for (field, side) in SIDES {
            for (resource, most) in &self.limits.per_pod {
                let amount = amount(pod, self.gpu.in_pods(resource), side);
                if amount > Amount::from(most) {
                    let name = flyte_name(resource);
                    let setting = format!("limits.perPod.{name}");
                    return Err(self.exceeds(&format!("{field}.{name}"), &amount, &most.0, " in each pod", &setting));
                }
            }
            for (resource, most) in &self.limits.total {
                let amount = amount(pod, self.gpu.in_pods(resource), side);
                let total = amount * replicas;
                if total > Amount::from(most) {
                    let name = flyte_name(resource);
                    let sum = format!("{amount} in each of {replicas} pods, together {total}");
                    let setting = format!("limits.total.{name}");
                    return Err(self.exceeds(&format!("{field}.{name}"), &sum, &most.0, "", &setting));
                }
            }
        }
        Ok(())
    }

    fn exceeds(
        &self,
        field: &str,
        is: &dyn std::fmt::Display,
        most: &dyn std::fmt::Display,
        place: &str,
        setting: &str,
    ) -> Error {
        Error::invalid(
            field,
            format!(
                "is {is}{place}, more than the {most} that the platform's settings allow as {setting}{}.",
                self.sources.suffix(setting)
            ),
        )
    }
}
