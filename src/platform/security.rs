//! As whom containers run: never as root where that is ruled out, and never as something else than what is forced.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use super::defaults::same;
use super::layer::Layer;
use super::pods::containers;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::manifests::contradicts_itself;
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

/// Checks that no container is to run as root where root is ruled out: it would be made, and never start.
pub(super) fn check_root(pod: &PodSpec, forced: &Layer, sources: &Sources) -> Result<()> {
    let Some((place, container)) = containers(pod).find(|(_, container)| contradicts_itself(pod, container)) else {
        return Ok(());
    };
    let own_user = container.security_context.as_ref().and_then(|own| own.run_as_user);
    let place = own_user.map_or("spec.template.spec".to_owned(), |_| place);
    let forced_by = ["PodSecurityContext", "SecurityContext"].into_iter().find(|field| {
        let said = forced
            .fields
            .get(*field)
            .and_then(|context| context.get("runAsNonRoot"));
        said == Some(&Value::Bool(true))
    });
    let words = match forced_by {
        Some(field) => format!(
            "is 0, which is root, but the platform's settings force runAsNonRoot to true{}. Say another user.",
            sources.suffix(&format!("forced.{field}.runAsNonRoot"))
        ),
        None => {
            "is 0, which is root, but runAsNonRoot is true, so that it would never start. Say another user, or leave \
                 runAsNonRoot out."
                .to_owned()
        }
    };
    Err(Error::invalid(format!("{place}.securityContext.runAsUser"), words))
}
