//! The user of containers: never root if the platform forbids it, and never another one than the platform forces.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::Value;

use super::overrides::Overrides;
use super::pods::containers;
use super::sources::Sources;
use crate::compare::same;
use crate::error::FieldFault;
use crate::manifests::contradicts_itself;
use crate::text::shown_in_full;

/// Checks that no container takes back what is forced: each has a security context of its own, which is stronger than
/// the pod's, and a template or a sidecar adds containers that the configuration's fields do not set.
pub(super) fn check(pod: &PodSpec, forced: &Overrides, sources: &Sources) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let of_pod = forced.fields.get("PodSecurityContext").and_then(Value::as_object);
    let of_container = forced.fields.get("SecurityContext").and_then(Value::as_object);
    for (place, container) in containers(pod) {
        let context = serde_json::to_value(&container.security_context).unwrap_or_default();
        let bad = |path: String, problem: String, wanted: &Value| {
            let words = format!(
                "{problem}, but the platform's settings force it to {}{}.",
                shown_in_full(wanted),
                sources.suffix(&format!("forced.{path}"))
            );
            let key = path.rsplit('.').next().unwrap_or_default();
            FieldFault::new(format!("{place}.securityContext.{key}"), words)
        };
        for (key, wanted) in of_pod.into_iter().flatten() {
            if let Some(there) = context.get(key).filter(|there| !same(there, wanted)) {
                let path = format!("PodSecurityContext.{key}");
                faults.push(bad(path, format!("is {}", shown_in_full(there)), wanted));
            }
        }
        for (key, wanted) in of_container.into_iter().flatten() {
            let path = format!("SecurityContext.{key}");
            match context.get(key) {
                Some(there) if same(there, wanted) => {}
                Some(there) => faults.push(bad(path, format!("is {}", shown_in_full(there)), wanted)),
                None => faults.push(bad(path, "is missing".to_owned(), wanted)),
            }
        }
    }
    faults
}

/// Checks that no container is to run as root where root is ruled out: it would be made, and never start.
pub(super) fn check_root(pod: &PodSpec, forced: &Overrides, sources: &Sources) -> Vec<FieldFault> {
    let contradictory = containers(pod).filter(|(_, container)| contradicts_itself(pod, container));
    contradictory
        .map(|(place, container)| of_root(place, container, forced, sources))
        .collect()
}

fn of_root(place: String, container: &Container, forced: &Overrides, sources: &Sources) -> FieldFault {
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
    FieldFault::new(format!("{place}.securityContext.runAsUser"), words)
}
