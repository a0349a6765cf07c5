//! The one bridge between Python and the runtime: nothing else spawns, blocks, releases the GIL or checks signals.

use std::future::Future;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_async_runtimes::tokio::{future_into_py, get_runtime, init};

use crate::shutdown::{WORKERS, expect_end, is_ending, note_answer};
use crate::{errors, fork, logging};
use k8sdataservice::error::Result;
use k8sdataservice::panic::{catch_panic, catch_panic_sync};

/// How often a sync call looks for signals: Ctrl-C ends it within this time.
const SIGNALS: Duration = Duration::from_millis(50);

/// How long an interrupted call may take to end.
const ABORT: Duration = Duration::from_millis(500);

/// Runs a future on the runtime, as an awaitable of the running event loop. Cancelling the awaitable drops the future
/// at its await.
pub(crate) fn spawn<F, T>(py: Python<'_>, future: F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    enter(py)?;
    if is_ending() {
        return Err(errors::raise(
            "DataServiceError",
            "Python ends, so that nothing can be awaited any more. Use the sync method.",
        ));
    }
    future_into_py(py, async move {
        let answer = catch_panic(future).await;
        note_answer();
        if is_ending() {
            // No caller is left.
            std::future::pending::<()>().await;
        }
        answer.map_err(errors::to_python)
    })
}

/// Runs a future to its end, with the GIL released. A signal whose handler raises ends it and drops the future.
///
/// The future runs on the runtime's own threads, so that a signal handler may make calls of its own while this one
/// waits.
pub(crate) fn block<F, T>(py: Python<'_>, future: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    enter(py)?;
    let stay_if_over = stay_if_over();
    py.detach(|| {
        let (sender, answer) = mpsc::channel();
        let task = get_runtime().spawn(async move { sender.send(catch_panic(future).await) });
        loop {
            let next = answer.recv_timeout(SIGNALS);
            stay_if_over();
            match next {
                Ok(answer) => return answer.map_err(errors::to_python),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(errors::raise(
                        "DataServiceError",
                        "The call ended without an answer: this is a bug in the core.",
                    ));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method alone is not general enough in its lifetime"
            )]
            let signals = Python::attach(|py| py.check_signals());
            if let Err(signal) = signals {
                task.abort();
                // Returns once the future is dropped, so that nothing is sent after the caller knows of the
                // interruption; but not later than this, should something block the thread that has to drop it.
                let _ = answer.recv_timeout(ABORT);
                return Err(signal);
            }
        }
    })
}

/// Looks into memory with the GIL released, since that may take milliseconds while an event loop waits for it.
pub(crate) fn look<T: Send>(py: Python<'_>, looking: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    if !fork::is_at_home() {
        // Nothing is in memory yet, and nobody has asked to be called at the end of Python.
        return catch_panic_sync(looking).map_err(errors::to_python);
    }
    let stay_if_over = stay_if_over();
    let looked = py.detach(|| {
        let looked = catch_panic_sync(looking);
        stay_if_over();
        looked
    });
    looked.map_err(errors::to_python)
}

/// A thread that has released the GIL when Python ends must not come back to it: it stays where it calls the result.
fn stay_if_over() -> impl Fn() + Send + Sync {
    let is_late = is_ending();
    move || {
        while is_ending() && !is_late {
            std::thread::park();
        }
    }
}

/// Starts the runtime at the first call, and refuses calls in a child of the process that did: its threads, and so the
/// runtime, did not survive the fork, and a call would hang for ever.
fn enter(py: Python<'_>) -> PyResult<()> {
    let here = std::process::id();
    let mut is_first = false;
    let home = *fork::PROCESS.get_or_init(|| {
        is_first = true;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder
            .worker_threads(WORKERS)
            .thread_name("k8sdataservice")
            .enable_all();
        init(builder);
        here
    });
    if is_first {
        expect_end(py)?;
        logging::forward();
    }
    if here == home {
        logging::refresh(py);
        return Ok(());
    }
    Err(errors::raise(
        "DataServiceError",
        "This process was forked from one that had already used the data service client, whose threads a fork does not \
         copy. Start the child with the \"spawn\" or \"forkserver\" method, or use the client only after the fork.",
    ))
}
