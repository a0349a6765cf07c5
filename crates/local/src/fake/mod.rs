//! A cluster in memory whose pods are a script's, and whose time can be let pass at once.
//!
//! Between two calls of [`FakeCluster::advance`] its time passes as that of the machine does, so that whoever uses it
//! over its socket never waits for a time that stands still.

mod leases;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc as commands;
use tokio::time::{pause, resume, sleep};

use crate::api_server::ApiServer;
use crate::clock::Clock;
use crate::cluster::LocalCluster;
use crate::owner::Folders;
use crate::script::Script;

/// How long to wait after a time has passed: all that is due at its end is done when the next moment comes.
const MOMENT: Duration = Duration::from_millis(1);

/// How long watches last, and how often they get bookmarks: whoever watches is in the same process, and a day passes at
/// once.
const WATCHES: Duration = Duration::from_hours(24 * 365);
const BOOKMARKS: Duration = Duration::from_hours(24);

/// What happens without a call: objects that every cluster has, and what reports on others.
const OWN: &[&str] = &["Event", "Namespace", "Node", "ServiceAccount"];

/// A cluster in memory, which runs on a thread of its own until it is dropped.
#[derive(Debug)]
pub struct FakeCluster {
    folders: Folders,
    script: Script,
    running: Running,
    commands: Option<commands::UnboundedSender<Advance>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread tells of its cluster.
#[derive(Clone)]
struct Running {
    api: ApiServer,
    clock: Clock,
    runtime: Handle,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Running")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// An amount of time that is to pass, and who waits for it.
struct Advance {
    by: Duration,
    done: mpsc::Sender<()>,
}

impl FakeCluster {
    /// Starts a cluster in which every pod becomes ready.
    ///
    /// # Errors
    /// The folder, the socket or the thread cannot be made.
    pub fn start() -> io::Result<Self> {
        let folders = Folders::hidden()?;
        let script = Script::new();
        let (sender, receiver) = commands::unbounded_channel();
        let (started, start) = mpsc::channel();
        let (socket, scripted) = (folders.socket().to_owned(), script.clone());
        let thread = std::thread::Builder::new().name("fake-cluster".to_owned());
        let thread = thread.spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(run(&socket, &scripted, receiver, &started));
        })?;
        let running = start.recv().map_err(io::Error::other)??;
        Ok(Self {
            folders,
            script,
            running,
            commands: Some(sender),
            thread: Some(thread),
        })
    }

    /// The socket of its API server.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folders.socket().to_owned()
    }

    /// Says what becomes of its pods.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The time of the cluster.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let _guard = self.running.runtime.enter();
        self.running.clock.now()
    }

    /// Lets time pass at once. All that is due in between happens in its order.
    pub fn advance(&self, by: Duration) {
        let (done, is_done) = mpsc::channel();
        if let Some(commands) = &self.commands
            && commands.send(Advance { by, done }).is_ok()
        {
            // It fails when the thread has ended, whose time passes no more.
            let _ = is_done.recv();
        }
    }

    /// The kinds, namespaces and names of the objects that are left, without those that every cluster has.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, String, String)> {
        let mut objects = self.running.api.objects();
        objects.retain(|(kind, ..)| !OWN.contains(&kind.as_str()));
        objects
    }

    /// What was reported on objects, and by whom: the source, the namespace and the name of the object, the reason and
    /// the message.
    #[must_use]
    pub fn events(&self) -> Vec<[String; 5]> {
        let events = self.running.api.objects_of("Event");
        let words = |event: &Value| {
            let pointers = [
                "/source/component",
                "/involvedObject/namespace",
                "/involvedObject/name",
                "/reason",
                "/message",
            ];
            pointers.map(|at| event.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        events.iter().map(|event| words(event)).collect()
    }

    /// Removes an object, whoever it belongs to; one that is gone is as good as removed.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) {
        self.running.api.remove(kind, namespace, name);
    }

    /// Ends the cluster.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.folders.remove();
    }
}

impl Drop for FakeCluster {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a cluster until nobody can send commands any more.
async fn run(
    socket: &std::path::Path,
    script: &Script,
    mut commands: commands::UnboundedReceiver<Advance>,
    started: &mpsc::Sender<io::Result<Running>>,
) {
    let listener = match UnixListener::bind(socket) {
        Ok(listener) => listener,
        Err(error) => return drop(started.send(Err(error))),
    };
    let clock = Clock::new();
    let cluster = LocalCluster::start_scripted(clock, script);
    let (api, api_of_leases) = (cluster.api().clone(), cluster.client("default"));
    api.create_namespaces(true);
    api.set_watches(WATCHES, BOOKMARKS);
    let running = Running {
        api: api.clone(),
        clock,
        runtime: Handle::current(),
    };
    let _ = started.send(Ok(running));
    let serving = tokio::spawn(async move { api.serve(listener).await });
    let leases = leases::Leases::new(api_of_leases, clock);
    while let Some(Advance { by, done }) = commands.recv().await {
        leases.renew_for(by).await;
        // The runtime goes to the next time for which anything waits whenever it has nothing else to do.
        pause();
        sleep(by).await;
        sleep(MOMENT).await;
        resume();
        let _ = done.send(());
    }
    serving.abort();
    cluster.stop().await;
}

#[cfg(test)]
mod tests;
