//! What the platform says in the words of a configuration: what it fills in, or what it forces.

use serde_json::{Map, Value, json};

use super::fields::{entries, fields, inside, list, text, texts, whole};
use crate::error::{Error, Result};
use crate::quantity::{Amounts, flyte_name, from_flyte_with_zeros, is_less};
use crate::spec::{FIELDS, Target};
use crate::wording::shown;

/// What a field holds, which says how it is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text by name.
    Texts,
    /// Anything by name.
    Dictionary,
    /// A list to which a default is added, as Flyte adds its default tolerations to a task's own.
    Additive,
    /// Any other list.
    List,
    /// A value that is one.
    Single,
    /// Amounts, which give way to each other.
    Resources,
    /// A pod template.
    Template,
}

/// The fields of a configuration that a platform may have a word in.
const SHAPES: [(&str, Shape); 19] = [
    ("Labels", Shape::Texts),
    ("Annotations", Shape::Texts),
    ("NodeSelector", Shape::Texts),
    ("Env", Shape::Dictionary),
    ("PodSecurityContext", Shape::Dictionary),
    ("SecurityContext", Shape::Dictionary),
    ("Affinity", Shape::Dictionary),
    ("Tolerations", Shape::Additive),
    ("ImagePullSecrets", Shape::Additive),
    ("TopologySpreadConstraints", Shape::List),
    ("ServiceAccount", Shape::Single),
    ("ImagePullPolicy", Shape::Single),
    ("PriorityClass", Shape::Single),
    ("RuntimeClass", Shape::Single),
    ("TerminationGracePeriodSeconds", Shape::Single),
    ("MinReadySeconds", Shape::Single),
    ("Requests", Shape::Resources),
    ("Limits", Shape::Resources),
    ("PodTemplate", Shape::Template),
];

/// Some fields of a configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layer {
    /// All but the amounts.
    pub(super) fields: Map<String, Value>,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

/// What a field holds.
pub(super) fn shape(field: &str) -> Shape {
    let known = SHAPES.iter().find(|(name, _)| *name == field);
    known.map_or(Shape::Single, |(_, shape)| *shape)
}

impl Layer {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        // A template has lists and dictionaries of all kinds, so that nobody could tell what it forces.
        let known: Vec<&str> = SHAPES
            .iter()
            .filter(|(_, shape)| path == "defaults" || *shape != Shape::Template)
            .map(|(name, _)| *name)
            .collect();
        let mut layer = Self::default();
        for (field, value) in fields(path, value, &known)? {
            let path = inside(path, field);
            check(&path, shape(field), value)?;
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
            if FIELDS.contains(&field.as_str()) {
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

fn check(path: &str, shape: Shape, value: &Value) -> Result<()> {
    match shape {
        Shape::Texts => {
            for (key, value) in entries(path, value)? {
                if !value.is_string() {
                    let words = format!("must be text, not {}: write it in quotes.", shown(value));
                    return Err(Error::invalid(inside(path, key), words));
                }
            }
        }
        Shape::Dictionary | Shape::Template => {
            entries(path, value)?;
        }
        Shape::Additive if path.ends_with("ImagePullSecrets") => {
            texts(path, value)?;
        }
        Shape::Additive | Shape::List => {
            list(path, value)?;
        }
        Shape::Single if path.ends_with("Seconds") => {
            whole(path, value)?;
        }
        Shape::Single => {
            text(path, value)?;
        }
        Shape::Resources => {}
    }
    Ok(())
}
