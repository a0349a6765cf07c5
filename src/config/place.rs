//! Where a service is, and whether it exists: the fields that count for every configuration.

use serde::Deserialize;
use serde_json::Value;

use super::deserialize::read_group;
use crate::error::{Error, Result};
use crate::identity::names::{NAME_LIMIT, check_existing_name, check_namespace};
use crate::text::shorten;

/// The longest name of a cluster, in characters: it is kept in Flyte's state of the task, which has to stay small.
const CLUSTER_LIMIT: usize = 253;

/// Where a configuration wants the service to be. The platform decides the parts that are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The name of the cluster.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
}

/// The fields as they are written. An empty text has always meant the default.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenPlace {
    /// The namespace it lives in, if the platform allows it. Default: the cluster's or the platform's, `flyte`.
    #[cfg_attr(test, schemars(extend("pattern" = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", "maxLength" = 63)))]
    namespace: Option<String>,
    /// The kubeconfig context, or one of the clusters that the platform lists. Default: the cluster that the connector
    /// runs in, else the kubeconfig's current context.
    #[cfg_attr(test, schemars(extend("maxLength" = CLUSTER_LIMIT)))]
    cluster: Option<String>,
    /// Use this service, which exists; make nothing, delete nothing. All fields but `Cluster` and `Namespace` are
    /// ignored. Default: a service is made.
    #[cfg_attr(test, schemars(extend("maxLength" = NAME_LIMIT)))]
    existing_release_name: Option<String>,
}

impl WrittenPlace {
    pub(super) fn read(config: &Value) -> Result<Self> {
        read_group(config)
    }

    /// The fields `Cluster` and `Namespace`.
    pub(super) fn place(&self) -> Result<Place> {
        let (cluster, namespace) = (said(self.cluster.as_ref()), said(self.namespace.as_ref()));
        if cluster.is_some_and(|cluster| cluster.chars().count() > CLUSTER_LIMIT) {
            let problem = format!("is longer than {CLUSTER_LIMIT} characters.");
            return Err(Error::invalid("Cluster", problem));
        }
        if let Some(namespace) = namespace {
            check_namespace(namespace).map_err(|_| {
                let problem = format!("is {}, which cannot be the name of a namespace.", shorten(namespace));
                Error::invalid("Namespace", problem)
            })?;
        }
        Ok(Place {
            cluster: cluster.cloned(),
            namespace: namespace.cloned(),
        })
    }

    /// The field `ExistingReleaseName`.
    pub(super) fn existing(&self) -> Result<Option<String>> {
        const FIELD: &str = "ExistingReleaseName";
        let Some(name) = said(self.existing_release_name.as_ref()) else {
            return Ok(None);
        };
        check_existing_name(FIELD, name)?;
        if name.chars().count() > NAME_LIMIT {
            return Err(Error::invalid(
                FIELD,
                format!("is longer than {NAME_LIMIT} characters, and a StatefulSet of such a name has no pods."),
            ));
        }
        Ok(Some(name.clone()))
    }
}

fn said(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(cluster: &str) -> Result<Place> {
        WrittenPlace::read(&json!({"Cluster": cluster}))?.place()
    }

    #[test]
    fn the_limit_of_a_cluster_counts_characters() {
        for name in ["ö".repeat(27), "ö".repeat(CLUSTER_LIMIT)] {
            assert_eq!(place(&name).expect("short enough").cluster, Some(name));
        }
        for letter in ["x", "ö"] {
            let error = place(&letter.repeat(CLUSTER_LIMIT + 1)).expect_err("too long");
            assert_eq!(error.to_string(), "Cluster is longer than 253 characters.");
        }
    }
}
