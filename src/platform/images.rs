//! Where images may come from. References are read here, and not by a crate: `docs/adr/0029-image-references.md`.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::pods::containers;
use super::reader::texts;
use super::sources::Sources;
use crate::error::{Error, FieldFault, Result};
use crate::text::shorten;

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

    /// Checks all images of a pod; a fault names the place in the `StatefulSet`.
    pub(super) fn check(&self, pod: &PodSpec, sources: &Sources) -> Vec<FieldFault> {
        let Some(allowed) = &self.0 else { return Vec::new() };
        let of_containers = containers(pod).map(|(place, container)| {
            let image = container.image.as_deref().unwrap_or_default();
            (format!("{place}.image"), image)
        });
        // Volumes are made from images, too.
        let of_volumes = pod.volumes.iter().flatten().enumerate().filter_map(|(index, volume)| {
            let image = volume.image.as_ref()?.reference.as_deref()?;
            Some((format!("spec.template.spec.volumes[{index}].image.reference"), image))
        });
        let is_foreign = |(_, image): &(String, &str)| {
            let repository = repository(image);
            !allowed.iter().any(|allowed| is_in(&repository, allowed))
        };
        let fault = |(place, image): (String, &str)| {
            let words = format!(
                "is {}, but the platform's settings allow images from {} only{}.",
                shorten(image),
                allowed.join(", "),
                sources.suffix("limits.imageRegistries")
            );
            FieldFault::new(place, words)
        };
        of_containers.chain(of_volumes).filter(is_foreign).map(fault).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// References, and their repositories as `oci_spec::distribution::Reference` 0.10 reads them.
    const READ_BY_OCI_SPEC: [(&str, &str); 12] = [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1", "docker.io/library/busybox"),
        ("docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox"),
        ("registry-1.docker.io/library/x", "registry-1.docker.io/library/x"),
        ("a/b", "docker.io/a/b"),
        ("host/x", "docker.io/host/x"),
        ("Host/x", "docker.io/Host/x"),
        ("localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x"),
        (
            "registry.example:5000/a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123",
            "registry.example:5000/a/b",
        ),
        (
            "x:tag@sha256:0123456789012345678901234567890123456789012345678901234567890123",
            "docker.io/library/x",
        ),
    ];

    #[test]
    fn references_are_read_as_the_reference_grammar_has_them() {
        for (image, expected) in READ_BY_OCI_SPEC {
            assert_eq!(repository(image), expected, "{image}");
        }
        // Where a host name has upper case, this differs on purpose.
        assert_eq!(repository("Registry.Example/x"), "registry.example/x");
    }
}
