//! Where images may come from.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::fields::texts;
use super::pods::containers;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::wording::shorten;

/// The registry of an image that names none, and the folder of one that names nothing but itself.
const DOCKER_HUB: &str = "docker.io";
const OFFICIAL: &str = "library";

/// The registries, and folders in them, that images may come from. Default: any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Registries(Option<Vec<String>>);

impl Registries {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let registries = texts(path, value)?.into_iter().enumerate();
        let registry = |(index, text): (usize, &str)| {
            let text = text.trim_end_matches('/');
            let host = text.split('/').next().unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
            if is_host(host) && text.chars().all(plain) && !text.contains("//") {
                return Ok(lower_host(text));
            }
            Err(Error::invalid(
                format!("{path}[{index}]"),
                format!(
                    "is {}, but must begin with the host name of a registry, such as docker.io/library.",
                    shorten(text)
                ),
            ))
        };
        registries.map(registry).collect::<Result<_>>().map(Some).map(Self)
    }

    /// Checks all images of a pod; an error names the place in the `StatefulSet`.
    pub(super) fn check(&self, pod: &PodSpec, sources: &Sources) -> Result<()> {
        let Some(allowed) = &self.0 else { return Ok(()) };
        let of_containers = containers(pod).map(|(place, container)| {
            let image = container.image.as_deref().unwrap_or_default();
            (format!("{place}.image"), image)
        });
        // Volumes are made from images, too.
        let of_volumes = pod.volumes.iter().flatten().enumerate().filter_map(|(index, volume)| {
            let image = volume.image.as_ref()?.reference.as_deref()?;
            Some((format!("spec.template.spec.volumes[{index}].image.reference"), image))
        });
        for (place, image) in of_containers.chain(of_volumes) {
            let repository = repository(image);
            if !allowed.iter().any(|allowed| is_in(&repository, allowed)) {
                let words = format!(
                    "is {}, but the platform's settings allow images from {} only{}.",
                    shorten(image),
                    allowed.join(", "),
                    sources.suffix("limits.imageRegistries")
                );
                return Err(Error::invalid(place, words));
            }
        }
        Ok(())
    }
}

/// Whether a repository is an allowed one, or in an allowed folder.
fn is_in(repository: &str, allowed: &str) -> bool {
    let rest = repository.strip_prefix(allowed);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An image's repository in full, without tag and digest: `busybox:1` is `docker.io/library/busybox`.
fn repository(image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        // The colon before a registry's port is no tag's.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, _)) if is_host(first) => {
            let full = lower_host(name);
            let (host, path) = full.split_once('/').unwrap_or_default();
            (host.to_owned(), path.to_owned())
        }
        _ => (DOCKER_HUB.to_owned(), name.to_owned()),
    };
    if registry == DOCKER_HUB && !path.contains('/') {
        format!("{registry}/{OFFICIAL}/{path}")
    } else {
        format!("{registry}/{path}")
    }
}

/// Host names have a dot or a port, as the reference grammar of images has it.
fn is_host(segment: &str) -> bool {
    segment == "localhost" || segment.contains(['.', ':'])
}

/// A name with its registry as all write it: case does not matter in host names, and Docker Hub has two.
fn lower_host(name: &str) -> String {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) => (host, format!("/{path}")),
        None => (name, String::new()),
    };
    let host = host.to_lowercase();
    let host = if host == "index.docker.io" { DOCKER_HUB } else { &host };
    format!("{host}{path}")
}
