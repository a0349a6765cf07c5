//! Clusters on this machine alone, whose replicas are processes: when one is meant, and which.

use std::env::var_os;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::text::shorten;

/// The environment variable that switches local mode on, with the value `processes`.
pub const LOCAL: &str = "K8SDATASERVICE_LOCAL";

/// The environment variable with the socket of the one local cluster to use, which its replicas have.
pub const LOCAL_SOCKET: &str = "K8SDATASERVICE_LOCAL_SOCKET";

/// Replicas are processes on this machine.
const PROCESSES: &str = "processes";

/// Starts and finds local clusters. A front end gives one to the client ([`Client::with_local`]).
///
/// [`Client::with_local`]: crate::client::Client::with_local
pub trait LocalClusters: Debug + Send + Sync {
    /// The socket of the cluster that this process has, if it has one.
    fn own(&self) -> Option<PathBuf>;

    /// Starts a cluster unless this process has one, and returns its socket. This blocks.
    ///
    /// # Errors
    /// The cluster cannot be started.
    fn start(&self) -> io::Result<PathBuf>;

    /// The sockets of the clusters that this user's other processes have, the newest first. This blocks.
    ///
    /// # Errors
    /// The folder of the sockets cannot be used.
    fn others(&self) -> io::Result<Vec<PathBuf>>;
}

/// Whether the environment asks for a local cluster.
///
/// # Errors
/// [`Error::InvalidSpec`] for a value that is none.
pub(super) fn is_local() -> Result<bool> {
    let Some(value) = var_os(LOCAL).filter(|value| !value.is_empty()) else {
        return Ok(false);
    };
    if value == PROCESSES {
        return Ok(true);
    }
    let value = shorten(&value.to_string_lossy());
    Err(Error::invalid(
        LOCAL,
        format!("is {value}, but it is \"{PROCESSES}\" or not set."),
    ))
}

/// The one local cluster that the environment names.
pub(super) fn named_socket() -> Option<PathBuf> {
    let socket = var_os(LOCAL_SOCKET).filter(|socket| !socket.is_empty());
    socket.map(PathBuf::from)
}

/// The error about local clusters that cannot be started or found.
pub(super) fn unusable(problem: &io::Error) -> Error {
    Error::Cluster {
        problem: format!("{LOCAL} is set, but there can be no local cluster: {problem}."),
    }
}

/// The error of a front end that has no local clusters.
pub(super) fn unsupported() -> Error {
    Error::Cluster {
        problem: format!("{LOCAL} is set, but this program has no local clusters. Unset it."),
    }
}
