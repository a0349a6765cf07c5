//! Secrets and `ConfigMaps` that a pod reads.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

/// What holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Kind {
    Secret,
    ConfigMap,
}

impl Kind {
    /// As the kubelet's errors spell it.
    pub(in super::super) fn lower(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
        }
    }

    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

pub(in super::super) type Values = BTreeMap<String, Vec<u8>>;

/// The values of each object, or `None` if it does not exist.
pub(in super::super) type Sources = BTreeMap<(Kind, String), Option<Values>>;

/// Reads objects of a namespace.
pub(in super::super) async fn read(
    client: &Client,
    namespace: &str,
    names: impl IntoIterator<Item = (Kind, String)>,
) -> Result<Sources, kube::Error> {
    let mut sources = Sources::new();
    for (kind, name) in names {
        if sources.contains_key(&(kind, name.clone())) {
            continue;
        }
        let values = match kind {
            Kind::Secret => Api::<Secret>::namespaced(client.clone(), namespace)
                .get_opt(&name)
                .await?
                .map(of_secret),
            Kind::ConfigMap => {
                let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
                maps.get_opt(&name).await?.map(of_config_map)
            }
        };
        sources.insert((kind, name), values);
    }
    Ok(sources)
}

fn of_secret(secret: Secret) -> Values {
    let data = secret.data.unwrap_or_default();
    data.into_iter().map(|(key, value)| (key, value.0)).collect()
}

fn of_config_map(map: ConfigMap) -> Values {
    let text = map
        .data
        .unwrap_or_default()
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()));
    let binary = map
        .binary_data
        .unwrap_or_default()
        .into_iter()
        .map(|(key, value)| (key, value.0));
    text.chain(binary).collect()
}
