//! Processes: each in a process group of its own, which ends as a whole.

mod leftovers;
mod listeners;
mod search;
mod supervisor;

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::{oneshot, watch};

use super::network::Sandbox;

#[cfg(target_os = "linux")]
pub(super) use leftovers::has_ended;
pub(super) use leftovers::{CONTAINER, OWNER, end_leftovers, owner};
pub(super) use listeners::{Holder, Listener, holders, listeners, overlap, shared};
pub(super) use search::{NO_IMAGE, find};
pub(super) use supervisor::Supervisor;

/// The exit code of a process that could not be observed to its end.
const UNKNOWN: i32 = 255;

/// What to start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    /// The name under which the program is started, and its arguments.
    pub(super) arguments: Vec<String>,
    /// All of its environment.
    pub(super) environment: Vec<(String, String)>,
    pub(super) folder: Option<PathBuf>,
    /// Where its output and its errors go.
    pub(super) output: File,
    /// Whether all processes of the container end with this one, and not only those of its group.
    pub(super) is_container: bool,
    /// The namespaces in which it runs, unless they are those of this process.
    pub(super) sandbox: Option<Arc<Sandbox>>,
}

impl Launch {
    /// Starts the process. It gets the namespaces of this thread, which has to be one of its own.
    fn start(mut self) -> io::Result<Child> {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.enter()?;
        }
        self.command()?.spawn()
    }

    fn command(self) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        let mut arguments = self.arguments.into_iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments).env_clear().envs(self.environment);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        command
            .stdin(Stdio::null())
            .stdout(self.output.try_clone()?)
            .stderr(self.output);
        command.process_group(0);
        Ok(command)
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub(super) code: i32,
    pub(super) signal: Option<i32>,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        let signal = status.signal();
        let code = status.code().or(signal.map(|signal| 128 + signal));
        Self {
            code: code.unwrap_or(UNKNOWN),
            signal,
        }
    }
}

/// A process and its children. They are killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    group: Arc<Group>,
    exit: watch::Receiver<Option<Exit>>,
}

#[derive(Debug)]
struct Group {
    id: Pid,
    /// Whether the number still belongs to the group: the leader has not been waited for.
    is_ours: Mutex<bool>,
}

impl Group {
    fn signal(&self, signal: Signal) {
        let is_ours = self.is_ours.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_ours {
            // A group that has just ended gets no signal.
            let _ = rustix::process::kill_process_group(self.id, signal);
        }
    }
}

impl Process {
    /// Starts a process.
    ///
    /// A thread waits for it, because only a leader that is not yet waited for keeps the number of its group from being
    /// given to others: so no signal reaches a stranger.
    pub(super) async fn start(launch: Launch, supervisor: &Supervisor) -> io::Result<Self> {
        let (started, start) = oneshot::channel();
        let (ended, exit) = watch::channel(None);
        let supervisor = supervisor.clone();
        let mut markers = launch.environment.iter().filter(|_| launch.is_container);
        let marker = markers.find(|(name, _)| name == CONTAINER).cloned();
        thread::Builder::new()
            .name("local-replica".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || {
                let child = match launch.start() {
                    Ok(child) => child,
                    Err(error) => {
                        let _ = started.send(Err(error));
                        return;
                    }
                };
                let group = Arc::new(Group {
                    id: Pid::from_child(&child),
                    is_ours: Mutex::new(true),
                });
                supervisor.add(group.id);
                if started.send(Ok(group.clone())).is_err() {
                    group.signal(Signal::KILL);
                }
                let exit = wait(child, &group);
                supervisor.remove(group.id);
                if let Some((name, value)) = marker {
                    leftovers::end_marked(&name, &value);
                }
                ended.send_replace(Some(exit));
            })?;
        let group = start.await.map_err(io::Error::other)??;
        Ok(Self { group, exit })
    }

    /// The number of the process and of its group.
    pub(super) fn id(&self) -> i32 {
        self.group.id.as_raw_nonzero().get()
    }

    /// Waits until the process has ended, and its children with it.
    pub(super) async fn exit(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        ended.unwrap_or(Exit {
            code: UNKNOWN,
            signal: None,
        })
    }

    /// Asks the processes of the group to end.
    ///
    /// The signal goes to all of them: a shell that waits for a command of its own does not pass it on.
    pub(super) fn terminate(&self) {
        self.group.signal(Signal::TERM);
    }

    /// Ends all processes of the group.
    pub(super) fn kill(&self) {
        self.group.signal(Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a process, and ends its children.
fn wait(mut child: Child, group: &Group) -> Exit {
    let id = WaitId::Pid(group.id);
    while let Err(rustix::io::Errno::INTR) =
        rustix::process::waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
    group.signal(Signal::KILL);
    let mut is_ours = group.is_ours.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.wait();
    *is_ours = false;
    status.map_or(
        Exit {
            code: UNKNOWN,
            signal: None,
        },
        Exit::from,
    )
}

#[cfg(test)]
mod tests;
