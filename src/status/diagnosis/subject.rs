//! The container that a verdict is about: what messages call it, and the fields of the configuration that it comes
//! from.

use std::fmt::{self, Display, Formatter};

use super::super::facts::{ContainerFacts, PodFacts, StatefulSetFacts};

/// A container of a pod.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) pod: &'a PodFacts,
    pub(super) container: &'a ContainerFacts,
    stateful_set: &'a StatefulSetFacts,
}

/// A part of a container that advice names.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Image,
    Command,
    MemoryLimit,
    LivenessProbe,
    ReadinessProbe,
    StartupProbe,
    User,
    /// Where it refers to another object, such as `env[TOKEN]` or `envFrom[0]`.
    Reference(&'a str),
}

impl<'a> Subject<'a> {
    pub(super) fn new(stateful_set: &'a StatefulSetFacts, pod: &'a PodFacts, container: &'a ContainerFacts) -> Self {
        Self {
            pod,
            container,
            stateful_set,
        }
    }

    /// The field of the configuration that a part of the container comes from, such as `Command` or
    /// `Sidecars[0].command`; for a container of a foreign `StatefulSet`, the place there.
    pub(super) fn field(self, part: Part<'_>) -> String {
        let origins = &self.stateful_set.origins;
        let key = part.key();
        if origins.is_main(&self.container.name) {
            return part.field();
        }
        match origins.path(&self.container.name) {
            Some(path) => format!("{path}.{key}"),
            // A webhook has added the container.
            None => format!("{key} of container {}", self.container.name),
        }
    }

    /// The container alone, as `container foo` or `sidecar metrics (Sidecars[0])`.
    pub(super) fn name(self) -> String {
        let kind = if self.container.sidecar {
            "sidecar"
        } else if self.container.init {
            "init container"
        } else {
            "container"
        };
        let name = &self.container.name;
        let origins = &self.stateful_set.origins;
        match origins.path(name) {
            _ if self.is_main() => format!("{kind} {name}"),
            Some(path) => format!("{kind} {name} ({path})"),
            None => format!(
                "{kind} {name} (not in StatefulSet {}: a webhook added it)",
                self.stateful_set.name
            ),
        }
    }

    /// Whether it is the service's own container.
    pub(super) fn is_main(self) -> bool {
        self.stateful_set.origins.is_main(&self.container.name)
    }
}

impl Display for Subject<'_> {
    /// As a sentence begins with it: `Sidecar metrics (Sidecars[0]) of pod foo-0`.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let (first, rest) = name.split_at(1);
        write!(formatter, "{}{rest} of pod {}", first.to_uppercase(), self.pod.name)
    }
}

impl Part<'_> {
    /// The key of a container in Kubernetes.
    fn key(self) -> String {
        match self {
            Self::Image => "image",
            Self::Command => "command",
            Self::MemoryLimit => "resources.limits.memory",
            Self::LivenessProbe => "livenessProbe",
            Self::ReadinessProbe => "readinessProbe",
            Self::StartupProbe => "startupProbe",
            Self::User => "securityContext.runAsUser",
            Self::Reference(place) => place,
        }
        .to_owned()
    }

    /// The field of the service's own container.
    fn field(self) -> String {
        match self {
            Self::Image => "Image",
            Self::Command => "Command",
            Self::MemoryLimit => "Limits.mem",
            Self::LivenessProbe => "LivenessProbe",
            Self::ReadinessProbe => "ReadinessProbe",
            Self::StartupProbe => "StartupProbe",
            Self::User => "SecurityContext.runAsUser",
            Self::Reference(place) => return reference(place),
        }
        .to_owned()
    }
}

/// The field of a reference of the service's own container: `Env.TOKEN` for `env[TOKEN]`, `EnvFrom[0]` for
/// `envFrom[0]`.
fn reference(place: &str) -> String {
    let variable = place.strip_prefix("env[").and_then(|rest| rest.strip_suffix(']'));
    match variable {
        // flytekit's secrets have variables of that name.
        Some(variable) if variable.starts_with("_FSEC_") => "Secrets".to_owned(),
        Some(variable) => format!("Env.{variable}"),
        None => place.replace("envFrom", "EnvFrom"),
    }
}
