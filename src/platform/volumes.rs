//! Which folders of their nodes pods may mount.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::reader::texts;
use super::sources::Sources;
use crate::error::{Error, FieldFault, Result};
use crate::text::shorten;

/// The folders that a `hostPath` volume may mount, with all that is in them. Default: none, since such a volume reaches
/// around everything that keeps pods apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostPaths(Vec<String>);

impl HostPaths {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let paths = texts(path, value)?.into_iter().enumerate();
        let folder = |(index, text): (usize, &str)| match normal(text) {
            Some(folder) => Ok(folder),
            None => Err(Error::invalid(
                format!("{path}[{index}]"),
                format!("is {}, but must begin with / and have no .. in it.", shorten(text)),
            )),
        };
        paths.map(folder).collect::<Result<_>>().map(Self)
    }

    /// Checks all volumes of a pod; a fault names the place in the `StatefulSet`.
    pub(super) fn check(&self, pod: &PodSpec, sources: &Sources) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        for (index, volume) in pod.volumes.iter().flatten().enumerate() {
            let Some(host_path) = &volume.host_path else { continue };
            let allowed = normal(&host_path.path).is_some_and(|path| self.0.iter().any(|folder| is_in(&path, folder)));
            if !allowed {
                let place = format!("spec.template.spec.volumes[{index}].hostPath.path");
                faults.push(self.refusal(place, &host_path.path, sources));
            }
        }
        faults
    }

    fn refusal(&self, place: String, path: &str, sources: &Sources) -> FieldFault {
        let allowed = if self.0.is_empty() {
            "does not let pods mount folders of their nodes: use another kind of volume, or have it listed as \
             limits.hostPaths in the platform's settings"
                .to_owned()
        } else {
            format!(
                "lets pods mount no folders of their nodes but {}{}",
                self.0.join(", "),
                sources.suffix("limits.hostPaths")
            )
        };
        FieldFault::new(place, format!("is {}, and the platform {allowed}.", shorten(path)))
    }
}

fn is_in(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path without what changes nothing; `None` where it could lead out of a folder.
fn normal(path: &str) -> Option<String> {
    let steps: Vec<&str> = path
        .split('/')
        .filter(|step| !step.is_empty() && *step != ".")
        .collect();
    (path.starts_with('/') && !steps.contains(&"..")).then(|| format!("/{}", steps.join("/")))
}
