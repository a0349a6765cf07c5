//! How a node runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::addresses::Addressing;
use super::backoff::FIRST;

/// What a process gets of this process's environment: where programs are, whose they are, and how they speak. Nothing
/// else is inherited, so that a replica has what its configuration says.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
];

/// How a node runs.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The name of the node. It runs the pods that the scheduler has given to it.
    pub name: String,
    /// Where the logs and volumes of pods are; the folder of each pod goes with it.
    pub folder: PathBuf,
    /// Where what claims hold is. It stays until the claim is deleted, also when the node has stopped.
    pub claims: PathBuf,
    /// A folder that the supervisor removes when this process is killed.
    pub removes_folder: Option<PathBuf>,
    /// How pods are reached.
    pub addressing: Addressing,
    /// The environment that every process begins with, before what its container defines.
    pub environment: BTreeMap<String, String>,
    /// Where processes run whose container has no `workingDir`; where this process runs unless given.
    pub working_folder: Option<PathBuf>,
    /// How long the second restart of a container waits; each later one waits twice as long, up to 5 min.
    pub first_back_off: Duration,
    /// How long processes have for their end when the node stops; the grace period of their pod if that is shorter.
    pub stop_grace: Duration,
    /// How much of each resource the node reports to have. Nothing limits what processes take.
    pub capacity: BTreeMap<String, Quantity>,
}

impl NodeOptions {
    /// A node called `local` that keeps everything below this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let environment = INHERITED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let capacity = [
            ("cpu", "1000000"),
            ("memory", "1Pi"),
            ("ephemeral-storage", "1Pi"),
            ("pods", "1000000"),
        ];
        Self {
            name: "local".to_owned(),
            claims: folder.join("claims"),
            folder: folder.join("pods"),
            removes_folder: None,
            addressing: Addressing::default(),
            environment: environment.collect(),
            working_folder: None,
            first_back_off: FIRST,
            stop_grace: Duration::from_secs(10),
            capacity: capacity
                .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
                .into(),
        }
    }

    /// Lets programs be found in these folders before those of `PATH`.
    pub fn search_first(&mut self, folders: &[PathBuf]) {
        let path = self.environment.get("PATH").cloned().unwrap_or_default();
        let all = folders.iter().cloned().chain(std::env::split_paths(&path));
        if let Some(path) = std::env::join_paths(all).ok().and_then(|path| path.into_string().ok()) {
            self.environment.insert("PATH".to_owned(), path);
        }
    }
}
