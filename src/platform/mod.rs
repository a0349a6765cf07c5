//! What the platform decides for all services: its settings, what they fill in, what they force and what they refuse.

mod amount;
mod clusters;
mod defaults;
mod fields;
mod forced;
mod gpu;
mod grace;
mod images;
mod layer;
mod limits;
mod metadata;
mod namespaces;
mod pods;
mod resolve;
mod resources;
mod security;
mod sources;
mod volumes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use clusters::ClusterSettings;
pub use gpu::GpuNames;
pub use sources::Sources;

use crate::error::{Error, Result};
use crate::spec::DataServiceSpec;
use crate::status::diagnosis::GracePeriods;
use fields::{fields, seconds, seconds_within, whole};
use layer::Layer;
use limits::Limits;
use namespaces::Namespaces;

/// For how long a pod has to stand, in seconds, before it counts as ready: one without a readiness probe is Ready the
/// instant its process starts, also one that exits half a second later.
pub const DEFAULT_MIN_READY_SECONDS: i32 = 3;

/// For how long a service that has failed may be kept at most, in days.
const LONGEST_KEPT: u32 = 30;

/// How long a create may try. Flyte waits 10 s for the answer unless it is configured otherwise, and part of that passes before
/// the connector begins and after it has ended.
const DEFAULT_CREATE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a create may try at most, which is as long as the API server itself tries.
const LONGEST_CREATE_TIMEOUT: Duration = Duration::from_mins(1);

/// The settings there are. `keepFailed` and `logLinks` are followed outside of the core.
const SETTINGS: [&str; 12] = [
    "namespace",
    "allowedNamespaces",
    "clusters",
    "minReadySeconds",
    "keepFailed",
    "createTimeout",
    "gracePeriods",
    "logLinks",
    "gpu",
    "defaults",
    "forced",
    "limits",
];

/// The settings of the platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// For how many seconds a pod has to stand before it counts as ready.
    pub min_ready_seconds: i32,
    /// How long causes may take to pass, where that is not left to [`crate::status::diagnosis::Cause::fails`].
    pub grace_periods: GracePeriods,
    /// How long a create may try.
    pub create_timeout: Duration,
    /// What GPUs are called.
    pub gpu: GpuNames,
    /// The clusters by their names. Where there are any, `Cluster` must be one of them.
    pub clusters: BTreeMap<String, ClusterSettings>,
    namespaces: Namespaces,
    defaults: Layer,
    forced: Layer,
    limits: Limits,
    sources: Sources,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            min_ready_seconds: DEFAULT_MIN_READY_SECONDS,
            grace_periods: GracePeriods::default(),
            create_timeout: DEFAULT_CREATE_TIMEOUT,
            gpu: GpuNames::default(),
            clusters: BTreeMap::new(),
            namespaces: Namespaces::default(),
            defaults: Layer::default(),
            forced: Layer::default(),
            limits: Limits::default(),
            sources: Sources::default(),
        }
    }
}

fn create_timeout(path: &str, value: &Value) -> Result<Duration> {
    let timeout = Duration::from_secs_f64(seconds(path, value)?);
    if timeout.is_zero() || timeout > LONGEST_CREATE_TIMEOUT {
        let words = format!(
            "is {} s, but must be more than 0 s and at most 60 s.",
            timeout.as_secs_f64()
        );
        return Err(Error::invalid(path, words));
    }
    Ok(timeout)
}

impl Platform {
    /// Reads the settings. `sources` says where they come from, for the errors of those who do not follow them.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the first setting at fault.
    pub fn parse(settings: &Value, sources: Sources) -> Result<Self> {
        let mut platform = Self {
            sources,
            ..Self::default()
        };
        let mut own_namespace = None;
        for (key, value) in fields("", settings, &SETTINGS)? {
            match key {
                "namespace" => own_namespace = Some(namespaces::name(key, value)?),
                "allowedNamespaces" => platform.namespaces = Namespaces::parse(key, value)?,
                "clusters" => platform.clusters = clusters::parse(key, value)?,
                // Followed outside of the core; a moment that is too far away cannot be written on a service.
                "keepFailed" => drop(seconds_within(key, value, LONGEST_KEPT)?),
                "minReadySeconds" => platform.min_ready_seconds = whole(key, value)?,
                "gracePeriods" => platform.grace_periods = grace::parse(key, value)?,
                "createTimeout" => platform.create_timeout = create_timeout(key, value)?,
                "gpu" => platform.gpu = GpuNames::parse(key, value)?,
                "defaults" => platform.defaults = Layer::parse(key, value)?,
                "forced" => platform.forced = Layer::parse(key, value)?,
                "limits" => platform.limits = Limits::parse(key, value)?,
                _ => {}
            }
        }
        let of_clusters = platform.clusters.iter().filter_map(|(name, cluster)| {
            let namespace = cluster.namespace.as_deref()?;
            Some((format!("clusters.{name}.namespace"), namespace))
        });
        let own = own_namespace.iter().map(|name| ("namespace".to_owned(), name.as_str()));
        for (path, namespace) in of_clusters.chain(own) {
            if !platform.namespaces.allow(namespace) {
                let words = format!(
                    "is {namespace}, which allowedNamespaces does not have: {}.",
                    platform.namespaces
                );
                return Err(Error::invalid(path, words));
            }
        }
        Ok(platform)
    }

    /// Fills in what is the platform's alone to say.
    #[must_use]
    fn apply(&self, spec: DataServiceSpec) -> DataServiceSpec {
        DataServiceSpec {
            min_ready_seconds: spec.own_min_ready_seconds.unwrap_or(self.min_ready_seconds),
            requests: self.gpu.renamed(spec.requests),
            limits: self.gpu.renamed(spec.limits),
            gpu: self.gpu.clone(),
            ..spec
        }
    }
}
