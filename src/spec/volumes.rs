//! The field `Volumes`: what is mounted into the service's container, and from where.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};
use serde_json::{Map, Value};

use super::fields::{Fields, all, check_label, check_unique};
use crate::error::{Error, Result};
use crate::strict;
use crate::wording::{shorten, shortened};

/// The keys of an item that say how it is mounted; the others are those of Kubernetes's Volume.
const MOUNT: [&str; 3] = ["mountPath", "subPath", "readOnly"];

/// A volume and how it is mounted.
pub(super) type Mounted = (Volume, VolumeMount);

/// Reads the field.
pub(super) fn volumes(fields: Fields<'_>) -> Result<Vec<Mounted>> {
    let volumes = fields.items("Volumes")?;
    let volumes = all(volumes.iter().map(|(path, item)| mounted(path, item)))?;
    let path = |index, key| format!("Volumes[{index}].{key}");
    let all = || volumes.iter().enumerate();
    check_unique(all().map(|(index, (volume, _))| (path(index, "name"), volume.name.as_str())))?;
    check_unique(all().map(|(index, (_, mount))| (path(index, "mountPath"), mount.mount_path.as_str())))?;
    Ok(volumes)
}

fn mounted(path: &str, item: &Value) -> Result<Mounted> {
    let Value::Object(item) = item else {
        return Err(Error::invalid(
            path,
            "must be a dictionary, such as {\"name\": \"scratch\", \"mountPath\": \"/scratch\", \"emptyDir\": {}}.",
        ));
    };
    let (mount, volume): (Map<_, _>, Map<_, _>) = item
        .clone()
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .partition(|(key, _)| MOUNT.contains(&key.as_str()));
    let looks_like = |key: &str| MOUNT.into_iter().find(|known| known.eq_ignore_ascii_case(key));
    if let Some((key, known)) = volume.keys().find_map(|key| Some((key, looks_like(key)?))) {
        return Err(Error::invalid(
            format!("{path}.{}", shortened(key)),
            format!("is not a field that there is here. Nearest to it is {known}."),
        ));
    }
    let sources: Vec<&str> = volume.keys().map(String::as_str).filter(|key| *key != "name").collect();
    let number = sources.len();
    let volume: Volume = strict::read(path, &Value::Object(volume.clone()))?;
    check_label(&format!("{path}.name"), &volume.name)?;
    if number != 1 {
        return Err(Error::invalid(
            path,
            "must say one place that the volume comes from, such as emptyDir, persistentVolumeClaim, configMap or secret.",
        ));
    }
    let mut mount: VolumeMount = strict::read(path, &Value::Object(mount))?;
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
