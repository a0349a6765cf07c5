//! In which process the runtime lives: a fork does not copy its threads.

use std::sync::OnceLock;

/// The process in which the runtime lives.
pub(crate) static PROCESS: OnceLock<u32> = OnceLock::new();

/// Whether this process was forked from one in which the runtime lives.
pub(crate) fn is_fork() -> bool {
    PROCESS.get().is_some_and(|home| *home != std::process::id())
}

/// Whether the runtime lives in this process, and not in one that this one was forked from.
pub(crate) fn is_at_home() -> bool {
    PROCESS.get() == Some(&std::process::id())
}
