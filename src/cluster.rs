//! Which cluster: in-cluster, the kubeconfig's current context, or the one that a configuration names: a cluster of the
//! platform's settings, or without any a context of the kubeconfig.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::Response;
use http::header::DATE;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::util::MapResponseLayer;

use crate::api::KubeApi;
use crate::clock;
use crate::error::{Error, Result};
use crate::fuse::fused_call;
use crate::platform::{ClusterSettings, Platform};
use crate::secrets::{kubeconfig_problem, secret_problem};
use crate::wording::{sentence, shorten};

/// Where Kubernetes puts a pod's token (*Accessing the Kubernetes API from a Pod*).
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// The variable that Kubernetes sets in every pod.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// How long one attempt to connect may take. An API server that is away is tried again, not waited for.
const CONNECT: Duration = Duration::from_secs(2);

/// How often to look whether a kubeconfig has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The clusters in use, one shared client each, made when it is first needed.
pub struct Clusters {
    platform: Arc<Platform>,
    known: Mutex<HashMap<Key, Known>>,
}

/// A cluster to talk to.
pub struct Connection {
    /// The cluster.
    pub api: KubeApi,
    /// Which it is.
    pub key: Key,
    /// What the user should know about how it was chosen.
    pub warning: Option<String>,
}

/// Which cluster a client is for, by the configuration it was made from. A kubeconfig that changes makes a new key, and
/// so a new client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Source);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    InCluster,
    Kubeconfig {
        /// The one file that the platform's settings name, instead of the usual ones.
        own: Option<PathBuf>,
        context: Option<String>,
        files: Vec<(PathBuf, Option<SystemTime>)>,
    },
}

/// What is known of a key.
#[derive(Clone)]
enum Known {
    Client(Client),
    /// The kubeconfig has no such context. Remembered, so that it is not read again for each call.
    NoSuchContext,
}

impl Clusters {
    /// The clusters of a platform. Nothing is connected to yet.
    #[must_use]
    pub fn new(platform: Arc<Platform>) -> Self {
        Self {
            platform,
            known: Mutex::default(),
        }
    }

    /// Connects to a cluster.
    ///
    /// Without a name: the cluster this process runs in, else the kubeconfig's current context. With one: the cluster of
    /// that name in the platform's settings. Where these have no clusters: the context of that name; where no context has
    /// it, the default cluster and a warning, since the documents of the plugin set `Cluster` to names that no context
    /// has.
    ///
    /// # Errors
    /// [`Error::Cluster`] when there is no configuration, or one that cannot be used;
    /// [`Error::InvalidSpec`] when the platform's settings have clusters, and none of that name.
    pub async fn connect(&self, name: Option<&str>) -> Result<Connection> {
        let mut warning = None;
        let mut key = Key::of_context(name);
        if let Some(settings) = self.platform.cluster(name)? {
            key = Some(Key::of_settings(settings));
        } else if let (Some(name), Some(named)) = (name, &key) {
            let exists = match self.find(named) {
                Some(known) => matches!(known, Known::Client(_)),
                None => has_context(name)?,
            };
            if !exists {
                self.remember(named.clone(), Known::NoSuchContext);
                key = None;
                let default = if is_in_cluster() {
                    "the cluster that this process runs in"
                } else {
                    "the current context"
                };
                warning = Some(format!(
                    "Cluster {name:?} is not a context of the kubeconfig: {default} is used instead."
                ));
            }
        }
        let key = key.unwrap_or_else(Key::of_default);
        let api = match self.find(&key) {
            Some(Known::Client(client)) => KubeApi::new(client),
            _ => self.client(key.clone()).await?,
        };
        Ok(Connection { api, key, warning })
    }

    /// Connects to the cluster of a name, as [`Self::connect`] does, but to no other where there is none of that name.
    ///
    /// # Errors
    /// As [`Self::connect`], and [`Error::InvalidSpec`] when no context has the name.
    pub async fn connect_exactly(&self, name: &str) -> Result<Connection> {
        let connection = self.connect(Some(name)).await?;
        if connection.warning.is_none() {
            return Ok(connection);
        }
        let contexts = Kubeconfig::read()
            .map(|kubeconfig| kubeconfig.contexts)
            .unwrap_or_default();
        let contexts: Vec<&str> = contexts.iter().map(|context| context.name.as_str()).collect();
        let known = if contexts.is_empty() {
            "which has none".to_owned()
        } else {
            format!("which has {}", contexts.join(", "))
        };
        Err(Error::invalid(
            "cluster",
            format!(
                "is {}, but no context of the kubeconfig has that name, {known}.",
                shorten(name)
            ),
        ))
    }

    /// Which cluster [`Self::connect`] has connected to under that name, if it has: nothing is read and nothing is made.
    #[must_use]
    pub fn connected(&self, name: Option<&str>) -> Option<Key> {
        let key = match self.platform.cluster(name).ok()? {
            Some(settings) => Key::of_settings(settings),
            None => Key::of_context(name).unwrap_or_else(Key::of_default),
        };
        match self.find(&key)? {
            Known::Client(_) => Some(key),
            Known::NoSuchContext => {
                let default = Key::of_default();
                matches!(self.find(&default)?, Known::Client(_)).then_some(default)
            }
        }
    }

    fn find(&self, key: &Key) -> Option<Known> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn remember(&self, key: Key, what: Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A kubeconfig that has changed leaves behind what nobody will ask for again.
        if let Source::Kubeconfig { own, files, .. } = &key.0 {
            known.retain(|old, _| match &old.0 {
                Source::Kubeconfig {
                    own: same, files: of, ..
                } => same != own || of == files,
                Source::InCluster => true,
            });
        }
        known.insert(key, what);
    }

    async fn client(&self, key: Key) -> Result<KubeApi> {
        let mut config = match &key.0 {
            Source::InCluster => Config::incluster().map_err(|source| Error::Cluster {
                problem: format!("This process runs in a cluster, but its service account cannot be used: {source}."),
            })?,
            Source::Kubeconfig { own, context, .. } => {
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                let config = match own {
                    None => Config::from_kubeconfig(&options).await,
                    Some(file) => from_file(file, &options).await,
                };
                config.map_err(|source| match (own, context) {
                    (None, None) => no_cluster(&source),
                    (own, context) => unusable(own.as_deref(), context.as_deref(), &source),
                })?
            }
        };
        // The lifecycle repeats requests itself, inside its own deadlines.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        // The client panics at a token that no HTTP header can have, such as one with the end of a line.
        let made = fused_call(|| Ok(ClientBuilder::try_from(config)));
        let problem = match made {
            Ok(Ok(builder)) => {
                let client = builder.with_layer(&MapResponseLayer::new(hear_date)).build();
                self.remember(key, Known::Client(client.clone()));
                return Ok(KubeApi::new(client));
            }
            Ok(Err(source)) => secret_problem(&source).unwrap_or_else(|| source.to_string()),
            Err(Error::Bug { words }) => words,
            Err(error) => return Err(error),
        };
        Err(Error::Cluster {
            problem: sentence(&format!(
                "No client for the cluster can be made from its configuration: {problem}"
            )),
        })
    }
}

impl Key {
    /// The context of that name, whether or not there is one.
    #[must_use]
    pub fn of_context(name: Option<&str>) -> Option<Self> {
        let context = Some(name?.to_owned());
        Some(Self(Source::Kubeconfig {
            own: None,
            context,
            files: kubeconfig_files(),
        }))
    }

    /// A cluster of the platform's settings.
    fn of_settings(settings: &ClusterSettings) -> Self {
        let context = settings.context.clone();
        match (&settings.kubeconfig, context) {
            (None, None) => Self::of_default(),
            (Some(file), context) => Self(Source::Kubeconfig {
                own: Some(file.clone()),
                context,
                files: vec![dated(file.clone())],
            }),
            (None, context) => Self(Source::Kubeconfig {
                own: None,
                context,
                files: kubeconfig_files(),
            }),
        }
    }

    /// The cluster that is used when none is named.
    fn of_default() -> Self {
        if is_in_cluster() {
            return Self(Source::InCluster);
        }
        Self(Source::Kubeconfig {
            own: None,
            context: None,
            files: kubeconfig_files(),
        })
    }
}

fn hear_date<B>(response: Response<B>) -> Response<B> {
    if let Some(date) = response.headers().get(DATE) {
        clock::hear(date.as_bytes());
    }
    response
}

fn is_in_cluster() -> bool {
    std::env::var_os(IN_CLUSTER).is_some() && last_changed(Path::new(TOKEN)).is_some()
}

/// Whether the kubeconfig has a context of that name. A process in a cluster need not have any kubeconfig.
fn has_context(name: &str) -> Result<bool> {
    match Kubeconfig::read() {
        Ok(kubeconfig) => Ok(kubeconfig.contexts.iter().any(|context| context.name == name)),
        Err(_) if is_in_cluster() => Ok(false),
        Err(source) => Err(no_cluster(&source)),
    }
}

fn no_cluster(source: &KubeconfigError) -> Error {
    Error::Cluster {
        problem: format!(
            "No cluster is configured: this process does not run in one, and the kubeconfig cannot be used ({}). \
             Point KUBECONFIG at a kubeconfig whose current context is the cluster to use.",
            kubeconfig_problem(source)
        ),
    }
}

async fn from_file(file: &Path, options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, options).await
}

fn unusable(file: Option<&Path>, context: Option<&str>, source: &KubeconfigError) -> Error {
    let start = context.map_or_else(|| "The".to_owned(), |context| format!("Context {context} of the"));
    let file = file.map_or_else(String::new, |file| format!(" {}", file.display()));
    Error::Cluster {
        problem: sentence(&format!(
            "{start} kubeconfig{file}, which the platform's settings name, cannot be used: {}",
            kubeconfig_problem(source)
        )),
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
    files.into_iter().map(dated).collect()
}

/// A file and when it was last changed.
fn dated(path: PathBuf) -> (PathBuf, Option<SystemTime>) {
    let changed = last_changed(&path);
    (path, changed)
}

/// When files were looked at, and when each had last changed then.
type Looked = HashMap<PathBuf, (Instant, Option<SystemTime>)>;

/// When a file was last changed, as of a second ago at most: each poll asks, and a file system may be slow to answer.
fn last_changed(path: &Path) -> Option<SystemTime> {
    static LOOKED: LazyLock<Mutex<Looked>> = LazyLock::new(Mutex::default);
    let mut looked = LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, changed)) = looked.get(path)
        && at.elapsed() < LOOK_EVERY
    {
        return *changed;
    }
    let changed = path.metadata().and_then(|metadata| metadata.modified()).ok();
    looked.insert(path.to_owned(), (Instant::now(), changed));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_at_once_a_second() {
        let path = std::env::temp_dir().join(format!("kubeconfig-{}", uuid::Uuid::new_v4()));
        std::fs::write(&path, "one").expect("a file");
        let before = last_changed(&path);
        assert!(before.is_some());
        std::fs::remove_file(&path).expect("the file");
        assert_eq!(last_changed(&path), before);
        std::thread::sleep(LOOK_EVERY);
        assert_eq!(last_changed(&path), None);
    }
}
