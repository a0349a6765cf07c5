//! A guard for the case that this process is killed: then nothing of it runs that could end its replicas.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Pid;

use super::OWNER;

/// Reads numbers of process groups until its input ends, which is when its owner does. Then it kills those that are
/// left, and what has the owner's marker in its environment, and removes the folder of an owner that was killed.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=
ended=
while read -r verb group; do
  [ "$verb" = end ] && ended=1 && break
  rest=
  for other in $groups; do
    [ "$other" = "$group" ] || rest="$rest $other"
  done
  groups=$rest
  [ "$verb" = - ] || groups="$groups $group"
done
for group in $groups; do
  kill -s KILL -- "-$group" 2>/dev/null
done
if [ -d /proc/1 ]; then
  for look in 1 2; do
    for file in $(grep -Flxz -e "$1" /proc/[0-9]*/environ 2>/dev/null); do
      process=${file#/proc/}
      kill -s KILL "${process%/environ}" 2>/dev/null
    done
  done
fi
[ -n "$ended" ] || [ -z "$2" ] || rm -rf -- "$2"
"#;

/// A process that kills what is left when this one has ended.
#[derive(Debug, Clone)]
pub(in super::super) struct Supervisor(Arc<Mutex<Running>>);

#[derive(Debug)]
struct Running {
    child: Child,
    /// `None` once it is to end.
    input: Option<ChildStdin>,
}

impl Supervisor {
    /// Starts it, in a group of its own, so that Ctrl-C does not reach it.
    ///
    /// It removes the folder if this process is killed.
    pub(in super::super) fn start(owner: &str, folder: Option<&Path>) -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sh", &format!("{OWNER}={owner}")])
            .arg(folder.unwrap_or(Path::new("")))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let input = child.stdin.take();
        Ok(Self(Arc::new(Mutex::new(Running { child, input }))))
    }

    pub(super) fn add(&self, group: Pid) {
        self.write('+', group);
    }

    pub(super) fn remove(&self, group: Pid) {
        self.write('-', group);
    }

    fn write(&self, verb: char, group: Pid) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = format!("{verb} {}\n", group.as_raw_nonzero());
        if let Some(Err(error)) = running.input.as_mut().map(|input| input.write_all(line.as_bytes())) {
            tracing::warn!("the supervisor of local replicas has ended ({error}): they outlive a kill of this process");
            running.input = None;
        }
    }

    /// Closes its input, as the end of this process does.
    #[cfg(test)]
    pub(super) fn abandon(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).input = None;
    }

    /// Lets it kill what is left, and waits until it has.
    pub(in super::super) async fn finish(&self) {
        let supervisor = self.clone();
        let finish = move || {
            let mut running = supervisor.0.lock().unwrap_or_else(PoisonError::into_inner);
            running.end();
            running.child.wait()
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(finish).await {
            tracing::debug!("the supervisor of local replicas could not be waited for: {error}");
        }
    }
}

impl Running {
    /// Lets it end. Its input may stay open: a process that this one has forked has it, too.
    fn end(&mut self) {
        if let Some(mut input) = self.input.take() {
            let _ = input.write_all(b"end\n");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        // It ends by itself, and is waited for so that no zombie stays. It takes moments, and nothing else can wait.
        let _ = self.child.wait();
    }
}
