//! Where a service may be: the cluster and the namespace of a configuration.

use super::clusters::ClusterSettings;
use super::settings::Platform;
use super::template::Template;
use crate::config::Place;
use crate::error::{Error, Result};
use crate::identity::execution::Run;
use crate::identity::names::check_namespace;
use crate::text::shorten;

impl Platform {
    /// The cluster of a name. `None` where the name, if any, is that of a context of the kubeconfig, or of nothing: as
    /// it is where the settings have no clusters.
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

    /// The namespace of a service: its configuration's, else that of its cluster, else the default. The last two may be
    /// templates, which the run fills.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] when services may not live there, when it cannot be the name of a namespace, and for a
    /// template that the run does not fill.
    pub fn namespace(&self, place: &Place, default: &str, run: &Run) -> Result<String> {
        let default = Template::parse("namespace", default)?;
        let (field, namespace) = if let Some(namespace) = &place.namespace {
            check_namespace(namespace)?;
            ("Namespace", namespace.clone())
        } else {
            let name = place.cluster.as_deref().unwrap_or_default();
            let of_cluster = self.clusters.get(name).and_then(|cluster| cluster.namespace.as_ref());
            let namespace = match of_cluster {
                Some(template) => template.fill(&format!("clusters.{name}.namespace"), &self.sources, run),
                None => default.fill("namespace", &self.sources, run),
            };
            ("namespace", namespace?)
        };
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

    /// The namespaces that services may use, as far as the settings name each.
    #[must_use]
    pub fn named_namespaces(&self) -> Vec<String> {
        self.namespaces.exact()
    }

    /// Whether services may live in a namespace.
    #[must_use]
    pub fn allows_namespace(&self, namespace: &str) -> bool {
        self.namespaces.allow(namespace)
    }
}
