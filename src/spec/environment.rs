//! The fields `Env` and `EnvFrom`: what the pods find in their environment.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar};
use serde_json::Value;

use super::expansion::{refers_to_itself, sort};
use super::fields::{Fields, check_name_of};
use super::template::PodTemplate;
use crate::error::{Error, Result};
use crate::strict;
use crate::wording::shortened;

/// Reads the field `Env`: a text for each name, or where to take it from in Kubernetes's own words.
pub(super) fn variables(fields: Fields<'_>) -> Result<Vec<EnvVar>> {
    match fields.given("Env") {
        None => Ok(Vec::new()),
        Some(Value::Object(variables)) => variables
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| variable(name, value))
            .collect(),
        Some(_) => Err(Error::invalid(
            "Env",
            "must be a dictionary, such as {\"MODE\": \"fast\"}.",
        )),
    }
}

fn variable(name: &str, value: &Value) -> Result<EnvVar> {
    let path = format!("Env.{}", shortened(name));
    check_variable(&path, name)?;
    let name = name.to_owned();
    match value {
        Value::String(text) if text.contains('\0') => Err(Error::invalid(path, "contains a NUL character.")),
        Value::String(text) => Ok(EnvVar {
            name,
            value: Some(text.clone()),
            value_from: None,
        }),
        Value::Object(_) => Ok(EnvVar {
            name,
            value: None,
            value_from: Some(strict::read(&path, value)?),
        }),
        // What it is instead may be a secret.
        _ => Err(Error::invalid(
            path,
            "must be text, such as \"8080\", or where to take it from, such as \
             {\"secretKeyRef\": {\"name\": \"database\", \"key\": \"password\"}}.",
        )),
    }
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

/// Reads the field `EnvFrom`: all keys of Secrets and `ConfigMaps`.
pub(super) fn sources(fields: Fields<'_>) -> Result<Vec<EnvFromSource>> {
    let source = |(path, item): (String, &Value)| {
        let source: EnvFromSource = strict::read(&path, item)?;
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
    fields.items("EnvFrom")?.into_iter().map(source).collect()
}
