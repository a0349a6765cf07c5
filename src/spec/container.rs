//! The fields that are about containers: the service's own, and those before and beside it.

use k8s_openapi::api::core::v1::{Container, Lifecycle};
use serde_json::Value;

use super::basics::words;
use super::environment::{sources, variables};
use super::fields::{Fields, all, check_label, check_unique};
use super::flyte_secrets::Secrets;
use super::probes::{Known, pre_stop, probe};
use crate::error::{Error, Result};
use crate::strict;

/// What the fields say of the service's own container. Image, command, main port and resources are not in it.
pub(super) fn container(fields: Fields<'_>, ports: &Known<'_>, secrets: &Secrets) -> Result<Container> {
    let mut env = secrets.variables.clone();
    for variable in variables(fields)? {
        // What the user says last and by name counts.
        env.retain(|other| other.name != variable.name);
        env.push(variable);
    }
    let pre_stop = pre_stop(fields, ports)?;
    Ok(Container {
        args: words(fields, "Args")?,
        env: some(env),
        env_from: some(sources(fields)?),
        image_pull_policy: fields.one_of("ImagePullPolicy", &["Always", "IfNotPresent", "Never"])?,
        readiness_probe: probe(fields, "ReadinessProbe", ports)?,
        liveness_probe: probe(fields, "LivenessProbe", ports)?,
        startup_probe: probe(fields, "StartupProbe", ports)?,
        lifecycle: pre_stop.map(|handler| Lifecycle {
            pre_stop: Some(handler),
            ..Lifecycle::default()
        }),
        security_context: fields.kubernetes("SecurityContext")?,
        volume_mounts: some(secrets.mounts.clone()),
        ..Container::default()
    })
}

/// Reads the field `InitContainers` or `Sidecars`: containers in Kubernetes's own words, with the service's image unless
/// another is said.
pub(super) fn others(fields: Fields<'_>, field: &str, image: &str, secrets: &Secrets) -> Result<Vec<Container>> {
    let container = |(path, item): (String, &Value)| {
        let mut container: Container = read(&path, item)?;
        check_label(&format!("{path}.name"), &container.name)?;
        if container.restart_policy.is_some() {
            return Err(Error::invalid(
                format!("{path}.restartPolicy"),
                "must be left out: a container that runs beside the service belongs under Sidecars.",
            ));
        }
        container.image.get_or_insert_with(|| image.to_owned());
        let env = container.env.get_or_insert_default();
        for variable in &secrets.variables {
            if !env.iter().any(|other| other.name == variable.name) {
                env.push(variable.clone());
            }
        }
        let mounts = container.volume_mounts.get_or_insert_default();
        mounts.extend(secrets.mounts.iter().cloned());
        container.env = container.env.filter(|env| !env.is_empty());
        container.volume_mounts = container.volume_mounts.filter(|mounts| !mounts.is_empty());
        Ok(container)
    };
    all(fields.items(field)?.into_iter().map(container))
}

/// Checks that no two containers of a pod have one name.
pub(super) fn check_names(init_containers: &[Container], sidecars: &[Container]) -> Result<()> {
    let of = |field: &'static str, containers: &[Container]| -> Vec<(String, String)> {
        let containers = containers.iter().enumerate();
        containers
            .map(|(index, container)| (format!("{field}[{index}].name"), container.name.clone()))
            .collect()
    };
    let all = [of("InitContainers", init_containers), of("Sidecars", sidecars)].concat();
    check_unique(all.iter().map(|(path, name)| (path.clone(), name.as_str())))
}

fn read(path: &str, item: &Value) -> Result<Container> {
    strict::read(path, item)
}

/// A list, if there is anything in it.
pub(super) fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
