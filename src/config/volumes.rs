//! The field `Volumes`: what is mounted into the service's container, and from where.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};
use serde_json::{Map, Value};

use super::checks::{all, check_label, check_unique};
use super::deserialize;
use super::later::Later;
use crate::error::{Error, Result};
use crate::text::{did_you_mean, shorten, shortened};

/// The keys of an item about its mount; the others are those of Kubernetes's Volume.
const MOUNT: [&str; 3] = ["mountPath", "subPath", "readOnly"];

/// A volume and how it is mounted.
pub(super) type Mounted = (Volume, VolumeMount);

/// Checks the field `Volumes`.
pub(super) fn volumes(written: Vec<Later<Volume>>) -> Result<Vec<Mounted>> {
    let volumes = written.into_iter().enumerate();
    let volumes = all(volumes.map(|(index, item)| mounted(&format!("Volumes[{index}]"), item)))?;
    let path = |index, key| format!("Volumes[{index}].{key}");
    let all = || volumes.iter().enumerate();
    check_unique(all().map(|(index, (volume, _))| (path(index, "name"), volume.name.as_str())))?;
    check_unique(all().map(|(index, (_, mount))| (path(index, "mountPath"), mount.mount_path.as_str())))?;
    Ok(volumes)
}

fn mounted(path: &str, item: Later<Volume>) -> Result<Mounted> {
    let Value::Object(item) = item.0 else {
        return Err(Error::invalid(
            path,
            "must be a dictionary, such as {\"name\": \"scratch\", \"mountPath\": \"/scratch\", \"emptyDir\": {}}.",
        ));
    };
    let (mount, volume): (Map<_, _>, Map<_, _>) = item
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .partition(|(key, _)| MOUNT.contains(&key.as_str()));
    let looks_like = |key: &str| MOUNT.into_iter().find(|known| known.eq_ignore_ascii_case(key));
    if let Some((key, known)) = volume.keys().find_map(|key| Some((key, looks_like(key)?))) {
        return Err(Error::invalid(
            format!("{path}.{}", shortened(key)),
            format!("is an unknown field{}", did_you_mean(key, [known])),
        ));
    }
    let sources: Vec<&str> = volume.keys().map(String::as_str).filter(|key| *key != "name").collect();
    let number = sources.len();
    let volume: Volume = deserialize::read(path, &Value::Object(volume))?;
    check_label(&format!("{path}.name"), &volume.name)?;
    if number != 1 {
        return Err(Error::invalid(
            path,
            "must say one place that the volume comes from, such as emptyDir, persistentVolumeClaim, configMap or secret.",
        ));
    }
    let mut mount: VolumeMount = deserialize::read(path, &Value::Object(mount))?;
    check_path(&format!("{path}.mountPath"), &mount.mount_path)?;
    mount.name.clone_from(&volume.name);
    Ok((volume, mount))
}

/// Checks where something is mounted.
pub(super) fn check_path(path: &str, mount_path: &str) -> Result<()> {
    if mount_path.is_empty() {
        return Err(Error::invalid(
            path,
            "is missing: say where it is mounted, such as \"/data\".",
        ));
    }
    if mount_path.starts_with('/') && !mount_path.contains([':', '\0']) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, but must be an absolute path without colons, such as \"/data\".",
            shorten(mount_path)
        ),
    ))
}
