//! What a container runs: its program, arguments and environment.

use std::fs::File;
use std::path::PathBuf;
use std::sync::PoisonError;

use k8s_openapi::api::core::v1::Container;
use kube::ResourceExt;

use super::{Machine, Worker};
use crate::node::environment::{self, Environment, Facts};
use crate::node::exec::{Surroundings, cannot_execute};
use crate::node::paths::Paths;
use crate::node::process::{CONTAINER, NO_IMAGE, OWNER, Process};
use crate::node::volumes;

/// Where a container writes why it ended, unless it says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// A container that can be started.
pub(super) struct Prepared {
    pub(super) surroundings: Surroundings,
    /// Nothing if the program is that of the image.
    pub(super) arguments: Vec<String>,
    /// Where the container writes why it ended.
    pub(super) message: PathBuf,
}

impl Worker {
    /// Prepares a container.
    ///
    /// # Errors
    ///
    /// In the kubelet's words, for what a container waits as `CreateContainerConfigError`.
    pub(super) async fn prepare(&self, container: &Container) -> Result<Prepared, String> {
        let Machine::Processes { supervisor, .. } = &self.shared.machine else {
            return Err("this node runs no processes".to_owned());
        };
        let namespace = self.pod.namespace().unwrap_or_default();
        let sources = environment::read(&self.shared.client, &namespace, environment::sources_of(container)).await;
        let sources = sources.map_err(|error| error.to_string())?;
        let given = self.where_to_listen();
        let define = |paths: &Paths| {
            let facts = Facts {
                pod: &self.pod,
                place: &self.place,
                sources: &sources,
                capacity: &self.shared.options.capacity,
                paths,
                given: &given,
            };
            environment::of_container(container, &facts)
        };
        // Paths may depend on variables, whose values may have paths.
        let folders = self.volumes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut paths, variables) = volumes::of_container(container, &folders, &define(&Paths::default())?)?;
        let message = self.scratch().join(format!("{}.termination-log", container.name));
        let path = container
            .termination_message_path
            .as_deref()
            .filter(|path| !path.is_empty());
        paths.add(path.unwrap_or(TERMINATION_LOG), message.clone());
        let defined = define(&paths)?;
        let command = container.command.as_deref().unwrap_or_default();
        // Arguments alone are for the program of the image.
        let words = command
            .iter()
            .chain(container.args.iter().flatten().filter(|_| !command.is_empty()));
        let arguments = words.map(|word| defined.expand(&paths.rewrite(word))).collect();
        let folder = match container.working_dir.as_deref().filter(|folder| !folder.is_empty()) {
            Some(folder) => paths.resolve(folder),
            None => match &self.shared.options.working_folder {
                Some(folder) => folder.clone(),
                None => std::env::current_dir().map_err(|error| error.to_string())?,
            },
        };
        let mut environment = self.own_environment();
        environment.extend(&variables);
        environment.extend(&defined);
        for (name, value) in self.markers(container) {
            environment.set(name, value);
        }
        Ok(Prepared {
            surroundings: Surroundings {
                environment,
                folder,
                paths,
                scratch: self.scratch(),
                supervisor: supervisor.clone(),
                sandbox: self.sandbox.get().cloned(),
            },
            arguments,
            message,
        })
    }

    /// What a process has before its container defines anything.
    fn own_environment(&self) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in &self.shared.options.environment {
            environment.set(name, value.as_str());
        }
        environment.set("HOSTNAME", self.hostname());
        environment
    }

    /// The name that the pod has for itself.
    pub(super) fn hostname(&self) -> String {
        let hostname = self.spec().hostname.clone().filter(|name| !name.is_empty());
        hostname.unwrap_or_else(|| self.pod.name_any())
    }

    /// Where a server is to listen, so that it gets the requests to its own pod, and no others.
    fn where_to_listen(&self) -> Environment {
        let mut given = Environment::default();
        for name in ["POD_IP", "SERVER_HOST"] {
            given.set(name, self.place.address.as_str());
        }
        given
    }

    fn markers(&self, container: &Container) -> [(&'static str, String); 2] {
        let owner = self.shared.machine.owner();
        [(OWNER, owner.to_owned()), (CONTAINER, self.marker(container))]
    }

    /// The marker that identifies the processes of a container.
    pub(super) fn marker(&self, container: &Container) -> String {
        format!("{}/{}/{}", self.shared.machine.owner(), self.uid, container.name)
    }
}

impl Prepared {
    /// Starts the process.
    ///
    /// # Errors
    ///
    /// In the words of a container runtime.
    pub(super) async fn start(&self, output: File) -> Result<Process, String> {
        let words = |error: String| format!("failed to start container process: {error}");
        if self.arguments.is_empty() {
            return Err(words(format!("executable file not found: {NO_IMAGE}")));
        }
        let folder = &self.surroundings.folder;
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(words(format!(
                "chdir to cwd (\"{folder}\") failed: no such file or directory"
            )));
        }
        File::create(&self.message).map_err(|error| words(error.to_string()))?;
        let mut launch = self
            .surroundings
            .launch(self.arguments.clone(), output)
            .map_err(words)?;
        launch.is_container = true;
        let started = Process::start(launch, &self.surroundings.supervisor).await;
        started.map_err(|error| words(cannot_execute(&self.arguments, &error)))
    }
}
