//! The fields `Env` and `EnvFrom`: what the pods find in their environment.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, EnvVarSource};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::checks::{all, check_name_of};
use super::expansion::{refers_to_itself, sort};
use super::later::Later;
use super::shorthand::{Shorthand, shorthand};
use super::template::PodTemplate;
use crate::error::{Error, Result};
use crate::text::shortened;

/// The variable of the service's own container that has the number of pods.
pub const COUNT_VARIABLE: &str = "GE_COUNT";

/// A value of the field `Env`: a text, or where to take it from in Kubernetes's own words.
enum Variable {
    Text(String),
    From(Box<EnvVarSource>),
}

impl Shorthand for Variable {
    type Full = EnvVarSource;
    const EXPECTED: &'static str = "must be text, such as \"8080\", or where to take it from, such as \
         {\"secretKeyRef\": {\"name\": \"database\", \"key\": \"password\"}}.";

    fn from_full(full: EnvVarSource) -> Self {
        Self::From(Box::new(full))
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        shorthand(reader)
    }
}

/// The field `Env` as it is written.
#[derive(Default)]
pub(super) struct WrittenVariables(BTreeMap<String, Later<Variable>>);

impl<'de> Deserialize<'de> for WrittenVariables {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        reader.deserialize_any(Variables)
    }
}

struct Variables;

impl<'de> Visitor<'de> for Variables {
    type Value = WrittenVariables;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be a dictionary, such as {\"MODE\": \"fast\"}.")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> std::result::Result<WrittenVariables, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(entries)).map(WrittenVariables)
    }
}

/// Checks the field `Env`.
pub(super) fn variables(WrittenVariables(written): WrittenVariables) -> Result<Vec<EnvVar>> {
    all(written.into_iter().map(|(name, value)| variable(name, &value)))
}

fn variable(name: String, value: &Later<Variable>) -> Result<EnvVar> {
    let path = format!("Env.{}", shortened(&name));
    check_variable(&path, &name)?;
    let (value, value_from) = match value.read(&path)? {
        Variable::Text(text) if text.contains('\0') => {
            return Err(Error::invalid(path, "contains a NUL character."));
        }
        Variable::Text(text) => (Some(text), None),
        Variable::From(source) => (None, Some(*source)),
    };
    Ok(EnvVar {
        name,
        value,
        value_from,
    })
}

/// Checks the name of a variable, as Kubernetes does for environment variables.
pub(super) fn check_variable(path: &str, name: &str) -> Result<()> {
    let printable = name.chars().all(|c| c.is_ascii_graphic() && c != '=');
    if !name.is_empty() && printable && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        "cannot be the name of a variable: use letters, digits and underscores, not starting with a digit.",
    ))
}

/// Checks that no variable of the service's own container refers to itself, also by way of others. The variables of a
/// template are in its user's order, which Kubernetes knows what to make of.
pub(super) fn check_circles(container: &Container, template: Option<&PodTemplate>) -> Result<()> {
    let own = container.env.iter().flatten();
    let names: HashSet<&str> = own.clone().map(|variable| variable.name.as_str()).collect();
    let under = template.and_then(PodTemplate::primary_container);
    let under_env = under.iter().flat_map(|under| under.env.iter().flatten());
    let is_own = |variable: &EnvVar| names.contains(variable.name.as_str());
    let given = under_env.filter(|variable| !is_own(variable));
    let circle = sort(own.clone().chain(given).cloned().collect(), |variable| {
        !is_own(variable)
    });
    let has_sources = [Some(container), under]
        .into_iter()
        .flatten()
        .any(|container| container.env_from.as_ref().is_some_and(|sources| !sources.is_empty()));
    let alone = own.clone().find(|variable| !has_sources && refers_to_itself(variable));
    let circle = match (circle, alone) {
        (Err(circle), _) => circle,
        (Ok(_), Some(alone)) => vec![alone.name.clone(); 2],
        (Ok(_), None) => return Ok(()),
    };
    // The last is the first, and may be one of the template's.
    let first = circle.iter().find(|name| names.contains(name.as_str()));
    Err(Error::invalid(
        format!("Env.{}", first.map_or_else(String::new, |name| shortened(name))),
        format!(
            "refers to itself: {}. Kubernetes expands $(NAME) only where NAME has a value already, which the variables of \
             the image have not. Write the value out, or $$(NAME) for the text $(NAME).",
            circle
                .iter()
                .map(|name| shortened(name))
                .collect::<Vec<_>>()
                .join(" -> ")
        ),
    ))
}

/// Checks the field `EnvFrom`: all keys of Secrets and `ConfigMaps`.
pub(super) fn sources(written: &[Later<EnvFromSource>]) -> Result<Vec<EnvFromSource>> {
    let source = |(index, source): (usize, &Later<EnvFromSource>)| {
        let path = format!("EnvFrom[{index}]");
        let source = source.read(&path)?;
        let (kind, key, name) = match (&source.secret_ref, &source.config_map_ref) {
            (Some(secret), None) => ("Secret", "secretRef", &secret.name),
            (None, Some(map)) => ("ConfigMap", "configMapRef", &map.name),
            _ => {
                return Err(Error::invalid(
                    path,
                    "must name either a Secret or a ConfigMap, such as {\"secretRef\": {\"name\": \"database\"}}.",
                ));
            }
        };
        check_name_of(kind, &format!("{path}.{key}.name"), name)?;
        Ok(source)
    };
    all(written.iter().enumerate().map(source))
}
