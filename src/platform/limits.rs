//! The most that the platform allows.

use serde_json::Value;

use super::images::Registries;
use super::reader::{fields, inside};
use super::volumes::HostPaths;
use crate::config::lifetime::Length;
use crate::error::{Error, Result};
use crate::resources::flyte::from_flyte_with_zeros;
use crate::resources::quantity::Amounts;
use crate::text::shown;

/// The most that a service may have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Limits {
    pub(super) replicas: Option<i32>,
    /// The most that a pod may have.
    pub(super) per_pod: Amounts,
    pub(super) total: Amounts,
    pub(super) registries: Registries,
    pub(super) host_paths: HostPaths,
    /// How long after its creation a service ends at the latest.
    pub(super) max_ttl: Option<Length>,
}

const KEYS: [&str; 6] = ["replicas", "perPod", "total", "imageRegistries", "hostPaths", "maxTtl"];

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
                "hostPaths" => limits.host_paths = HostPaths::parse(&path, value)?,
                _ => {
                    let parsed = Length::parse(value).map_err(|words| Error::invalid(&path, words))?;
                    limits.max_ttl = Some(parsed);
                }
            }
        }
        Ok(limits)
    }
}

fn replicas(path: &str, value: &Value) -> Result<i32> {
    let whole = value.as_i64().and_then(|replicas| i32::try_from(replicas).ok());
    whole.filter(|replicas| *replicas >= 0).ok_or_else(|| {
        let words = format!("is {}, but must be a whole number, 0 or more.", shown(value));
        Error::invalid(path, words)
    })
}
