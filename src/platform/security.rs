//! Containers that have a field of their own for what the platform forces on the pod.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::defaults::same;
use super::layer::Layer;
use super::pods::containers;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::wording::shown;

/// Checks that no container takes back what is forced: each has a security context of its own, which is stronger than
/// the pod's, and a template or a sidecar brings containers of which the configuration's fields say nothing.
pub(super) fn check(pod: &PodSpec, forced: &Layer, sources: &Sources) -> Result<()> {
    let of_pod = forced.fields.get("PodSecurityContext").and_then(Value::as_object);
    let of_container = forced.fields.get("SecurityContext").and_then(Value::as_object);
    for (place, container) in containers(pod) {
        let context = serde_json::to_value(&container.security_context).unwrap_or_default();
        let bad = |path: String, problem: String, wanted: &Value| {
            let words = format!(
                "{problem}, but the platform's settings force it to {}{}.",
                shown(wanted),
                sources.suffix(&format!("forced.{path}"))
            );
            let key = path.rsplit('.').next().unwrap_or_default();
            Error::invalid(format!("{place}.securityContext.{key}"), words)
        };
        for (key, wanted) in of_pod.into_iter().flatten() {
            if let Some(there) = context.get(key).filter(|there| !same(there, wanted)) {
                let path = format!("PodSecurityContext.{key}");
                return Err(bad(path, format!("is {}", shown(there)), wanted));
            }
        }
        for (key, wanted) in of_container.into_iter().flatten() {
            let path = format!("SecurityContext.{key}");
            match context.get(key) {
                Some(there) if same(there, wanted) => {}
                Some(there) => return Err(bad(path, format!("is {}", shown(there)), wanted)),
                None => return Err(bad(path, "is missing".to_owned(), wanted)),
            }
        }
    }
    Ok(())
}
