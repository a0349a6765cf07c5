//! The clusters that services may be made in, by the names that the platform gives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::namespaces;
use super::reader::{entries, fields, inside, text};
use super::template::Template;
use crate::error::{Error, Result};
use crate::text::shorten;

/// How a cluster is reached. Without any of it, it is the one that is used when none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The kubeconfig; by default the usual one.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; by default its current one.
    pub context: Option<String>,
    /// The namespace of services that name none, or a template of it.
    pub(super) namespace: Option<Template>,
}

pub(super) fn parse(path: &str, value: &Value) -> Result<BTreeMap<String, ClusterSettings>> {
    let clusters = entries(path, value)?.into_iter();
    clusters
        .map(|(name, value)| Ok((name.to_owned(), cluster(&inside(path, name), value)?)))
        .collect()
}

fn cluster(path: &str, value: &Value) -> Result<ClusterSettings> {
    let mut cluster = ClusterSettings::default();
    for (key, value) in fields(path, value, &["kubeconfig", "context", "namespace"])? {
        let path = inside(path, key);
        match key {
            "kubeconfig" => cluster.kubeconfig = Some(kubeconfig(&path, value)?),
            "context" => cluster.context = Some(text(&path, value)?.to_owned()),
            _ => cluster.namespace = Some(namespaces::template(&path, value)?),
        }
    }
    Ok(cluster)
}

fn kubeconfig(path: &str, value: &Value) -> Result<PathBuf> {
    let file = PathBuf::from(text(path, value)?);
    if file.is_absolute() {
        return Ok(file);
    }
    // A relative path would have no defined base.
    Err(Error::invalid(
        path,
        format!("is {}, but must begin with /.", shorten(&file.to_string_lossy())),
    ))
}
