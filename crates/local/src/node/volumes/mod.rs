//! The volumes of a pod, as folders of this machine.

mod files;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, Pod, Volume};
use kube::{Api, Client, ResourceExt};

use super::environment::{Environment, Kind, Place, Sources, read};
use super::paths::Paths;

/// The folder of each volume.
pub(super) type Folders = BTreeMap<String, PathBuf>;

/// Where volumes are made.
pub(super) struct Disk<'a> {
    pub(super) client: &'a Client,
    pub(super) place: &'a Place,
    /// For what ends with the pod.
    pub(super) folder: PathBuf,
    /// For what claims hold.
    pub(super) claims: &'a Path,
}

/// The folder of a claim. It is found again by its name, also by another run.
pub(super) fn of_claim(claims: &Path, namespace: &str, claim: &str) -> PathBuf {
    claims.join(namespace).join(claim)
}

impl Disk<'_> {
    /// Makes the folder of each volume.
    ///
    /// # Errors
    ///
    /// In the kubelet's words, for an event `FailedMount`.
    pub(super) async fn set_up(&self, pod: &Pod) -> Result<Folders, String> {
        let volumes: Vec<&Volume> = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).collect();
        let namespace = pod.namespace().unwrap_or_default();
        let names: Vec<(Kind, String)> = volumes.iter().flat_map(|volume| files::sources_of(volume)).collect();
        let sources = read(self.client, &namespace, names)
            .await
            .map_err(|error| error.to_string())?;
        let mut folders = Folders::new();
        for volume in volumes {
            let folder = self
                .one(pod, volume, &sources)
                .await
                .map_err(|error| format!("MountVolume.SetUp failed for volume {:?} : {error}", volume.name))?;
            folders.insert(volume.name.clone(), folder);
        }
        Ok(folders)
    }

    async fn one(&self, pod: &Pod, volume: &Volume, sources: &Sources) -> Result<PathBuf, String> {
        if let Some(host) = &volume.host_path {
            return host_path(&host.path, host.type_.as_deref().unwrap_or_default());
        }
        let folder = if let Some(claim) = &volume.persistent_volume_claim {
            let namespace = pod.namespace().unwrap_or_default();
            self.check_claim(&namespace, &claim.claim_name).await?;
            of_claim(self.claims, &namespace, &claim.claim_name)
        } else {
            self.folder.join(&volume.name)
        };
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if let Some(contents) = files::of(pod, volume, self.place, sources)? {
            files::write(&folder, &contents).map_err(|error| format!("{}: {error}", folder.display()))?;
        } else if volume.empty_dir.is_none() && volume.ephemeral.is_none() && volume.persistent_volume_claim.is_none() {
            return Err("a volume of this kind cannot be in a local run".to_owned());
        }
        Ok(folder)
    }

    async fn check_claim(&self, namespace: &str, name: &str) -> Result<(), String> {
        let claims = Api::<PersistentVolumeClaim>::namespaced(self.client.clone(), namespace);
        let claim = claims.get_opt(name).await.map_err(|error| error.to_string())?;
        let claim = claim.ok_or_else(|| format!("persistentvolumeclaim {name:?} not found"))?;
        let phase = claim.status.and_then(|status| status.phase).unwrap_or_default();
        if phase == "Bound" {
            Ok(())
        } else {
            Err(format!("PVC is not bound: {name:?} is {phase}"))
        }
    }
}

fn host_path(path: &str, kind: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(path);
    let exists = match kind {
        "DirectoryOrCreate" => {
            fs::create_dir_all(&file).map_err(|error| format!("{path}: {error}"))?;
            true
        }
        "FileOrCreate" => {
            let created = fs::File::options().create(true).append(true).open(&file);
            created.map_err(|error| format!("{path}: {error}"))?;
            true
        }
        "Directory" => file.is_dir(),
        "File" => file.is_file(),
        _ => true,
    };
    if exists {
        Ok(file)
    } else {
        Err(format!(
            "hostPath type check failed: {path} is not a {}",
            kind.to_lowercase()
        ))
    }
}

/// Where a container has its volumes: the paths to rewrite, and a variable for each volume.
pub(super) fn of_container(
    container: &Container,
    folders: &Folders,
    defined: &Environment,
) -> Result<(Paths, Environment), String> {
    let mut paths = Paths::default();
    let mut variables = Environment::default();
    for mount in container.volume_mounts.iter().flatten() {
        let Some(folder) = folders.get(&mount.name) else {
            return Err(format!(
                "cannot find volume {:?} to mount into container {:?}",
                mount.name, container.name
            ));
        };
        let below = match (&mount.sub_path_expr, &mount.sub_path) {
            (Some(expression), _) => defined.expand(expression),
            (None, Some(path)) => path.clone(),
            (None, None) => String::new(),
        };
        if below.starts_with('/') || below.split('/').any(|part| part == "..") {
            return Err(format!(
                "failed to prepare subPath for volumeMount {:?} of container {:?}",
                mount.name, container.name
            ));
        }
        let target = if below.is_empty() {
            folder.clone()
        } else {
            folder.join(below)
        };
        if !target.exists() {
            fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
        }
        variables.set(&variable(&mount.name), target.to_string_lossy());
        paths.add(&mount.mount_path, target);
    }
    Ok((paths, variables))
}

/// The variable with the folder of a volume.
fn variable(volume: &str) -> String {
    format!(
        "K8SDATASERVICE_VOLUME_{}",
        volume.to_uppercase().replace(['-', '.'], "_")
    )
}

#[cfg(test)]
mod tests;
