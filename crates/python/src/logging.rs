//! The core's log records in Python's `logging`: under the name `k8sdataservice`, with the fields of each record as
//! attributes.
//!
//! A record whose level is off costs a look at a number: Python is not asked. The number is brought up to date by each
//! call into the core, which has the GIL anyway, at most once in [`FRESH`].

use std::fmt::Debug;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::shutdown::is_ending;

/// The name of the logger, and how the targets of the core's records begin.
const NAME: &str = "k8sdataservice";

/// For how long a level counts that was read from Python.
const FRESH: Duration = Duration::from_millis(100);

/// The least level of Python that is on, as far as is known: `WARNING` until Python is asked.
static LEVEL: AtomicU8 = AtomicU8::new(30);

/// When Python was last asked for it.
static ASKED: Mutex<Option<Instant>> = Mutex::new(None);

static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Begins to forward. Another subscriber of the process, if there is one, stays.
pub(crate) fn forward() {
    let _ = tracing::subscriber::set_global_default(Forward);
}

/// Brings the level up to date, unless that was done a moment ago.
pub(crate) fn refresh(py: Python<'_>) {
    let mut asked = match ASKED.try_lock() {
        Ok(asked) => asked,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Another thread is about to.
        Err(TryLockError::WouldBlock) => return,
    };
    if asked.is_some_and(|asked| asked.elapsed() < FRESH) {
        return;
    }
    *asked = Some(Instant::now());
    // Python may run other threads while it is asked.
    drop(asked);
    if let Ok(level) = effective_level(py) {
        LEVEL.store(level, Ordering::Relaxed);
    }
}

fn effective_level(py: Python<'_>) -> PyResult<u8> {
    // `logging.disable` counts before the levels of loggers.
    let disabled: i64 = py
        .import("logging")?
        .getattr("root")?
        .getattr("manager")?
        .getattr("disable")?
        .extract()?;
    let level: i64 = logger(py)?.call_method0("getEffectiveLevel")?.extract()?;
    let least = level.max(disabled.saturating_add(1));
    Ok(u8::try_from(least).unwrap_or(u8::MAX))
}

fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let make = || Ok(py.import("logging")?.call_method1("getLogger", (NAME,))?.unbind());
    LOGGER.get_or_try_init(py, make).map(|logger| logger.bind(py))
}

/// Python's number for a level.
fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

/// Passes each event on at once, on the thread that it happens on: at the end of Python the threads of the runtime are
/// waited for. Nothing logs while it holds a lock that a thread with the GIL may wait for.
struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if !metadata.is_span() && metadata.target().starts_with(NAME) {
            // The level may change at any time.
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span()
            && metadata.target().starts_with(NAME)
            && number(*metadata.level()) >= LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if is_ending() {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = number(*event.metadata().level());
        // Nothing can be done about a handler that fails, or a Python that has ended meanwhile.
        let _ = Python::try_attach(|py| {
            let extra = PyDict::new(py);
            for (name, value) in &fields.others {
                extra.set_item(attribute(name), value)?;
            }
            let arguments = PyDict::new(py);
            arguments.set_item("extra", extra)?;
            logger(py)?.call_method("log", (level, "%s", fields.message), Some(&arguments))?;
            PyResult::Ok(())
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The attributes that every `LogRecord` has, which `logging` lets nobody replace, as far as a field may be called so.
const RESERVED: [&str; 8] = [
    "args", "created", "message", "module", "msg", "name", "process", "thread",
];

/// The name of a field as an attribute of a record.
fn attribute(field: &str) -> String {
    let suffix = if RESERVED.contains(&field) { "_" } else { "" };
    format!("{field}{suffix}")
}

/// The message of an event, and its other fields as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.others.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.others.push((field.name(), format!("{value:?}")));
        }
    }
}
