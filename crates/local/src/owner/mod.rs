//! The local cluster of a process: on a thread of its own, with a socket by which this user's other processes find it.

mod folders;
mod objects;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::oneshot;

pub use folders::{Folders, running};
use objects::Object;

use crate::clock::Clock;
use crate::cluster::LocalCluster;
use crate::node::{Addressing, NodeOptions};

/// How long processes have for their end when the process that has the cluster ends, which waits for them.
const GRACE: Duration = Duration::from_secs(3);

/// The variable that says how pods are reached.
const REACH: &str = "K8SDATASERVICE_LOCAL_REACH";

/// The variable with files of objects, and folders of such files, which the cluster has from the beginning.
const OBJECTS: &str = "K8SDATASERVICE_LOCAL_OBJECTS";

/// A local cluster, which runs on a thread of its own until it is stopped.
#[derive(Debug)]
pub struct Owner {
    folders: Folders,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Starts a cluster, and removes what processes that were killed have left behind.
    ///
    /// `path` are folders in which programs are looked for before those of `PATH`. `claims` is where the contents of
    /// claims stay when the cluster is gone; without it, they go with it.
    ///
    /// # Errors
    /// The folders, the socket or the cluster cannot be made.
    pub fn start(path: &[PathBuf], claims: Option<PathBuf>) -> io::Result<Self> {
        let objects = std::env::var_os(OBJECTS).unwrap_or_default();
        Self::start_with(path, claims, addressing(std::env::var_os(REACH))?, &objects)
    }

    fn start_with(
        path: &[PathBuf],
        claims: Option<PathBuf>,
        addressing: Addressing,
        objects: &OsStr,
    ) -> io::Result<Self> {
        let objects = objects::read(objects).map_err(|error| of_objects(&error))?;
        let folders = Folders::make()?;
        let mut options = NodeOptions::new(folders.data());
        options.stop_grace = GRACE;
        options.addressing = addressing;
        options.search_first(path);
        if let Some(claims) = claims {
            options.claims = claims;
        }
        options.removes_folder = Some(folders.data().to_owned());
        for (name, value) in [
            ("K8SDATASERVICE_LOCAL", "processes".to_owned()),
            (
                "K8SDATASERVICE_LOCAL_SOCKET",
                folders.socket().to_string_lossy().into_owned(),
            ),
        ] {
            options.environment.insert(name.to_owned(), value);
        }
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let socket = folders.socket().to_owned();
        let thread = std::thread::Builder::new().name("local-cluster".to_owned());
        let thread = thread.spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                let begun = async {
                    let cluster = LocalCluster::start(Clock::new(), options).await?;
                    cluster.api().create_namespaces(true);
                    for object in objects {
                        let (object, place) = object.into_parts();
                        let provided = cluster.api().provide(object);
                        provided.map_err(|problem| of_objects(&Object::refused(&place, &problem)))?;
                    }
                    Ok((cluster, UnixListener::bind(socket)?))
                };
                let (cluster, listener) = match begun.await {
                    Ok(begun) => begun,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _ = started.send(Ok(()));
                let api = cluster.api().clone();
                tokio::select! {
                    () = api.serve(listener) => {}
                    _ = stopped => {}
                }
                cluster.stop().await;
            });
        })?;
        // Its end removes the folders, also if the cluster could not be made.
        let owner = Self {
            folders,
            stop: Some(stop),
            thread: Some(thread),
        };
        start.recv().map_err(io::Error::other)??;
        Ok(owner)
    }

    /// The socket of its API server.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folders.socket().to_owned()
    }

    /// Ends all its processes, and removes its folders.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.folders.remove();
    }
}

/// How pods are reached, by the value of the variable.
fn addressing(value: Option<OsString>) -> io::Result<Addressing> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(Addressing::default());
    };
    let value = value.to_string_lossy();
    Addressing::named(&value).ok_or_else(|| {
        let problem = format!(
            "{REACH} is {value:?}, but it is \"namespaces\" (each pod has a network namespace of its own), \"addresses\" \
             (each has an address of its own), \"ports\" (each has ports of its own) or not set"
        );
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    })
}

/// The error about the objects of a cluster.
fn of_objects(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{OBJECTS}: {error}"))
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests;
