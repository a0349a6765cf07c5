//! The environment of a container, as the kubelet makes it.

mod expansion;
mod fields;
mod quantity;
mod sources;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;

pub(super) use expansion::expand;
pub(super) use fields::{Place, value as field};
pub(super) use sources::{Kind, Sources, Values, read};

use super::paths::Paths;

/// The variables that tell a server at which port to listen.
const PORTS: [&str; 2] = ["SERVER_PORT", "GE_BASE_PORT"];

/// What the environment of a container is made of.
pub(super) struct Facts<'a> {
    pub(super) pod: &'a Pod,
    pub(super) place: &'a Place,
    pub(super) sources: &'a Sources,
    /// How much of each resource the node has.
    pub(super) capacity: &'a BTreeMap<String, Quantity>,
    /// Where the volumes of the container are.
    pub(super) paths: &'a Paths,
    /// What a container has unless it defines it itself.
    pub(super) given: &'a Environment,
}

/// Variables in the order in which they were defined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Environment(Vec<(String, String)>);

impl Environment {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.to_owned(), value.into())),
        }
    }

    /// Replaces references to variables of this environment.
    pub(super) fn expand(&self, text: &str) -> String {
        expand(text, |name| self.get(name))
    }

    /// Adds variables, which win over those that are here.
    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            // Neither can be in the environment of a process.
            if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
                self.set(name, value.as_str());
            }
        }
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}

/// The objects that the environment of a container takes values from.
pub(super) fn sources_of(container: &Container) -> Vec<(Kind, String)> {
    let mut names = Vec::new();
    for source in container.env_from.iter().flatten() {
        names.extend(
            source
                .secret_ref
                .as_ref()
                .map(|source| (Kind::Secret, source.name.clone())),
        );
        names.extend(
            source
                .config_map_ref
                .as_ref()
                .map(|source| (Kind::ConfigMap, source.name.clone())),
        );
    }
    for source in container
        .env
        .iter()
        .flatten()
        .filter_map(|variable| variable.value_from.as_ref())
    {
        names.extend(
            source
                .secret_key_ref
                .as_ref()
                .map(|key| (Kind::Secret, key.name.clone())),
        );
        names.extend(
            source
                .config_map_key_ref
                .as_ref()
                .map(|key| (Kind::ConfigMap, key.name.clone())),
        );
    }
    names
}

/// The variables that a container defines or is given. References see these alone, and not what each process gets from
/// this machine.
///
/// # Errors
///
/// In the kubelet's words, for what a container waits as `CreateContainerConfigError`.
pub(super) fn of_container(container: &Container, facts: &Facts<'_>) -> Result<Environment, String> {
    let mut defined = facts.given.clone();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let (kind, name, optional) = match (&source.secret_ref, &source.config_map_ref) {
            (Some(secret), _) => (Kind::Secret, &secret.name, secret.optional),
            (None, Some(map)) => (Kind::ConfigMap, &map.name, map.optional),
            (None, None) => continue,
        };
        let Some(values) = values(facts.sources, kind, name, optional)? else {
            continue;
        };
        for (key, value) in values {
            defined.set(&format!("{prefix}{key}"), String::from_utf8_lossy(value));
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = of_variable(variable, container, facts, &defined)? {
            defined.set(&variable.name, value);
        }
    }
    Ok(defined)
}

fn of_variable(
    variable: &EnvVar,
    container: &Container,
    facts: &Facts<'_>,
    defined: &Environment,
) -> Result<Option<String>, String> {
    if let Some(source) = &variable.value_from {
        return of_source(source, container, facts);
    }
    let value = facts.paths.rewrite(variable.value.as_deref().unwrap_or_default());
    let value = defined.expand(&value);
    let port = PORTS.contains(&variable.name.as_str()).then(|| value.parse().ok());
    let actual = port.flatten().and_then(|port: u16| facts.place.ports.get(&port));
    Ok(Some(actual.map_or(value, u16::to_string)))
}

fn of_source(source: &EnvVarSource, container: &Container, facts: &Facts<'_>) -> Result<Option<String>, String> {
    if let Some(reference) = &source.field_ref {
        return field(facts.pod, facts.place, &reference.field_path).map(Some);
    }
    if let Some(reference) = &source.resource_field_ref {
        let spec = facts.pod.spec.as_ref();
        let other = reference
            .container_name
            .as_ref()
            .filter(|name| !name.is_empty())
            .and_then(|name| {
                let mut all = spec
                    .into_iter()
                    .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
                all.find(|container| container.name == *name)
            });
        return quantity::of_field(reference, other.unwrap_or(container), facts.capacity).map(Some);
    }
    let (kind, name, key, optional) = match (&source.secret_key_ref, &source.config_map_key_ref) {
        (Some(secret), _) => (Kind::Secret, &secret.name, &secret.key, secret.optional),
        (None, Some(map)) => (Kind::ConfigMap, &map.name, &map.key, map.optional),
        (None, None) => return Ok(Some(String::new())),
    };
    let Some(values) = values(facts.sources, kind, name, optional)? else {
        return Ok(None);
    };
    match values.get(key) {
        Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        None if optional == Some(true) => Ok(None),
        None => {
            let namespace = facts.pod.namespace().unwrap_or_default();
            Err(format!("couldn't find key {key} in {} {namespace}/{name}", kind.name()))
        }
    }
}

/// The values of an object, or `None` if it need not exist and does not.
fn values<'a>(
    sources: &'a Sources,
    kind: Kind,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<&'a Values>, String> {
    match sources.get(&(kind, name.to_owned())) {
        Some(Some(values)) => Ok(Some(values)),
        _ if optional == Some(true) => Ok(None),
        _ => Err(format!("{} {name:?} not found", kind.lower())),
    }
}

#[cfg(test)]
mod tests;
