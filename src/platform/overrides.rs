//! The fields of a configuration that the platform fills in or forces.

use serde_json::{Map, Value, json};

use super::reader::{entries, fields, inside, list, text, texts, whole};
use crate::config::{FIELDS, MergeStrategy, Target, field_named};
use crate::error::{Error, Result};
use crate::resources::flyte::{flyte_name, from_flyte_with_zeros};
use crate::resources::quantity::{Amounts, is_less};
use crate::text::kind;

/// Some fields of a configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Overrides {
    /// All but the amounts.
    pub(super) fields: Map<String, Value>,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

/// The value of a field.
pub(super) fn merge_strategy(field: &str) -> MergeStrategy {
    let strategy = field_named(field).and_then(|field| field.merge);
    strategy.unwrap_or(MergeStrategy::Single)
}

impl Overrides {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        // A template has lists and dictionaries of all kinds, so that forcing it would be ambiguous.
        let has_word = |strategy: MergeStrategy| path == "defaults" || strategy != MergeStrategy::Template;
        let known = FIELDS.iter().filter(|field| field.merge.is_some_and(has_word));
        let known: Vec<&str> = known.map(|field| field.name).collect();
        let mut layer = Self::default();
        for (field, value) in fields(path, value, &known)? {
            let path = inside(path, field);
            check(&path, merge_strategy(field), value)?;
            match field {
                "Requests" => layer.requests = from_flyte_with_zeros(&path, value)?,
                "Limits" => layer.limits = from_flyte_with_zeros(&path, value)?,
                _ => {
                    layer.fields.insert(field.to_owned(), value.clone());
                }
            }
        }
        layer.check(path)?;
        Ok(layer)
    }

    /// Reads the fields as those of a configuration are read, so that they are refused here and not at each service.
    fn check(&self, path: &str) -> Result<()> {
        let mut probe = json!({"Image": "image"});
        for (field, value) in &self.fields {
            if field_named(field).is_some() {
                probe[field] = value.clone();
            }
        }
        Target::parse(&probe).map_err(|error| error.with_fields(|field| inside(path, field)))?;
        for (name, request) in &self.requests {
            if let Some(limit) = self.limits.get(name).filter(|limit| is_less(limit, request)) {
                let name = flyte_name(name);
                return Err(Error::invalid(
                    format!("{path}.Requests.{name}"),
                    format!(
                        "is {}, more than {path}.Limits.{name}, which is {}.",
                        request.0, limit.0
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn check(path: &str, strategy: MergeStrategy, value: &Value) -> Result<()> {
    match strategy {
        MergeStrategy::Texts => {
            for (key, value) in entries(path, value)? {
                if !value.is_string() {
                    let words = format!("must be text, not {}: write it in quotes.", kind(value));
                    return Err(Error::invalid(inside(path, key), words));
                }
            }
        }
        MergeStrategy::Dictionary | MergeStrategy::Template => {
            entries(path, value)?;
        }
        MergeStrategy::Additive if path.ends_with("ImagePullSecrets") => {
            texts(path, value)?;
        }
        MergeStrategy::Additive | MergeStrategy::List => {
            list(path, value)?;
        }
        MergeStrategy::Single if path.ends_with("Seconds") => {
            whole(path, value)?;
        }
        MergeStrategy::Single => {
            text(path, value)?;
        }
        MergeStrategy::Resources | MergeStrategy::Whole => {}
    }
    Ok(())
}
