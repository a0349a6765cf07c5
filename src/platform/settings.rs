//! The settings of the platform, read once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::clusters::{self, ClusterSettings};
use super::limits::Limits;
use super::namespaces::{self, Namespaces};
use super::overrides::Overrides;
use super::reader::{boolean, fields, seconds, seconds_within, whole};
use super::receipts::Receipts;
use super::sources::Sources;
use super::{gpu, grace};
use crate::config::lifetime::Lifetime;
use crate::config::{DEFAULT_MIN_READY_SECONDS, DataServiceSpec, GpuNames};
use crate::error::{Error, Result};
use crate::status::diagnosis::GracePeriods;

/// For how long a service that has failed may be kept at most, in days.
const LONGEST_KEPT: u32 = 30;

/// How long a create may try. Flyte waits 10 s for the answer unless it is configured otherwise, and part of that
/// passes before the connector begins and after it has ended.
const DEFAULT_CREATE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a create may try at most, which is as long as the API server itself tries.
const LONGEST_CREATE_TIMEOUT: Duration = Duration::from_mins(1);

/// The settings there are. `keepFailed` and `logLinks` are followed outside of the core.
const SETTINGS: [&str; 14] = [
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
    "receipts",
    "ownerReferences",
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
    /// The names of GPUs.
    pub gpu: GpuNames,
    /// Which receipts of services that have ended are kept.
    pub receipts: Receipts,
    /// Whether a service that one run uses is owned by its run, so that Kubernetes itself deletes it with the run.
    pub owner_references: bool,
    /// The clusters by their names. Where there are any, `Cluster` must be one of them.
    pub clusters: BTreeMap<String, ClusterSettings>,
    pub(super) namespaces: Namespaces,
    pub(super) defaults: Overrides,
    pub(super) forced: Overrides,
    pub(super) limits: Limits,
    pub(super) sources: Sources,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            min_ready_seconds: DEFAULT_MIN_READY_SECONDS,
            grace_periods: GracePeriods::default(),
            create_timeout: DEFAULT_CREATE_TIMEOUT,
            gpu: GpuNames::default(),
            receipts: Receipts::default(),
            owner_references: false,
            clusters: BTreeMap::new(),
            namespaces: Namespaces::default(),
            defaults: Overrides::default(),
            forced: Overrides::default(),
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
    /// Reads the settings. `sources` has their sources, for error messages.
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
                "namespace" => own_namespace = Some(namespaces::template(key, value)?),
                "allowedNamespaces" => platform.namespaces = Namespaces::parse(key, value)?,
                "clusters" => platform.clusters = clusters::parse(key, value)?,
                // Followed outside of the core; a moment that is too far away cannot be written on a service.
                "keepFailed" => drop(seconds_within(key, value, LONGEST_KEPT)?),
                "minReadySeconds" => platform.min_ready_seconds = whole(key, value)?,
                "gracePeriods" => platform.grace_periods = grace::parse(key, value)?,
                "createTimeout" => platform.create_timeout = create_timeout(key, value)?,
                "gpu" => platform.gpu = gpu::parse(key, value)?,
                "defaults" => platform.defaults = Overrides::parse(key, value)?,
                "forced" => platform.forced = Overrides::parse(key, value)?,
                "receipts" => platform.receipts = Receipts::parse(key, value)?,
                "ownerReferences" => platform.owner_references = boolean(key, value)?,
                "limits" => platform.limits = Limits::parse(key, value)?,
                _ => {}
            }
        }
        let of_clusters = platform.clusters.iter().filter_map(|(name, cluster)| {
            let namespace = cluster.namespace.as_ref()?;
            Some((format!("clusters.{name}.namespace"), namespace))
        });
        let own = own_namespace.iter().map(|name| ("namespace".to_owned(), name));
        for (path, namespace) in of_clusters.chain(own) {
            // Whether the name is allowed that a template gives is known when it is filled.
            let name = namespace.name().unwrap_or_default();
            if !name.is_empty() && !platform.namespaces.allow(name) {
                let words = format!(
                    "is {name}, which allowedNamespaces does not have: {}.",
                    platform.namespaces
                );
                return Err(Error::invalid(path, words));
            }
        }
        Ok(platform)
    }

    /// Fills in the values that only the platform sets.
    #[must_use]
    pub(super) fn apply(&self, spec: DataServiceSpec) -> DataServiceSpec {
        DataServiceSpec {
            min_ready_seconds: spec.own_min_ready_seconds.unwrap_or(self.min_ready_seconds),
            requests: self.gpu.renamed(spec.requests),
            limits: self.gpu.renamed(spec.limits),
            gpu: self.gpu.clone(),
            lifetime: Lifetime {
                ttl: spec.lifetime.ttl.or(self.limits.max_ttl),
                ..spec.lifetime
            },
            ..spec
        }
    }
}
