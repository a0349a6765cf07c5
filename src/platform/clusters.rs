//! The clusters that services may be made in, by the names that the platform gives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::Platform;
use super::fields::{entries, fields, inside, text};
use super::namespaces;
use crate::error::{Error, Result};
use crate::wording::shorten;

/// How a cluster is reached. Without any of it, it is the one that is used when none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The kubeconfig; by default the usual one.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; by default its current one.
    pub context: Option<String>,
    /// Where its services live unless they say something else.
    pub namespace: Option<String>,
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
            _ => cluster.namespace = Some(namespaces::name(&path, value)?),
        }
    }
    Ok(cluster)
}

fn kubeconfig(path: &str, value: &Value) -> Result<PathBuf> {
    let file = PathBuf::from(text(path, value)?);
    if file.is_absolute() {
        return Ok(file);
    }
    // Relative to what, nobody could tell.
    Err(Error::invalid(
        path,
        format!("is {}, but must begin with /.", shorten(&file.to_string_lossy())),
    ))
}

impl Platform {
    /// The cluster of a name. `None` where the name, if any, is that of a context of the kubeconfig, or of nothing: as it
    /// is where the settings have no clusters.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the clusters there are.
    pub fn cluster(&self, name: Option<&str>) -> Result<Option<&ClusterSettings>> {
        let Some(name) = name.filter(|_| !self.clusters.is_empty()) else {
            return Ok(None);
        };
        self.clusters.get(name).map(Some).ok_or_else(|| {
            let known = self.clusters.keys().map(String::as_str).collect::<Vec<_>>();
            let words = format!(
                "is {}, but the platform's settings know {} only{}.",
                shorten(name),
                known.join(", "),
                self.sources.suffix("clusters")
            );
            Error::invalid("Cluster", words)
        })
    }
}
