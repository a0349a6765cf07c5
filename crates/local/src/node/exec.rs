//! Commands that run beside a container: probes and hooks.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::backoff::go;
use super::environment::Environment;
use super::network::Sandbox;
use super::paths::Paths;
use super::process::{Launch, Process, Supervisor, find};

/// How much of the output of a command to keep, as the kubelet does.
const OUTPUT: u64 = 10 * 1024;

/// Where the programs of a container run.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) environment: Environment,
    pub(super) folder: PathBuf,
    pub(super) paths: Paths,
    /// For files of the node itself.
    pub(super) scratch: PathBuf,
    pub(super) supervisor: Supervisor,
    /// The namespaces of the pod, if it has its own.
    pub(super) sandbox: Option<Arc<Sandbox>>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Executed {
    Ended { code: i32, output: String },
    TimedOut(String),
    CannotStart(String),
}

impl Surroundings {
    /// A program with its arguments, to be started here.
    pub(super) fn launch(&self, arguments: Vec<String>, output: File) -> Result<Launch, String> {
        let path = self.environment.get("PATH").unwrap_or_default();
        let program = arguments.first().map(String::as_str).unwrap_or_default();
        let program = find(program, path, &self.folder).map_err(|error| error.to_string())?;
        Ok(Launch {
            program,
            arguments,
            environment: self.environment.clone().into_pairs(),
            folder: Some(self.folder.clone()),
            output,
            is_container: false,
            sandbox: self.sandbox.clone(),
        })
    }

    /// Runs a command until it ends, for so long at most.
    pub(super) async fn execute(&self, command: &[String], longest: Duration) -> Executed {
        let file = self.scratch.join(format!("exec-{}", uuid::Uuid::new_v4().simple()));
        let executed = self.execute_into(command, longest, &file).await;
        let _ = fs::remove_file(file);
        executed.unwrap_or_else(Executed::CannotStart)
    }

    async fn execute_into(&self, command: &[String], longest: Duration, file: &PathBuf) -> Result<Executed, String> {
        let output = File::create(file).map_err(|error| error.to_string())?;
        // Commands of probes and hooks have no references to variables; paths of volumes they may have.
        let arguments = command.iter().map(|argument| self.paths.rewrite(argument)).collect();
        let launch = self.launch(arguments, output)?;
        let started = Process::start(launch, &self.supervisor).await;
        let process = started.map_err(|error| cannot_execute(command, &error))?;
        let Ok(exit) = timeout(longest, process.exit()).await else {
            process.kill();
            process.exit().await;
            let command = command.join(" ");
            return Ok(Executed::TimedOut(format!(
                "command timed out: {command:?} timed out after {}",
                go(longest)
            )));
        };
        let mut output = Vec::new();
        let read = File::open(file).and_then(|file| file.take(OUTPUT).read_to_end(&mut output));
        read.map_err(|error| error.to_string())?;
        Ok(Executed::Ended {
            code: exit.code,
            output: String::from_utf8_lossy(&output).into_owned(),
        })
    }
}

/// Why a program that was found could not be executed, in the words of a container runtime.
pub(super) fn cannot_execute(command: &[String], error: &std::io::Error) -> String {
    let program = command.first().map(String::as_str).unwrap_or_default();
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::NOEXEC) => format!("exec {program}: exec format error"),
        Some(rustix::io::Errno::ACCESS) => format!("exec: {program:?}: permission denied"),
        // Its interpreter: the program itself was found.
        Some(rustix::io::Errno::NOENT) => format!("exec {program}: no such file or directory"),
        _ => format!("exec: {program:?}: {error}"),
    }
}
