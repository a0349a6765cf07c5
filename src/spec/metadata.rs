//! The fields `Labels` and `Annotations`, which all objects of the service and its pods get.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::fields::{Fields, all};
use crate::error::{Error, Result};
use crate::names::{ANNOTATION_PREFIX, APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL};
use crate::wording::{shorten, shortened};

/// How large the annotations of an object may be together, in bytes: Kubernetes's `TotalAnnotationSizeLimitB`, without room
/// for the plugin's own and those that others add.
pub(crate) const ANNOTATIONS_LIMIT: usize = (256 << 10) - (16 << 10);

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
    check_size("Annotations", &annotations)?;
    Ok(annotations)
}

/// Checks labels and annotations that stand in another field, at this path.
pub(super) fn check_metadata(path: &str, metadata: &ObjectMeta) -> Result<()> {
    for (key, value) in metadata.labels.iter().flatten() {
        let path = format!("{path}.labels.{}", shortened(key));
        check_key(&path, key)?;
        check_value(&path, value)?;
    }
    let annotations = metadata.annotations.iter().flatten();
    for (key, _) in annotations {
        check_key(&format!("{path}.annotations.{}", shortened(key)), key)?;
    }
    metadata.annotations.as_ref().map_or(Ok(()), |annotations| {
        check_size(&format!("{path}.annotations"), annotations)
    })
}

/// Checks that annotations are not too large together.
fn check_size(path: &str, annotations: &BTreeMap<String, String>) -> Result<()> {
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size <= ANNOTATIONS_LIMIT {
        return Ok(());
    }
    let largest = annotations.iter().max_by_key(|(key, value)| key.len() + value.len());
    Err(Error::invalid(
        path,
        format!(
            "has {size} bytes, and an object may have {ANNOTATIONS_LIMIT} besides the plugin's own. The largest is {}.",
            shortened(largest.map(|(key, _)| key.as_str()).unwrap_or_default())
        ),
    ))
}

/// Checks a key.
pub(super) fn check_key(path: &str, key: &str) -> Result<()> {
    if is_key(key) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        "is no key that Kubernetes takes: use at most 63 letters, digits, hyphens, underscores and dots, with a domain \
         and a slash before them if you like, such as \"example.com/team\".",
    ))
}

/// Whether Kubernetes takes a key (*Labels and Selectors*, "Syntax and character set").
pub(crate) fn is_key(key: &str) -> bool {
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
    !name.is_empty() && is_word(name) && prefix.is_none_or(dns)
}

/// Checks the value of a label.
pub(super) fn check_value(path: &str, value: &str) -> Result<()> {
    if is_label_value(value) {
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

/// Whether Kubernetes takes the value of a label.
pub(crate) fn is_label_value(value: &str) -> bool {
    is_word(value)
}

fn is_word(text: &str) -> bool {
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with(['-', '_', '.'])
        && !text.ends_with(['-', '_', '.'])
}
