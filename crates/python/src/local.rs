//! The local cluster of this process, which ends with it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8sdataservice::cluster::LocalClusters;
use k8sdataservice_local::owner::{Owner, running};
use pyo3::prelude::*;

/// The variable with the folder where the contents of claims stay when the process ends.
const CLAIMS: &str = "K8SDATASERVICE_LOCAL_CLAIMS";

/// The cluster of this process, and the number of the process that started it, which a fork has not.
static OWN: Mutex<Option<(u32, Owner)>> = Mutex::new(None);

fn own() -> MutexGuard<'static, Option<(u32, Owner)>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The local clusters of this machine, for the client.
#[derive(Debug)]
struct Local {
    /// Where the interpreter is, and with it the programs of its packages.
    programs: Vec<PathBuf>,
}

impl LocalClusters for Local {
    fn own(&self) -> Option<PathBuf> {
        let own = own();
        let (process, owner) = own.as_ref()?;
        (*process == std::process::id()).then(|| owner.socket())
    }

    fn start(&self) -> io::Result<PathBuf> {
        let mut own = own();
        let here = std::process::id();
        if let Some((process, owner)) = own.as_ref()
            && *process == here
        {
            return Ok(owner.socket());
        }
        let claims = std::env::var_os(CLAIMS).filter(|folder| !folder.is_empty());
        let owner = Owner::start(&self.programs, claims.map(PathBuf::from))?;
        let socket = owner.socket();
        // A fork has no thread of the cluster that its parent has, which goes on there.
        std::mem::forget(own.replace((here, owner)));
        Ok(socket)
    }

    fn others(&self) -> io::Result<Vec<PathBuf>> {
        let own = self.own();
        let mut others = running()?;
        others.retain(|socket| Some(socket) != own.as_ref());
        Ok(others)
    }
}

/// The local clusters for a client of this interpreter.
pub(crate) fn local(py: Python<'_>) -> PyResult<Option<Arc<dyn LocalClusters>>> {
    let executable: Option<PathBuf> = py.import("sys")?.getattr("executable")?.extract()?;
    let programs = executable.and_then(|executable| executable.parent().map(PathBuf::from));
    Ok(Some(Arc::new(Local {
        programs: programs.into_iter().collect(),
    })))
}

/// Ends the local cluster of this process, if it has one, with all its processes and folders.
pub(crate) fn stop() {
    let owner = own().take_if(|(process, _)| *process == std::process::id());
    drop(owner);
}

/// Ends the local cluster of this process, if it has one, with all its processes and folders.
#[pyfunction]
pub(crate) fn stop_local_cluster(py: Python<'_>) {
    py.detach(stop);
}

/// The socket of the local cluster of this process, if it has one.
#[pyfunction]
pub(crate) fn local_cluster() -> Option<PathBuf> {
    let local = Local { programs: Vec::new() };
    local.own()
}
