//! Where a service is.

use std::time::Duration;

use super::call::Call;
use crate::error::Result;
use crate::identity::names::{check_existing_name, check_namespace};

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) name: String,
    pub(super) namespace: String,
    cluster: Option<String>,
}

impl Place {
    /// The place of a service by its name, its namespace and the name of its cluster; by default the cluster that is
    /// used when none is named.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`](crate::error::Error::InvalidSpec) for what cannot be the name of a service or a
    /// namespace.
    pub fn new(name: String, namespace: String, cluster: Option<String>) -> Result<Self> {
        check_existing_name("name", &name)?;
        check_namespace(&namespace)?;
        Ok(Self {
            name,
            namespace,
            cluster,
        })
    }

    /// A call to do something with the service.
    pub(super) fn call(&self, verb: &'static str, timeout: Duration) -> Call<'_> {
        Call {
            verb,
            namespace: &self.namespace,
            name: &self.name,
            timeout,
        }
    }

    pub(super) fn cluster(&self) -> Option<&str> {
        named(self.cluster.as_deref())
    }
}

/// The name of a cluster, if there is one: an empty name means the cluster that is used when none is named.
pub(super) fn named(cluster: Option<&str>) -> Option<&str> {
    cluster.filter(|cluster| !cluster.is_empty())
}

/// The namespace of a call as Kubernetes's lists take it: empty for all namespaces, which `None` means.
///
/// # Errors
/// [`Error::InvalidSpec`](crate::error::Error::InvalidSpec) for what cannot be the name of a namespace.
pub(super) fn listed(namespace: Option<&str>) -> Result<&str> {
    let Some(namespace) = namespace else { return Ok("") };
    check_namespace(namespace)?;
    Ok(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_namespace_means_all_namespaces() {
        assert_eq!(listed(None).expect("all"), "");
        assert_eq!(listed(Some("flyte")).expect("one"), "flyte");
        for bad in ["", "Flyte", "a/b"] {
            listed(Some(bad)).expect_err(bad);
        }
    }

    #[test]
    fn an_empty_name_names_no_cluster() {
        assert_eq!([None, Some(""), Some("gpu")].map(named), [None, None, Some("gpu")]);
    }
}
