//! Errors that no caller gets: of watches, of retries, and of work in the background. They are logged
//! once per cause, and not once per try.

#[cfg(test)]
pub(crate) mod recorder;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ObjectReference;
use crate::text::sentence;

/// After which time a cause is logged again that has not changed.
const AGAIN: Duration = Duration::from_mins(10);

/// How many errors are distinguished.
const MOST: usize = 512;

/// The last cause of one trouble.
#[derive(Debug, Default)]
pub(crate) struct LastCause(Option<String>);

impl LastCause {
    /// A cause that is logged already.
    pub(crate) fn of(cause: &str) -> Self {
        Self(Some(without_numbers(cause)))
    }

    /// Whether this is another cause than the last one. Numbers, such as times and versions, make no other cause.
    pub(crate) fn is_new(&mut self, cause: &str) -> bool {
        let cause = without_numbers(cause);
        let is_new = self.0.as_ref() != Some(&cause);
        self.0 = Some(cause);
        is_new
    }

    /// Notes that the trouble has passed, and returns whether there was any.
    pub(crate) fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// The consequence of an error, and the object that it is about.
type Subject = (&'static str, String);

/// The last cause of each, and when it was logged.
static LOGGED: LazyLock<Mutex<HashMap<Subject, (LastCause, Instant)>>> = LazyLock::new(Mutex::default);

/// Logs an error that no caller gets, unless the same one was logged a short time ago. `consequence` is the beginning
/// of a sentence about the object, such as `its log is left out of an answer`.
///
/// It must not be called while a lock is held that a thread of Python may wait for.
pub(crate) fn log(consequence: &'static str, object: &ObjectReference, cause: &dyn Display) {
    // A record that no subscriber sees does not count as logged, and costs nothing.
    if !tracing::enabled!(tracing::Level::WARN) {
        return;
    }
    let cause = cause.to_string();
    // The lock is released before anything is logged.
    if is_due((consequence, object.to_string()), &cause) {
        tracing::warn!(
            namespace = object.namespace,
            object = named(object),
            cause,
            "{object}: {consequence}: {}",
            sentence(&cause)
        );
    }
}

/// An object as the field `object` of a record names it: its namespace is a field of its own.
pub(crate) fn named(object: &ObjectReference) -> String {
    ObjectReference::new(&object.kind, "", &object.name).to_string()
}

fn is_due(subject: Subject, cause: &str) -> bool {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.len() >= MOST && !logged.contains_key(&subject) {
        logged.clear();
    }
    let now = Instant::now();
    let (last, when) = logged.entry(subject).or_insert_with(|| (LastCause::default(), now));
    let is_due = last.is_new(cause) || now.duration_since(*when) >= AGAIN;
    if is_due {
        *when = now;
    }
    is_due
}

fn without_numbers(cause: &str) -> String {
    cause.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::recorder::record;
    use super::*;

    #[test]
    fn each_cause_is_logged_once() {
        let object = ObjectReference::new("StatefulSet", "flyte", "once");
        let (records, guard) = record();
        for cause in ["away for 1 s", "away for 2 s", "forbidden", "forbidden", "away for 3 s"] {
            log("it is left as it is", &object, &cause);
        }
        log(
            "it is left as it is",
            &ObjectReference::new("StatefulSet", "ml", "once"),
            &"away",
        );
        drop(guard);
        let causes: Vec<_> = records.all().iter().map(|record| record.field("cause")).collect();
        assert_eq!(causes, ["away for 1 s", "forbidden", "away for 3 s", "away"]);
        let first = &records.all()[0];
        assert_eq!(first.level, tracing::Level::WARN);
        assert_eq!(
            (first.field("namespace"), first.field("object")),
            ("flyte".to_owned(), "StatefulSet once".to_owned())
        );
        assert_eq!(
            first.message,
            "StatefulSet once in namespace flyte: it is left as it is: away for 1 s."
        );
    }

    #[test]
    fn a_trouble_that_comes_back_is_another_one() {
        let mut last = LastCause::default();
        assert!(last.is_new("away") && !last.is_new("away"));
        assert!(last.clear() && !last.clear());
        assert!(last.is_new("away"));
    }
}
