//! Which namespace a service lives in, and which it may live in.

use std::fmt;

use serde_json::Value;

use super::Platform;
use super::fields::{text, texts};
use crate::error::{Error, Result};
use crate::names::check_namespace;
use crate::wording::shown;

/// The namespaces that services may live in: exact names, or with `*` for any characters. Default: any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Namespaces(Option<Vec<String>>);

impl Namespaces {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let patterns = texts(path, value)?;
        for (index, pattern) in patterns.iter().enumerate() {
            // Whatever stands for the star.
            check_namespace(&pattern.replace('*', "x")).map_err(|_| {
                let words = "can match no namespace: write a name, with * for any characters if need be.";
                Error::invalid(format!("{path}[{index}]"), words)
            })?;
        }
        Ok(Self(Some(patterns.into_iter().map(str::to_owned).collect())))
    }

    pub(super) fn allow(&self, namespace: &str) -> bool {
        let allowed = |patterns: &Vec<String>| patterns.iter().any(|pattern| matches(pattern, namespace));
        self.0.as_ref().is_none_or(allowed)
    }
}

impl fmt::Display for Namespaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.as_deref().unwrap_or_default().join(", "))
    }
}

/// Whether a name matches a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(index, _)| index).chain([name.len()]);
            let mut tails = ends.map(|index| &name[index..]);
            tails.any(|tail| matches(rest, tail))
        }),
    }
}

/// The name of a namespace.
pub(super) fn name(path: &str, value: &Value) -> Result<String> {
    let name = text(path, value)?;
    check_namespace(name).map_err(|_| {
        let words = format!("is {}, which cannot be the name of a namespace.", shown(value));
        Error::invalid(path, words)
    })?;
    Ok(name.to_owned())
}

impl Platform {
    /// The namespace of a configuration: its own, else that of its cluster, else the default.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] when services may not live there, or when it cannot be the name of a namespace.
    pub fn namespace(&self, config: &Value, default: &str) -> Result<String> {
        let given = |field: &str| {
            let value = config.get(field).filter(|value| !value.is_null())?;
            (value.as_str() != Some("")).then_some(value)
        };
        let (field, namespace) = if let Some(value) = given("Namespace") {
            ("Namespace", name("Namespace", value)?)
        } else {
            let cluster = given("Cluster").and_then(Value::as_str);
            let of_cluster = cluster.and_then(|cluster| self.clusters.get(cluster)?.namespace.clone());
            ("namespace", of_cluster.unwrap_or_else(|| default.to_owned()))
        };
        check_namespace(&namespace)?;
        if self.namespaces.allow(&namespace) {
            return Ok(namespace);
        }
        let words = format!(
            "is {namespace}, but the platform's settings allow services in {} only{}.",
            self.namespaces,
            self.sources.suffix("allowedNamespaces")
        );
        Err(Error::invalid(field, words))
    }
}
