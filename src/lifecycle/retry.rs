//! Requests that are repeated while their fault may pass, and only until the deadline.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use kube::core::ApiResource;
use tokio::time::{Instant, sleep, timeout_at};

use crate::cluster::{Fault, Kind};
use crate::error::{Error, ObjectReference, Result};
use crate::swallowed::{self, LastCause};
use crate::text::sentence;

/// For how long to ask again where the account seems to lack a permission. An API server that has just started takes
/// requests before it has read the roles, and forbids everything until then.
const DOUBT: Duration = Duration::from_secs(1);

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
            end: moment_after(started, span),
        }
    }

    /// This deadline, or the one that is this far away where that is later.
    #[must_use]
    pub(super) fn or_after(self, span: Duration) -> Self {
        let other = Self::after(span);
        if self.end < other.end { other } else { self }
    }

    /// The moment when one of so many shares of the time has passed, counted from now.
    #[must_use]
    pub fn share(&self, of: u32) -> Instant {
        self.end.min(Instant::now() + (self.end - self.started) / of)
    }

    /// How long one request may take. A reply that was lost must not eat up the time of the next try.
    fn of_one_request(&self) -> Instant {
        self.share(2)
    }

    fn seconds(&self) -> f64 {
        (self.end - self.started).as_secs_f64()
    }
}

/// The moment that is so far away; one that is too far to be counted is as good as the end of a century.
pub(super) fn moment_after(start: Instant, span: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
    start.checked_add(span).unwrap_or(start + CENTURY)
}

/// The step that is attempted, for messages.
#[derive(Debug, Clone)]
pub(super) struct Step {
    verb: &'static str,
    group: String,
    resource: String,
    object: ObjectReference,
    retry_forbidden: bool,
}

impl Step {
    /// An attempt to `verb` (as RBAC names it) an object.
    pub(super) fn new<K: Kind>(verb: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            verb,
            group: K::group(&()).into_owned(),
            resource: K::plural(&()).into_owned(),
            object: reference::<K>(namespace, name),
            retry_forbidden: true,
        }
    }

    /// An attempt to `verb` an object of a resource.
    pub(super) fn of(verb: &'static str, resource: &ApiResource, namespace: &str, name: &str) -> Self {
        Self {
            verb,
            group: resource.group.clone(),
            resource: resource.plural.clone(),
            object: ObjectReference::new(&resource.kind, namespace, name),
            retry_forbidden: true,
        }
    }

    /// The same attempt by an account that need not have the permission, so that a missing permission is no surprise.
    pub(super) fn optional(self) -> Self {
        Self {
            retry_forbidden: false,
            ..self
        }
    }

    /// The error that a fault of this step is.
    pub(super) fn failed(&self, fault: Fault) -> Error {
        fault.into_error(self.verb, (&self.group, &self.resource), self.object.clone())
    }

    /// Logs an error of this step that no caller gets, once per cause. `consequence` is the beginning of a sentence
    /// about the object.
    pub(super) fn swallow(&self, consequence: &'static str, cause: &dyn Display) {
        swallowed::log(consequence, &self.object, cause);
    }

    /// Logs that a try has failed. The caller gets only the last cause, so that this is for those who look
    /// closer.
    fn note_try(&self, cause: &str) {
        let Self { verb, object, .. } = self;
        tracing::debug!(
            namespace = object.namespace,
            object = swallowed::named(object),
            verb,
            cause,
            "Could not {verb} {object}, and tries again: {cause}"
        );
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

    /// Waits, for longer than the API server asked; `false` if the deadline would pass meanwhile.
    pub(super) async fn wait(&mut self, deadline: Deadline, at_least: Option<Duration>) -> bool {
        // Jitter is added: all callers that were rejected together got the same time.
        let delay = at_least
            .unwrap_or_default()
            .saturating_add(self.0.next().unwrap_or_default());
        if moment_after(Instant::now(), delay) >= deadline.end {
            return false;
        }
        sleep(delay).await;
        true
    }
}

/// Repeats a request while it fails in a way that may pass. Other faults are the caller's, who knows what they mean.
///
/// A missing permission and a rejected credential are believed after a [`DOUBT`]; not at all where the API server was
/// in trouble just before.
///
/// # Errors
/// `Ok(Err(_))` is a fault that repeating does not help; `Err(_)` is [`Error::Unavailable`] at the deadline.
pub(super) async fn retry<T, F>(deadline: Deadline, step: &Step, request: impl Fn() -> F) -> Result<Result<T, Fault>>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut backoff = Backoff::new();
    let mut was_in_trouble = false;
    let mut doubted_until = None;
    let (mut reported, mut trouble) = (None, LastCause::default());
    loop {
        let (cause, retry_after) = match timeout_at(deadline.of_one_request(), request()).await {
            Ok(Err(Fault::Transient { message, retry_after })) => {
                reported = Some(message.clone());
                (message, retry_after)
            }
            Ok(Err(fault)) if fault.is_unauthorized() || (step.retry_forbidden && fault.is_missing_permission()) => {
                let until = *doubted_until.get_or_insert_with(|| Instant::now() + DOUBT);
                if was_in_trouble {
                    (fault.to_string(), None)
                } else if Instant::now() < until && backoff.wait(deadline, None).await {
                    continue;
                } else {
                    return Ok(Err(fault));
                }
            }
            Ok(answer) => return Ok(answer),
            // The last try may have had little time: an earlier one that was answered explains more.
            Err(_) => (unanswered(reported.as_deref()), None),
        };
        was_in_trouble = true;
        if trouble.is_new(&cause) {
            step.note_try(&cause);
        }
        if !backoff.wait(deadline, retry_after).await {
            return Err(step.unavailable(deadline, &cause));
        }
    }
}

/// Repeats a request as [`retry`] does, where its answer only helps: an error is logged and not returned.
pub(super) async fn retry_or_log<T, F>(
    deadline: Deadline,
    step: &Step,
    consequence: &'static str,
    request: impl Fn() -> F,
) -> Option<T>
where
    F: Future<Output = Result<T, Fault>>,
{
    match retry(deadline, step, request).await {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(fault)) => step.swallow(consequence, &fault),
        Err(error) => step.swallow(consequence, &error),
    }
    None
}

/// The cause of a request that ended without an answer, with what an earlier try has reported.
fn unanswered(reported: Option<&str>) -> String {
    const CAUSE: &str = "the API server did not answer in time";
    reported.map_or_else(
        || CAUSE.to_owned(),
        |reported| format!("{CAUSE}; an earlier try failed: {reported}"),
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use k8s_openapi::api::apps::v1::StatefulSet;

    use super::*;
    use crate::swallowed::recorder::record;

    fn forbidden() -> Fault {
        Fault::Refused {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: "User \"x\" cannot get resource \"statefulsets\" in API group \"apps\"".to_owned(),
        }
    }

    /// Repeats a request that is answered by the number of its try, and also returns after how many seconds it ended.
    async fn repeated(step: Step, answer: impl Fn(usize) -> Result<(), Fault>) -> (f64, Result<Result<(), Fault>>) {
        let started = Instant::now();
        let tries = Cell::new(0);
        let deadline = Deadline::after(Duration::from_millis(2500));
        let result = retry(deadline, &step, || {
            tries.set(tries.get() + 1);
            let answer = answer(tries.get());
            std::future::ready(answer)
        })
        .await;
        (started.elapsed().as_secs_f64(), result)
    }

    fn reading() -> Step {
        Step::new::<StatefulSet>("get", "flyte", "foo")
    }

    #[tokio::test(start_paused = true)]
    async fn a_span_that_cannot_be_counted_is_long() {
        let deadline = Deadline::after(Duration::MAX);
        assert!(deadline.end > Instant::now());
        assert!(
            !Backoff::new()
                .wait(Deadline::after(Duration::from_secs(1)), Some(Duration::MAX))
                .await
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_has_not_read_its_roles_yet_is_asked_again() {
        let (_, result) = repeated(reading(), |n| if n < 4 { Err(forbidden()) } else { Ok(()) }).await;
        assert!(matches!(result, Ok(Ok(()))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_stays_missing_is_reported_after_a_second() {
        let (seconds, result) = repeated(reading(), |_| Err(forbidden())).await;
        assert!(matches!(result, Ok(Err(fault)) if fault.is_missing_permission()));
        assert!((1.0..2.2).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_credential_is_reported_after_a_second_too() {
        let unauthorized = || Fault::Refused {
            code: 401,
            reason: "Unauthorized".to_owned(),
            message: "Unauthorized".to_owned(),
        };
        let (seconds, result) = repeated(reading().optional(), |_| Err(unauthorized())).await;
        assert!(matches!(result, Ok(Err(fault)) if fault.is_unauthorized()));
        assert!((1.0..2.2).contains(&seconds), "{seconds}");
        let answer = |n| if n < 4 { Err(unauthorized()) } else { Ok(()) };
        assert!(matches!(repeated(reading(), answer).await.1, Ok(Ok(()))));
        let answer = |n| {
            Err(if n == 1 {
                Fault::transient("away")
            } else {
                unauthorized()
            })
        };
        assert!(matches!(
            repeated(reading(), answer).await.1,
            Err(Error::Unavailable { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_is_missing_after_an_outage_is_part_of_the_outage() {
        let answer = |n| Err(if n == 1 { Fault::transient("away") } else { forbidden() });
        let (_, result) = repeated(reading(), answer).await;
        assert!(matches!(result, Err(Error::Unavailable { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_need_not_be_there_is_not_waited_for() {
        let (seconds, result) = repeated(reading().optional(), |_| Err(forbidden())).await;
        assert!(matches!(result, Ok(Err(_))));
        assert!(seconds < 0.01, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_try_without_an_answer_keeps_the_cause_of_an_earlier_one() {
        let tries = Cell::new(0);
        let result = retry(Deadline::after(Duration::from_millis(500)), &reading(), || {
            tries.set(tries.get() + 1);
            let is_first = tries.get() == 1;
            async move {
                if is_first {
                    return Err::<(), _>(Fault::transient("it does not speak TLS"));
                }
                std::future::pending().await
            }
        })
        .await;
        let Err(Error::Unavailable { cause, .. }) = result else {
            panic!("{result:?}");
        };
        assert!(cause.contains("did not answer in time"), "{cause}");
        assert!(cause.contains("it does not speak TLS"), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_fails_is_logged_once_per_cause_for_those_who_look_closer() {
        let tries = std::cell::Cell::new(0);
        let (records, guard) = record();
        let step = Step::new::<StatefulSet>("get", "flyte", "foo");
        let result = retry(Deadline::after(Duration::from_secs(10)), &step, || {
            tries.set(tries.get() + 1);
            std::future::ready(match tries.get() {
                1..4 => Err(Fault::transient("away")),
                4..6 => Err(Fault::transient("overloaded")),
                _ => Ok(()),
            })
        });
        assert!(matches!(result.await, Ok(Ok(()))));
        drop(guard);
        let logged = records.all();
        assert!(logged.iter().all(|each| each.level == tracing::Level::DEBUG));
        let messages: Vec<_> = logged.iter().map(|each| each.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "Could not get StatefulSet foo in namespace flyte, and tries again: away",
                "Could not get StatefulSet foo in namespace flyte, and tries again: overloaded",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_what_is_only_a_help_is_logged_in_kubernetes_own_words() {
        let (records, guard) = record();
        let step = Step::new::<StatefulSet>("list", "flyte", "").optional();
        for _ in 0..3 {
            let refusal = || Fault::Refused {
                code: 403,
                reason: "Forbidden".to_owned(),
                message: "statefulsets.apps is forbidden: User \"c\" cannot list".to_owned(),
            };
            let deadline = Deadline::after(Duration::from_secs(1));
            let nothing = retry_or_log(deadline, &step, "they are left out of a test", || {
                std::future::ready(Err::<(), _>(refusal()))
            });
            assert_eq!(nothing.await, None);
        }
        drop(guard);
        let messages: Vec<_> = records.all().into_iter().map(|each| each.message).collect();
        assert_eq!(
            messages,
            [
                "StatefulSets in namespace flyte: they are left out of a test: statefulsets.apps is forbidden: User \"c\" \
              cannot list."
            ]
        );
    }
}
