//! Which cluster: in-cluster, the kubeconfig's current context, or the one that a configuration names: a cluster of the
//! platform's settings, or without any a context of the kubeconfig.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use kube::config::AuthInfo;
use kube::{Client, Config};
use secrecy::ExposeSecret;

use super::credentials::{Credentials, Source as CredentialSource};
use super::fault::{UNAUTHORIZED, Unreachable};
use super::files::kubeconfig_files;
use super::flights::Flights;
use super::in_cluster::{IN_CLUSTER, TOKEN, is_in_cluster};
use super::key::{Key, Source};
use super::kubeconfig::{self, Files, Selected};
use super::local::is_local;
use super::origin::Origin;
use super::redaction::{NO_HEADER, client_problem, in_cluster_problem};
use super::{KubeApi, LocalClusters, NOT_KUBERNETES, transport, unix_socket};
use crate::error::{Error, Result};
use crate::panic::catch_panic_sync;
use crate::platform::Platform;
use crate::status::Status;
use crate::text::{sentence, shorten};

/// The reason of a state that could not be read.
const UNKNOWN: &str = "Unknown";

/// The message about a request that did not end in time.
const LATE: &str = "the API server did not answer in time";

/// How long one attempt to connect may take. An API server that is away is tried again, not waited for.
const CONNECT: Duration = Duration::from_secs(2);

/// The clusters in use, one shared client each, made when it is first needed.
pub struct Clusters {
    pub(super) known: Arc<KnownClusters>,
    connecting: Flights<Option<String>, Result<Connection>>,
}

/// A cluster to talk to.
#[derive(Clone)]
pub struct Connection {
    /// The cluster.
    pub api: KubeApi,
    /// Which it is.
    pub key: Key,
    /// What the user should know about how it was chosen.
    pub warning: Option<String>,
    origin: Arc<Origin>,
    credentials: Option<Arc<Credentials>>,
}

/// The clients that have been made.
pub(super) struct KnownClusters {
    platform: Arc<Platform>,
    /// The local clusters, where the front end has any.
    pub(super) local: Option<Arc<dyn LocalClusters>>,
    clients: Mutex<HashMap<Key, Known>>,
}

/// The state of a key.
#[derive(Clone)]
enum Known {
    Client(Box<Connection>),
    /// The kubeconfig has no such context. Remembered, so that it is not read again for each call.
    NoSuchContext,
}

impl Clusters {
    /// The clusters of a platform, and local ones where the front end has any. Nothing is connected to yet.
    #[must_use]
    pub fn new(platform: Arc<Platform>, local: Option<Arc<dyn LocalClusters>>) -> Self {
        Self {
            known: Arc::new(KnownClusters {
                platform,
                local,
                clients: Mutex::default(),
            }),
            connecting: Flights::default(),
        }
    }

    /// Connects to a cluster: makes a client for it. Files are read on a thread of their own, and once for all callers.
    ///
    /// Without a name: the cluster this process runs in, else the kubeconfig's current context. With one: the cluster
    /// of that name in the platform's settings. Where these have no clusters: the context of that name; where no
    /// context has it, the default cluster and a warning, since the documents of the plugin set `Cluster` to names that
    /// no context has. In local mode every name stands for the cluster of this process, which is started at the first
    /// call.
    ///
    /// # Errors
    /// [`Error::Cluster`] when there is no configuration, or one that cannot be used;
    /// [`Error::InvalidSpec`] when the platform's settings have clusters, and none of that name.
    pub async fn connect(&self, name: Option<&str>) -> Result<Connection> {
        let name = name.map(str::to_owned);
        let known = Arc::clone(&self.known);
        let work = {
            let name = name.clone();
            move || catch_panic_sync(|| known.connect(name.as_deref()))
        };
        let connection = self.connecting.join(name, work).await;
        connection.unwrap_or_else(|| {
            Err(Error::Bug {
                words: "connecting ended without a result".to_owned(),
            })
        })
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
        let contexts = tokio::task::spawn_blocking(contexts).await.unwrap_or_default();
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

    /// Whether there is any configuration of a cluster that is used where none is named, usable or not.
    #[must_use]
    pub fn has_default() -> bool {
        let names_a_pod = std::env::var_os(IN_CLUSTER).is_some();
        names_a_pod || kubeconfig_files().iter().any(|(_, changed)| changed.is_some())
    }

    /// Which cluster [`Self::connect`] has connected to under that name, if it has: nothing is read and nothing is
    /// made.
    #[must_use]
    pub fn connected(&self, name: Option<&str>) -> Option<Key> {
        if is_local().ok()? {
            let key = self.known.own_local()?;
            return matches!(self.known.find(&key)?, Known::Client(_)).then_some(key);
        }
        let key = match self.known.platform.cluster(name).ok()? {
            Some(settings) => Key::of_settings(settings),
            None => Key::of_context(name).unwrap_or_else(Key::of_default),
        };
        match self.known.find(&key)? {
            Known::Client(_) => Some(key),
            Known::NoSuchContext => {
                let default = Key::of_default();
                matches!(self.known.find(&default)?, Known::Client(_)).then_some(default)
            }
        }
    }
}

impl Connection {
    /// Stands for the default cluster where there is none: every request fails with the problem.
    #[must_use]
    pub fn unusable(problem: &str) -> Self {
        let problem = problem.to_owned();
        let service = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let refusal = Unreachable(problem.clone());
            async move { Err::<http::Response<kube::client::Body>, _>(refusal) }
        });
        Self {
            api: KubeApi::new(Client::new(service, "default")),
            key: Key::of_default(),
            warning: None,
            origin: Arc::default(),
            credentials: None,
        }
    }

    /// Whether an error of a call means that this is a local cluster whose process has ended.
    #[must_use]
    pub fn has_ended(&self, error: &Error) -> bool {
        matches!(self.key.0, Source::Local(_)) && matches!(error, Error::Cluster { .. })
    }

    /// Waits, at a terminal, for a credential program that may ask the person there for a login. It has a minute.
    pub async fn log_in(&self) {
        if let Some(credentials) = &self.credentials {
            credentials.log_in().await;
        }
    }

    /// Adds to an error the server that could not be reached, its configuration, and what the client waits for.
    #[must_use]
    pub fn explain(&self, error: Error) -> Error {
        match error {
            Error::Unavailable {
                verb,
                object,
                seconds,
                cause,
            } => Error::Unavailable {
                verb,
                object,
                seconds,
                cause: self.why(&cause),
            },
            Error::Cluster { problem } => Error::Cluster {
                problem: format!("{} {}", sentence(&problem), self.origin),
            },
            Error::Rejected { reason, code: 401, .. } if reason == UNAUTHORIZED => Error::Cluster {
                problem: self.origin.rejected(),
            },
            // The earlier changes of an update.
            Error::Partial { error, done } => Error::Partial {
                error: Box::new(self.explain(*error)),
                done,
            },
            Error::Rejected {
                verb,
                object,
                message,
                reason,
                code,
            } if reason == NOT_KUBERNETES => Error::Rejected {
                verb,
                object,
                message: format!("{} {}", sentence(&message), self.origin),
                reason,
                code,
            },
            other => other,
        }
    }

    /// The same for a state that is not known.
    ///
    /// # Errors
    /// As the state that is given.
    pub fn explain_status(&self, status: Result<Status>) -> Result<Status> {
        match status {
            Ok(status) if status.reason == UNKNOWN => Ok(Status {
                message: self.why(&status.message),
                ..status
            }),
            Ok(status) => Ok(status),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn why(&self, words: &str) -> String {
        let words = sentence(words);
        match self
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.waits_for())
        {
            Some(wait) if words.contains(LATE) => format!("{} {}", words.replace(LATE, &wait), self.origin),
            Some(wait) => format!("{words} At the moment, {wait}. {}", self.origin),
            None => format!("{words} {}", self.origin),
        }
    }
}

impl KnownClusters {
    /// As [`Clusters::connect`], but blocking.
    fn connect(&self, name: Option<&str>) -> Result<Connection> {
        if is_local()? {
            return self.start_local();
        }
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
        let connection = self.find_or_make(key)?;
        Ok(Connection { warning, ..connection })
    }

    pub(super) fn find_or_make(&self, key: Key) -> Result<Connection> {
        if let Some(Known::Client(connection)) = self.find(&key) {
            return Ok(*connection);
        }
        let made = make(key.clone())?;
        self.remember(key, Known::Client(Box::new(made.clone())));
        Ok(made)
    }

    fn find(&self, key: &Key) -> Option<Known> {
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn remember(&self, key: Key, what: Known) {
        let mut known = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        // A kubeconfig that has changed leaves behind what nobody will ask for again.
        if let Source::Kubeconfig { own, files, .. } = &key.0 {
            known.retain(|old, _| match &old.0 {
                Source::Kubeconfig {
                    own: same, files: of, ..
                } => same != own || of == files,
                Source::InCluster | Source::Local(_) => true,
            });
        }
        known.insert(key, what);
    }
}

/// Makes a client. Files are read, so this blocks.
fn make(key: Key) -> Result<Connection> {
    let (selected, files) = match &key.0 {
        Source::Local(socket) => return local_connection(socket.clone()),
        Source::InCluster => (in_cluster()?, None),
        Source::Kubeconfig { own, context, files } => {
            let paths: Vec<_> = files.iter().map(|(path, _)| path.clone()).collect();
            let files = Files::read(&paths, own.is_some())?;
            (files.select(context.as_deref())?, Some(files))
        }
    };
    let Selected {
        mut config,
        origin,
        proxy,
        source,
    } = selected;
    let origin = Arc::new(origin);
    // The lifecycle repeats requests itself, inside its own deadlines.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    let is_broken = has_broken_token(&config.auth_info);
    let made = || -> Result<(Client, Option<Arc<Credentials>>), kube::Error> {
        let Some(source) = source else {
            return Ok((transport::client(config, proxy.as_ref())?, None));
        };
        let credentials = Credentials::new(source, Arc::clone(&origin), config, proxy)?;
        Ok((credentials.client(), Some(credentials)))
    };
    let made = if is_broken {
        Err(NO_HEADER.to_owned())
    } else {
        made().map_err(|source| client_problem(&source))
    };
    let problem = match made {
        Ok((client, credentials)) => {
            return Ok(Connection {
                api: KubeApi::new(client),
                key,
                warning: None,
                origin,
                credentials,
            });
        }
        Err(problem) => problem,
    };
    Err(match files {
        Some(files) => files.faulty(&origin, &problem),
        None => no_account(&problem),
    })
}

/// Whether no HTTP header can have the token, for which the client panics.
fn has_broken_token(user: &AuthInfo) -> bool {
    let token = user.token.as_ref().map(ExposeSecret::expose_secret);
    token.is_some_and(|token| HeaderValue::from_str(token).is_err())
}

/// Makes a client for the local cluster of a socket.
fn local_connection(socket: PathBuf) -> Result<Connection> {
    let client = unix_socket::client(&socket).map_err(|source| Error::Cluster {
        problem: sentence(&client_problem(&source)),
    })?;
    let origin = Origin {
        socket: Some(socket.clone()),
        ..Origin::default()
    };
    Ok(Connection {
        api: KubeApi::new(client),
        key: Key::of_local(socket),
        warning: None,
        origin: Arc::new(origin),
        credentials: None,
    })
}

/// The service account of this pod.
fn in_cluster() -> Result<Selected> {
    let mut config = Config::incluster().map_err(|source| no_account(&in_cluster_problem(&source)))?;
    let proxy = kubeconfig::proxy_in_cluster(&config)?;
    let origin = Origin {
        server: Some(config.cluster_url.to_string().trim_end_matches('/').to_owned()),
        proxy: proxy.as_ref().map(ToString::to_string),
        ..Origin::default()
    };
    config.auth_info.token_file = None;
    Ok(Selected {
        config,
        origin,
        proxy,
        source: Some(CredentialSource::TokenFile(TOKEN.into())),
    })
}

fn no_account(problem: &str) -> Error {
    Error::Cluster {
        problem: sentence(&format!(
            "This process runs in a cluster ({IN_CLUSTER} is set), but its service account cannot be used: {problem}"
        )),
    }
}

/// The names of the kubeconfig's contexts.
fn contexts() -> Vec<String> {
    let paths: Vec<_> = kubeconfig_files().into_iter().map(|(path, _)| path).collect();
    let files = Files::read(&paths, false);
    files
        .map(|files| files.contexts().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Whether the kubeconfig has a context of that name. A process in a cluster need not have any kubeconfig.
fn has_context(name: &str) -> Result<bool> {
    let paths: Vec<_> = kubeconfig_files().into_iter().map(|(path, _)| path).collect();
    match Files::read(&paths, false) {
        Ok(files) => Ok(files.contexts().any(|context| context == name)),
        Err(_) if is_in_cluster() => Ok(false),
        Err(error) => Err(error),
    }
}
