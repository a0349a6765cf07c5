//! The end of the interpreter, which the runtime's threads survive: one that still turned to Python would panic.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3_async_runtimes::tokio::get_runtime;

/// How many threads the runtime has.
pub(crate) const WORKERS: usize = 2;

/// How long the end of a process may wait for a thread that is busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long answers that were on their way to an event loop have to arrive.
const SETTLE: Duration = Duration::from_millis(100);

/// Whether any answer has gone to an event loop.
static ANSWERS: AtomicBool = AtomicBool::new(false);

/// Whether the interpreter ends.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether the interpreter ends.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Notes that an answer goes to an event loop.
pub(crate) fn note_answer() {
    ANSWERS.store(true, Ordering::SeqCst);
}

/// Registers a callback for the end of Python.
pub(crate) fn expect_end(py: Python<'_>) -> PyResult<()> {
    let end = wrap_pyfunction!(end, py)?;
    py.import("atexit")?.call_method1("register", (end,))?;
    Ok(())
}

/// Lets every thread of the runtime finish its present task. Later tasks know that Python is gone.
#[pyfunction]
fn end(py: Python<'_>) {
    ENDING.store(true, Ordering::SeqCst);
    // A child that was forked has none of the threads.
    if !crate::fork::is_at_home() {
        return;
    }
    py.detach(|| {
        crate::local::stop();
        let (here, arrived) = mpsc::channel();
        // Each thread is held until all are, since one alone could take both of these.
        let held: Vec<mpsc::Sender<()>> = (0..WORKERS)
            .map(|_| {
                let (hold, released) = mpsc::channel::<()>();
                let here = here.clone();
                get_runtime().spawn(async move {
                    let _ = here.send(());
                    let _ = released.recv();
                });
                hold
            })
            .collect();
        let until = Instant::now() + PATIENCE;
        for _ in 0..WORKERS {
            let _ = arrived.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
        drop(held);
        // Answers are handed to event loops by other threads, which nobody can count.
        if ANSWERS.load(Ordering::SeqCst) {
            std::thread::sleep(SETTLE);
        }
    });
}
