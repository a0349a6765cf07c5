//! The fields `VolumeClaimTemplates` and `PersistentVolumeClaimRetentionPolicy`: storage of each pod's own.

use k8s_openapi::api::core::v1::VolumeMount;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{Fields, all, check_label, check_name_of, check_unique};
use super::volumes::check_path;
use crate::error::{Error, Result};
use crate::quantity;
use crate::strict;

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
    pub when_deleted: Fate,
    /// When it gets fewer pods.
    pub when_scaled: Fate,
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
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

impl Fate {
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
            when_deleted: Fate::Delete,
            when_scaled: Fate::Retain,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: String,
    mount_path: String,
    size: Value,
    access_modes: Option<Vec<AccessMode>>,
    storage_class_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenRetention {
    when_deleted: Option<Fate>,
    when_scaled: Option<Fate>,
}

/// Reads the field `VolumeClaimTemplates`.
pub(super) fn claims(fields: Fields<'_>) -> Result<Vec<ClaimTemplate>> {
    let claims = fields.items("VolumeClaimTemplates")?;
    let claims = all(claims.iter().map(|(path, item)| claim(path, item)))?;
    let path = |index: usize| format!("VolumeClaimTemplates[{index}].name");
    let names = claims.iter().enumerate();
    check_unique(names.map(|(index, claim)| (path(index), claim.name.as_str())))?;
    Ok(claims)
}

fn claim(path: &str, item: &Value) -> Result<ClaimTemplate> {
    let written: Written = strict::read(path, item)?;
    check_label(&format!("{path}.name"), &written.name)?;
    check_path(&format!("{path}.mountPath"), &written.mount_path)?;
    if let Some(class) = &written.storage_class_name {
        check_name_of("StorageClass", &format!("{path}.storageClassName"), class)?;
    }
    let size = quantity::amount(&format!("{path}.size"), &written.size)?
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

/// Reads the field `PersistentVolumeClaimRetentionPolicy`.
pub(super) fn retention(fields: Fields<'_>) -> Result<Option<Retention>> {
    let written: Option<WrittenRetention> = fields.kubernetes("PersistentVolumeClaimRetentionPolicy")?;
    let default = Retention::default();
    Ok(written.map(|written| Retention {
        when_deleted: written.when_deleted.unwrap_or(default.when_deleted),
        when_scaled: written.when_scaled.unwrap_or(default.when_scaled),
    }))
}
