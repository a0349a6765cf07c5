//! Requests that are repeated while their fault may pass, and only until the deadline.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::{Fault, Kind};
use crate::error::{Error, ObjectReference, Result};
use crate::wording::sentence;

/// Until when a verb may try.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
    end: Instant,
}

impl Deadline {
    /// The deadline that is this far away.
    #[must_use]
    pub fn after(span: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            end: started + span,
        }
    }

    /// This deadline, or the one that is this far away where that is later.
    #[must_use]
    pub(super) fn or_after(self, span: Duration) -> Self {
        let other = Self::after(span);
        if self.end < other.end { other } else { self }
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        Instant::now() >= self.end
    }

    /// How long one request may take. A reply that was lost must not eat up the time of the next try.
    fn of_one_request(&self) -> Instant {
        self.end.min(Instant::now() + (self.end - self.started) / 2)
    }

    fn seconds(&self) -> f64 {
        (self.end - self.started).as_secs_f64()
    }
}

/// What is attempted, for messages.
#[derive(Debug, Clone)]
pub(super) struct Step {
    verb: &'static str,
    group: String,
    resource: String,
    object: ObjectReference,
}

impl Step {
    /// An attempt to `verb` (as RBAC names it) an object.
    pub(super) fn new<K: Kind>(verb: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            verb,
            group: K::group(&()).into_owned(),
            resource: K::plural(&()).into_owned(),
            object: reference::<K>(namespace, name),
        }
    }

    /// The error that a fault of this step is.
    pub(super) fn failed(&self, fault: Fault) -> Error {
        fault.into_error(self.verb, (&self.group, &self.resource), self.object.clone())
    }

    /// The error of a step that the deadline ended.
    pub(super) fn unavailable(&self, deadline: Deadline, cause: &str) -> Error {
        Error::Unavailable {
            verb: self.verb,
            object: self.object.clone(),
            seconds: deadline.seconds(),
            cause: sentence(cause),
        }
    }
}

/// An object of a kind, as messages name it.
pub(super) fn reference<K: Kind>(namespace: &str, name: &str) -> ObjectReference {
    ObjectReference::new(&K::kind(&()), namespace, name)
}

/// Waits a moment that grows from try to try, with jitter so that many callers do not come back at once.
pub(super) struct Backoff(backon::ExponentialBackoff);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(40))
                .with_max_delay(Duration::from_millis(400))
                .with_jitter()
                .without_max_times()
                .build(),
        )
    }

    /// Waits, at least for as long as the API server asked; `false` if the deadline would pass meanwhile.
    pub(super) async fn wait(&mut self, deadline: Deadline, at_least: Option<Duration>) -> bool {
        let delay = self.0.next().unwrap_or_default().max(at_least.unwrap_or_default());
        if Instant::now() + delay >= deadline.end {
            return false;
        }
        sleep(delay).await;
        true
    }
}

/// Repeats a request while it fails in a way that may pass. Other faults are the caller's, who knows what they mean.
///
/// # Errors
/// `Ok(Err(_))` is a fault that repeating does not help; `Err(_)` is [`Error::Unavailable`] at the deadline.
pub(super) async fn repeat<T, F>(deadline: Deadline, step: &Step, request: impl Fn() -> F) -> Result<Result<T, Fault>>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut backoff = Backoff::new();
    loop {
        let (cause, retry_after) = match timeout_at(deadline.of_one_request(), request()).await {
            Ok(Err(Fault::Transient { message, retry_after })) => (message, retry_after),
            Ok(answer) => return Ok(answer),
            Err(_) => ("the API server did not answer in time".to_owned(), None),
        };
        if !backoff.wait(deadline, retry_after).await {
            return Err(step.unavailable(deadline, &cause));
        }
    }
}
