//! Processes that a run has left behind, found by a marker in their environment.
//!
//! A process whose owner was killed ends with the supervisor. This finds what is left if both were killed, and children
//! that have left the group of their container.

use std::fs;
use std::time::Duration;

/// Who started a process.
pub(in super::super) const OWNER: &str = "K8SDATASERVICE_LOCAL_OWNER";

/// Of which container a process is.
pub(in super::super) const CONTAINER: &str = "K8SDATASERVICE_LOCAL_CONTAINER";

/// How long to wait before a second look.
const PAUSE: Duration = Duration::from_millis(2);

/// This process as an owner: where its number is valid, the number, when it began, and a node of it.
pub(in super::super) fn owner() -> String {
    let id = std::process::id();
    let node = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "{}.{id}.{}.{}",
        numbering("self").unwrap_or_default(),
        began(&id.to_string()).unwrap_or_default(),
        &node[..8]
    )
}

/// Ends processes whose owner is gone. Returns how many there were.
///
/// Without `/proc` nothing is found.
pub(in super::super) fn end_leftovers() -> usize {
    let Some(here) = numbering("self") else { return 0 };
    end(|environment| {
        variable(environment, OWNER)
            .and_then(|owner| std::str::from_utf8(owner).ok())
            .is_some_and(|owner| is_gone(owner, &here))
    })
}

/// Whether this owner has ended.
#[cfg(target_os = "linux")]
pub(in super::super) fn has_ended(owner: &str) -> bool {
    numbering("self").is_some_and(|here| is_gone(owner, &here))
}

/// Ends the processes with this variable, until there are no more.
pub(super) fn end_marked(name: &str, value: &str) {
    let mut found_none = 0;
    // A process has no environment for a moment while it executes another program, and others may be forking.
    while found_none < 2 {
        let ended = end(|environment| variable(environment, name) == Some(value.as_bytes()));
        found_none = if ended == 0 { found_none + 1 } else { 0 };
        std::thread::sleep(PAUSE);
    }
}

/// Whether an owner of this numbering has ended. One that is numbered otherwise, such as in a container, is unknown.
fn is_gone(owner: &str, here: &str) -> bool {
    let mut parts = owner.split('.');
    let (Some(there), Some(id), Some(start)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    there == here && began(id).as_deref() != Some(start)
}

/// The namespace in which a process has its number.
fn numbering(process: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/{process}/ns/pid")).ok()?;
    Some(link.to_str()?.chars().filter(char::is_ascii_digit).collect())
}

/// When a process began, in ticks since the machine did.
fn began(process: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let state = rest.split_whitespace().next()?;
    let began = rest.split_whitespace().nth(19)?.to_owned();
    // A zombie has ended: only its parent has not seen it yet.
    (!matches!(state, "Z" | "X")).then_some(began)
}

/// The value of a variable in the environment of a process.
pub(super) fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let rest = entry.strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })
}

#[cfg(target_os = "linux")]
fn end(is_meant: impl Fn(&[u8]) -> bool) -> usize {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let me = std::process::id().to_string();
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut ended = 0;
    for name in names.filter(|name| *name != me) {
        let environment = || fs::read(format!("/proc/{name}/environ")).is_ok_and(|found| is_meant(&found));
        let Some(id) = name.parse().ok().and_then(Pid::from_raw).filter(|_| environment()) else {
            continue;
        };
        let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else {
            continue;
        };
        // The number may have been given to another process before it was opened, but not since.
        if environment() && pidfd_send_signal(process, Signal::KILL).is_ok() {
            ended += 1;
        }
    }
    ended
}

#[cfg(not(target_os = "linux"))]
fn end(_: impl Fn(&[u8]) -> bool) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_gone_if_its_number_belongs_to_nobody_or_to_another() {
        let me = owner();
        let here = numbering("self").expect("a namespace");
        assert!(!is_gone(&me, &here));
        let parts: Vec<&str> = me.split('.').collect();
        assert!(is_gone(&format!("{}.{}.1.x", parts[0], parts[1]), &here));
        assert!(is_gone(&format!("{}.999999999.1.x", parts[0]), &here));
        assert!(!is_gone("1.999999999.1.x", &here), "of another namespace");
        assert!(!is_gone("nonsense", &here));
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environment = b"AB=1\0A=2\0";
        assert_eq!(variable(environment, "A"), Some(&b"2"[..]));
        assert_eq!(variable(environment, "B"), None);
    }
}
