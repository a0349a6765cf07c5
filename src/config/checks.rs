//! Checks that several fields share.

use serde_json::{Map, Value};

use super::field::{FIELDS, field_named};
use crate::error::{Error, Result};
use crate::text::{did_you_mean, shorten, shortened};

/// Refuses an unknown key. A null counts as absent.
pub(super) fn check_known(config: &Map<String, Value>) -> Result<()> {
    let is_unknown = |(key, value): &(&String, &Value)| !value.is_null() && field_named(key).is_none();
    let Some((unknown, _)) = config.iter().find(is_unknown) else {
        return Ok(());
    };
    let near = did_you_mean(unknown, FIELDS.iter().map(|field| field.name));
    Err(Error::invalid(shortened(unknown), format!("is an unknown field{near}")))
}

/// The items of a list, or the faults of all of them.
pub(super) fn all<T>(items: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for item in items {
        match item.map_err(Error::into_faults) {
            Ok(item) => read.push(item),
            Err(of_item) => faults.extend(of_item?),
        }
    }
    Error::of_faults(faults).map_or(Ok(read), Err)
}

/// Checks the name of an object of Kubernetes (DNS-1123 subdomain).
pub(super) fn check_name_of(kind: &str, path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |label: &str| label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-');
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, which cannot be the name of a {kind}: that has lower-case letters, digits, hyphens and dots only.",
            shorten(name)
        ),
    ))
}

/// Checks the name of a container, a volume or a port of a pod (DNS-1123 label).
pub(super) fn check_label(path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() {
        return Err(Error::invalid(path, "is missing: give it a name, such as \"data\"."));
    }
    if name.len() <= 63
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || c == '-')
    {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, but a name here has at most 63 lower-case letters, digits and hyphens, and neither starts nor ends \
             with a hyphen.",
            shorten(name)
        ),
    ))
}

/// Refuses a duplicate name.
pub(super) fn check_unique<'n>(names: impl IntoIterator<Item = (String, &'n str)>) -> Result<()> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    for (path, name) in names {
        if let Some((first, _)) = seen.iter().find(|(_, other)| *other == name) {
            return Err(Error::invalid(
                path,
                format!("is {}, as {first} is already.", shorten(name)),
            ));
        }
        seen.push((path, name));
    }
    Ok(())
}
