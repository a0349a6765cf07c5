//! Which namespace a service lives in, and which it may live in.

use std::fmt;

use serde_json::Value;

use super::reader::{text, texts};
use super::template::Template;
use crate::error::{Error, Result};
use crate::identity::names::check_namespace;

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

    /// Those that are exact names.
    pub(super) fn exact(&self) -> Vec<String> {
        let patterns = self.0.iter().flatten();
        patterns.filter(|pattern| !pattern.contains('*')).cloned().collect()
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

/// The name of a namespace, or a template of it.
pub(super) fn template(path: &str, value: &Value) -> Result<Template> {
    Template::parse(path, text(path, value)?)
}
