//! The fields `Volumes`, `VolumeClaimTemplates` and `PersistentVolumeClaimRetentionPolicy`: storage of each pod's own.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checks::{all, check_label, check_name_of, check_unique};
use super::later::Later;
use super::shorthand::unless_empty;
use super::volumes::check_path;
use crate::error::{Error, Result};
use crate::resources::flyte;

/// A claim that each pod has one of, mounted into the service's container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimTemplate {
    /// Its name; the claim of a pod is called `<name>-<pod>`.
    pub name: String,
    /// Where it is mounted.
    pub mount_path: String,
    /// How much storage it asks for.
    pub size: Quantity,
    /// How it is mounted, by Kubernetes's names.
    pub access_modes: Vec<AccessMode>,
    /// Of which class; the cluster's default without.
    pub storage_class_name: Option<String>,
}

impl ClaimTemplate {
    /// How it is mounted into the service's container.
    #[must_use]
    pub fn mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.name.clone(),
            mount_path: self.mount_path.clone(),
            ..VolumeMount::default()
        }
    }
}

/// How a claim may be mounted (Kubernetes, *Persistent Volumes*, "Access Modes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum AccessMode {
    /// By the pods of one node.
    ReadWriteOnce,
    /// By many nodes, for reading.
    ReadOnlyMany,
    /// By many nodes.
    ReadWriteMany,
    /// By one pod.
    ReadWriteOncePod,
}

/// When claims are deleted with what they were made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// When the service is deleted.
    pub when_deleted: RetentionPolicy,
    /// When it gets fewer pods.
    pub when_scaled: RetentionPolicy,
}

/// Whether a claim is kept or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RetentionPolicy {
    /// It stays.
    Retain,
    /// It is deleted.
    Delete,
}

impl AccessMode {
    /// Its name in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }
}

impl RetentionPolicy {
    /// Its name in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retain => "Retain",
            Self::Delete => "Delete",
        }
    }
}

impl Default for Retention {
    /// Nothing is left behind by a service that is gone; one that only shrinks finds its data when it grows again.
    fn default() -> Self {
        Self {
            when_deleted: RetentionPolicy::Delete,
            when_scaled: RetentionPolicy::Retain,
        }
    }
}

/// The fields of storage as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenStorage {
    /// The volumes that are mounted into the service's container: each has a `name`, a `mountPath` and one place that
    /// it comes from, in the words of Kubernetes's Volume; `subPath` and `readOnly` are those of its VolumeMount.
    /// Default: nothing.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::MountedVolume>"))]
    pub(super) volumes: Vec<Later<Volume>>,
    /// Storage of each pod's own, which it finds again when it is started again. Default: none.
    pub(super) volume_claim_templates: Vec<Later<WrittenClaim>>,
    /// Whether that storage is deleted with the service, and when it is scaled down. Default: `Delete` and `Retain`.
    #[serde(deserialize_with = "unless_empty")]
    pub(super) persistent_volume_claim_retention_policy: Option<WrittenRetention>,
}

/// A claim as it is written.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, schemars(deny_unknown_fields, rename = "Claim"))]
pub(super) struct WrittenClaim {
    /// Its name; the claim of a pod is called `<name>-<pod>`.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength" = 63)))]
    name: String,
    /// Where it is mounted into the service's container.
    #[cfg_attr(test, schemars(extend("pattern" = "^/[^:]*$")))]
    mount_path: String,
    /// How much storage it asks for, a quantity such as `10Gi`.
    #[cfg_attr(test, schemars(with = "super::schema::Amount"))]
    size: Value,
    /// How it may be mounted. Default: `ReadWriteOnce`.
    #[cfg_attr(test, schemars(extend("default" = ["ReadWriteOnce"])))]
    access_modes: Option<Vec<AccessMode>>,
    /// Its StorageClass. Default: the cluster's.
    storage_class_name: Option<String>,
}

/// When claims are deleted, as it is written.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, schemars(deny_unknown_fields, rename = "Retention"))]
pub(super) struct WrittenRetention {
    /// Whether the claims are deleted when the service is deleted. Default: `Delete`.
    #[cfg_attr(test, schemars(extend("default" = "Delete")))]
    when_deleted: Option<RetentionPolicy>,
    /// Whether the claims of removed pods are deleted when the service is scaled down. Default: `Retain`.
    #[cfg_attr(test, schemars(extend("default" = "Retain")))]
    when_scaled: Option<RetentionPolicy>,
}

/// Checks the field `VolumeClaimTemplates`.
pub(super) fn claims(written: &[Later<WrittenClaim>]) -> Result<Vec<ClaimTemplate>> {
    const FIELD: &str = "VolumeClaimTemplates";
    let claims = written.iter().enumerate();
    let claims = all(claims.map(|(index, written)| claim(&format!("{FIELD}[{index}]"), written)))?;
    let path = |index: usize| format!("{FIELD}[{index}].name");
    let names = claims.iter().enumerate();
    check_unique(names.map(|(index, claim)| (path(index), claim.name.as_str())))?;
    Ok(claims)
}

fn claim(path: &str, written: &Later<WrittenClaim>) -> Result<ClaimTemplate> {
    let written = written.read(path)?;
    check_label(&format!("{path}.name"), &written.name)?;
    check_path(&format!("{path}.mountPath"), &written.mount_path)?;
    if let Some(class) = &written.storage_class_name {
        check_name_of("StorageClass", &format!("{path}.storageClassName"), class)?;
    }
    let size = flyte::amount(&format!("{path}.size"), &written.size)?
        .ok_or_else(|| Error::invalid(format!("{path}.size"), "is nothing: ask for some, such as \"10Gi\"."))?;
    let access_modes = written.access_modes.filter(|modes| !modes.is_empty());
    Ok(ClaimTemplate {
        name: written.name,
        mount_path: written.mount_path,
        size,
        access_modes: access_modes.unwrap_or_else(|| vec![AccessMode::ReadWriteOnce]),
        storage_class_name: written.storage_class_name,
    })
}

impl From<WrittenRetention> for Retention {
    fn from(written: WrittenRetention) -> Self {
        let default = Self::default();
        Self {
            when_deleted: written.when_deleted.unwrap_or(default.when_deleted),
            when_scaled: written.when_scaled.unwrap_or(default.when_scaled),
        }
    }
}
