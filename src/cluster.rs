//! Which cluster: in-cluster, the kubeconfig's current context, or the context that a configuration names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::api::KubeApi;
use crate::error::{Error, Result};

/// Where Kubernetes puts a pod's token (*Accessing the Kubernetes API from a Pod*).
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// The variable that Kubernetes sets in every pod.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// The clusters in use, one shared client each, made when it is first needed.
#[derive(Default)]
pub struct Clusters {
    clients: Mutex<HashMap<Key, Client>>,
}

/// A cluster to talk to.
pub struct Connection {
    /// The cluster.
    pub api: KubeApi,
    /// What the user should know about how it was chosen.
    pub warning: Option<String>,
}

/// What a client was made from. A kubeconfig that changes makes a new key, and so a new client.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    InCluster,
    Kubeconfig {
        context: Option<String>,
        files: Vec<(PathBuf, Option<SystemTime>)>,
    },
}

impl Clusters {
    /// Connects to a cluster.
    ///
    /// Without a name: the cluster this process runs in, else the kubeconfig's current context. With one: the context
    /// of that name; where no context has it, the default cluster and a warning, since the documents of the plugin set
    /// `Cluster` to names that no context has.
    ///
    /// # Errors
    /// [`Error::Cluster`] when there is no configuration, or one that cannot be used.
    pub async fn connect(&self, name: Option<&str>) -> Result<Connection> {
        let in_cluster = std::env::var_os(IN_CLUSTER).is_some() && Path::new(TOKEN).exists();
        let files = kubeconfig_files();
        if let Some(name) = name {
            let context = Some(name.to_owned());
            let key = Key::Kubeconfig {
                context,
                files: files.clone(),
            };
            // A client that was made for this context from these files proves that they have it.
            let known = self.known(&key).is_some();
            if known || has_context(name, in_cluster)? {
                return self.client(key).await.map(|api| Connection { api, warning: None });
            }
        }
        let key = if in_cluster {
            Key::InCluster
        } else {
            Key::Kubeconfig { context: None, files }
        };
        let warning = name.map(|name| {
            let default = if in_cluster {
                "the cluster that this process runs in"
            } else {
                "the kubeconfig's current context"
            };
            format!("Cluster {name:?} is not a context of the kubeconfig: {default} is used instead.")
        });
        self.client(key).await.map(|api| Connection { api, warning })
    }

    fn known(&self, key: &Key) -> Option<Client> {
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    async fn client(&self, key: Key) -> Result<KubeApi> {
        if let Some(client) = self.known(&key) {
            return Ok(KubeApi::new(client));
        }
        let mut config = match &key {
            Key::InCluster => Config::incluster().map_err(|source| Error::Cluster {
                problem: format!("This process runs in a cluster, but its service account cannot be used: {source}."),
            })?,
            Key::Kubeconfig { context, .. } => {
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                Config::from_kubeconfig(&options)
                    .await
                    .map_err(|source| no_cluster(&source))?
            }
        };
        // The lifecycle repeats requests itself, inside its own deadlines.
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|source| Error::Cluster {
            problem: format!("No client for the cluster can be made from its configuration: {source}."),
        })?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        // A kubeconfig that has changed leaves clients behind that nobody will ask for again.
        if let Key::Kubeconfig { files, .. } = &key {
            clients.retain(|old, _| !matches!(old, Key::Kubeconfig { files: of, .. } if of != files));
        }
        Ok(KubeApi::new(clients.entry(key).or_insert(client).clone()))
    }
}

/// Whether the kubeconfig has a context of that name. A process in a cluster need not have any kubeconfig.
fn has_context(name: &str, in_cluster: bool) -> Result<bool> {
    match Kubeconfig::read() {
        Ok(kubeconfig) => Ok(kubeconfig.contexts.iter().any(|context| context.name == name)),
        Err(_) if in_cluster => Ok(false),
        Err(source) => Err(no_cluster(&source)),
    }
}

fn no_cluster(source: &dyn std::error::Error) -> Error {
    Error::Cluster {
        problem: format!(
            "No cluster is configured: this process does not run in one, and the kubeconfig cannot be used ({source}). \
             Point KUBECONFIG at a kubeconfig whose current context is the cluster to use."
        ),
    }
}

/// The kubeconfig's files and when each was last changed.
fn kubeconfig_files() -> Vec<(PathBuf, Option<SystemTime>)> {
    let named: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|value| {
            std::env::split_paths(&value)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    let files = if named.is_empty() {
        std::env::home_dir()
            .map(|home| home.join(".kube/config"))
            .into_iter()
            .collect()
    } else {
        named
    };
    files
        .into_iter()
        .map(|path| {
            let changed = path.metadata().and_then(|metadata| metadata.modified()).ok();
            (path, changed)
        })
        .collect()
}
