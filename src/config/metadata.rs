//! The fields `Labels` and `Annotations`, which all objects of the service and its pods get.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::checks::all;
use super::shorthand::unless_empty;
use crate::error::{Error, Result};
use crate::identity::labels::{
    ANNOTATIONS_LIMIT, APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL, is_key, is_label_value, is_own_annotation,
};
use crate::text::{shorten, shortened};

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenMetadata {
    /// Labels of all objects and pods. Those of the Flyte execution, and the plugin's, count before them. Default:
    /// none.
    #[serde(deserialize_with = "unless_empty")]
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// Annotations of all objects and pods. Default: none.
    #[serde(deserialize_with = "unless_empty")]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// Checks the field `Labels`.
pub(super) fn labels(labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
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

/// Checks the field `Annotations`.
pub(super) fn annotations(annotations: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    all(annotations.keys().map(|key| {
        let path = format!("Annotations.{}", shortened(key));
        check_key(&path, key)?;
        if is_own_annotation(key) {
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
