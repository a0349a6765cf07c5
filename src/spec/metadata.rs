//! The fields `Labels` and `Annotations`, which all objects of the service and its pods get.

use std::collections::BTreeMap;

use super::fields::{Fields, all};
use crate::error::{Error, Result};
use crate::names::{ANNOTATION_PREFIX, APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL};
use crate::wording::{shorten, shortened};

/// Reads the field `Labels`.
pub(super) fn labels(fields: Fields<'_>) -> Result<BTreeMap<String, String>> {
    let labels: BTreeMap<String, String> = fields.kubernetes("Labels")?.unwrap_or_default();
    all(labels.iter().map(|(key, value)| {
        let path = format!("Labels.{}", shortened(key));
        check_key(&path, key)?;
        check_value(&path, value)?;
        if [INSTANCE_LABEL, MANAGED_BY_LABEL, APP_LABEL].contains(&key.as_str()) {
            return Err(Error::invalid(
                path,
                "is the plugin's own, by which it finds what it has made: use another label.",
            ));
        }
        Ok(())
    }))?;
    Ok(labels)
}

/// Reads the field `Annotations`.
pub(super) fn annotations(fields: Fields<'_>) -> Result<BTreeMap<String, String>> {
    let annotations: BTreeMap<String, String> = fields.kubernetes("Annotations")?.unwrap_or_default();
    all(annotations.keys().map(|key| {
        let path = format!("Annotations.{}", shortened(key));
        check_key(&path, key)?;
        if key.starts_with(ANNOTATION_PREFIX) {
            return Err(Error::invalid(
                path,
                "is the plugin's own, by which it knows whose a service is: use another annotation.",
            ));
        }
        Ok(())
    }))?;
    Ok(annotations)
}

/// Checks a key (Kubernetes, *Labels and Selectors*, "Syntax and character set").
pub(super) fn check_key(path: &str, key: &str) -> Result<()> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns = |prefix: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        prefix.len() <= 253
            && prefix.split('.').all(|label| {
                label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-')
            })
    };
    if !name.is_empty() && is_word(name) && prefix.is_none_or(dns) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        "is no key that Kubernetes takes: use at most 63 letters, digits, hyphens, underscores and dots, with a domain \
         and a slash before them if you like, such as \"example.com/team\".",
    ))
}

/// Checks the value of a label.
pub(super) fn check_value(path: &str, value: &str) -> Result<()> {
    if is_word(value) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, but a label's value has at most 63 letters, digits, hyphens, underscores and dots, the first and the \
             last of them a letter or a digit.",
            shorten(value)
        ),
    ))
}

fn is_word(text: &str) -> bool {
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with(['-', '_', '.'])
        && !text.ends_with(['-', '_', '.'])
}
