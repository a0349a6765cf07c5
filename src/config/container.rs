//! The fields that are about containers: the service's own, and those before and beside it.

use k8s_openapi::api::core::v1::{Container, EnvFromSource, Lifecycle, LifecycleHandler, Probe, SecurityContext};
use serde::Deserialize;

use super::checks::{all, check_label, check_unique};
use super::environment::{WrittenVariables, sources, variables};
use super::flyte_secrets::{Secrets, WrittenSecret};
use super::later::Later;
use super::probes::{Known, pre_stop, probe};
use super::shorthand::unless_empty;
use super::words::enumeration;
use crate::error::{Error, Result};

enumeration!(
    /// When an image is pulled.
    PullPolicy: Always, IfNotPresent, Never
);

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenContainers {
    /// Environment variables by name: a text, or where to take it from in the words of Kubernetes's EnvVarSource.
    /// Default: none but `SERVER_PORT`, `GE_BASE_PORT` and `GE_COUNT`.
    env: Option<WrittenVariables>,
    /// Secrets and ConfigMaps, all of whose keys become environment variables. Default: none.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::KubernetesObject>"))]
    env_from: Vec<Later<EnvFromSource>>,
    /// flytekit's `Secret`s, which the pods find where Flyte's tasks do. Default: none.
    pub(super) secrets: Vec<Later<WrittenSecret>>,
    /// When a pod counts as ready: Kubernetes's Probe, in which a port that is left out is the service's own. Default:
    /// when its containers run.
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    readiness_probe: Option<Later<Probe>>,
    /// When a pod counts as hung, and its container is started again. Default: never.
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    liveness_probe: Option<Later<Probe>>,
    /// When a pod counts as started, which the other probes wait for. Default: at once.
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    startup_probe: Option<Later<Probe>>,
    /// The hook that runs in a pod before it gets the signal to stop: `exec`, `httpGet` or `sleep`. Default: nothing.
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    pre_stop: Option<Later<LifecycleHandler>>,
    /// When the image is pulled. Default: `IfNotPresent`.
    #[cfg_attr(test, schemars(extend("default" = "IfNotPresent")))]
    image_pull_policy: Option<PullPolicy>,
    /// The permissions of the service's container: Kubernetes's SecurityContext, merged over no privilege escalation
    /// and no capabilities.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(with = "Option<super::schema::KubernetesObject>"))]
    security_context: Option<SecurityContext>,
    /// Containers that run before the service, one after the other. One without an `image` has the service's. Default:
    /// none.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::NamedContainer>"))]
    pub(super) init_containers: Vec<Later<Container>>,
    /// Containers that run beside the service, started before it and stopped after it. Default: none.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::NamedContainer>"))]
    pub(super) sidecars: Vec<Later<Container>>,
}

/// The fields of the service's own container. Image, command, main port and resources are not in it.
pub(super) fn container(
    written: WrittenContainers,
    args: Option<Vec<String>>,
    ports: &Known<'_>,
    secrets: &Secrets,
) -> Result<Container> {
    let mut env = secrets.variables.clone();
    for variable in variables(written.env.unwrap_or_default())? {
        // The user's last entry of a name counts.
        env.retain(|other| other.name != variable.name);
        env.push(variable);
    }
    let pre_stop = written.pre_stop.map(|handler| pre_stop(handler, ports)).transpose()?;
    let probe = |field, written: Option<Later<Probe>>| written.map(|value| probe(field, value, ports)).transpose();
    Ok(Container {
        args: args.and_then(some),
        env: some(env),
        env_from: some(sources(&written.env_from)?),
        image_pull_policy: written.image_pull_policy.map(|policy| policy.as_str().to_owned()),
        readiness_probe: probe("ReadinessProbe", written.readiness_probe)?,
        liveness_probe: probe("LivenessProbe", written.liveness_probe)?,
        startup_probe: probe("StartupProbe", written.startup_probe)?,
        lifecycle: pre_stop.map(|handler| Lifecycle {
            pre_stop: Some(handler),
            ..Lifecycle::default()
        }),
        security_context: written.security_context,
        volume_mounts: some(secrets.mounts.clone()),
        ..Container::default()
    })
}

/// The containers of the field `InitContainers` or `Sidecars`, by default with the service's image.
pub(super) fn others(
    field: &str,
    written: &[Later<Container>],
    image: &str,
    secrets: &Secrets,
) -> Result<Vec<Container>> {
    let container = |(index, written): (usize, &Later<Container>)| {
        let path = format!("{field}[{index}]");
        let mut container = written.read(&path)?;
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
    all(written.iter().enumerate().map(container))
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

/// A list, if there is anything in it.
pub(super) fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
