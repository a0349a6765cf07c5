//! Volumes whose files come from objects: Secrets, `ConfigMaps`, and the pod itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Pod, Volume};

use super::super::environment::{Kind, Place, Sources, Values, field};

/// A file of a volume: its path, mode and contents.
pub(super) type File = (String, i32, Vec<u8>);

const MODE: i32 = 0o644;

/// An object that files come from.
struct Source<'a> {
    kind: Kind,
    name: &'a str,
    items: Option<&'a Vec<KeyToPath>>,
    optional: bool,
}

/// The objects, and the fields of the pod, that a volume has.
fn parts(volume: &Volume) -> (Vec<Source<'_>>, Vec<&DownwardAPIVolumeFile>, Option<i32>) {
    let mut sources = Vec::new();
    let mut fields: Vec<&DownwardAPIVolumeFile> = Vec::new();
    let mut mode = None;
    let source = |kind, name, items, optional: Option<bool>| Source {
        kind,
        name,
        items,
        optional: optional == Some(true),
    };
    if let Some(secret) = &volume.secret {
        let name = secret.secret_name.as_deref().unwrap_or_default();
        sources.push(source(Kind::Secret, name, secret.items.as_ref(), secret.optional));
        mode = secret.default_mode;
    }
    if let Some(map) = &volume.config_map {
        sources.push(source(Kind::ConfigMap, &map.name, map.items.as_ref(), map.optional));
        mode = map.default_mode;
    }
    if let Some(downward) = &volume.downward_api {
        fields.extend(downward.items.iter().flatten());
        mode = downward.default_mode;
    }
    if let Some(projected) = &volume.projected {
        mode = projected.default_mode;
        for projection in projected.sources.iter().flatten() {
            if let Some(secret) = &projection.secret {
                sources.push(source(
                    Kind::Secret,
                    &secret.name,
                    secret.items.as_ref(),
                    secret.optional,
                ));
            }
            if let Some(map) = &projection.config_map {
                sources.push(source(Kind::ConfigMap, &map.name, map.items.as_ref(), map.optional));
            }
            fields.extend(
                projection
                    .downward_api
                    .iter()
                    .flat_map(|downward| downward.items.iter().flatten()),
            );
        }
    }
    (sources, fields, mode)
}

/// The objects that a volume needs.
pub(super) fn sources_of(volume: &Volume) -> Vec<(Kind, String)> {
    let (sources, ..) = parts(volume);
    sources
        .iter()
        .map(|source| (source.kind, source.name.to_owned()))
        .collect()
}

/// The files of a volume; `None` if it is not of this kind.
pub(super) fn of(pod: &Pod, volume: &Volume, place: &Place, sources: &Sources) -> Result<Option<Vec<File>>, String> {
    let is_ours = volume.secret.is_some() || volume.config_map.is_some() || volume.downward_api.is_some();
    if !is_ours && volume.projected.is_none() {
        return Ok(None);
    }
    let (objects, fields, mode) = parts(volume);
    let mode = mode.unwrap_or(MODE);
    let mut files = Vec::new();
    for source in objects {
        match sources.get(&(source.kind, source.name.to_owned())) {
            Some(Some(values)) => of_object(&source, values, mode, &mut files)?,
            _ if source.optional => {}
            _ => return Err(format!("{} {:?} not found", source.kind.lower(), source.name)),
        }
    }
    for item in fields {
        let path = item.field_ref.as_ref().map(|reference| &reference.field_path);
        let path = path.ok_or("resourceFieldRef cannot be in a volume of a local run")?;
        let value = field(pod, place, path)?;
        files.push((item.path.clone(), item.mode.unwrap_or(mode), value.into_bytes()));
    }
    Ok(Some(files))
}

fn of_object(source: &Source<'_>, values: &Values, mode: i32, files: &mut Vec<File>) -> Result<(), String> {
    let Some(items) = source.items else {
        files.extend(values.iter().map(|(key, value)| (key.clone(), mode, value.clone())));
        return Ok(());
    };
    for item in items {
        match values.get(&item.key) {
            Some(value) => files.push((item.path.clone(), item.mode.unwrap_or(mode), value.clone())),
            None if source.optional => {}
            None => {
                let kind = match source.kind {
                    Kind::Secret => "secret",
                    Kind::ConfigMap => "config",
                };
                return Err(format!("references non-existent {kind} key: {}", item.key));
            }
        }
    }
    Ok(())
}

/// Writes the files of a volume.
pub(super) fn write(folder: &Path, files: &[File]) -> std::io::Result<()> {
    for (path, mode, contents) in files {
        let is_below = !path.starts_with('/') && path.split('/').all(|part| part != "..");
        if !is_below {
            return Err(std::io::Error::other(format!("{path} is outside of the volume")));
        }
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        // A file that may not be written is made again.
        let _ = fs::remove_file(&file);
        fs::write(&file, contents)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode.unsigned_abs() & 0o777))?;
    }
    Ok(())
}
