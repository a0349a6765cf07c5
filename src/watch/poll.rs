//! How a service is doing, from memory where that suffices, else from the cluster.

use std::fmt::Display;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Cache;
use super::logs::LogKey;
use super::namespace::NamespaceWatch;
use super::store::Answer;
use crate::cluster::{Api, Key, server_time};
use crate::error::{ObjectReference, Result};
use crate::lifecycle::{self, Deadline, Found, Observed};
use crate::metrics::{PollSource, note_poll};
use crate::status::{EventFacts, Status};
use crate::swallowed;

/// How long a poll waits for the first report of a watch. The answer leaves out what is still unknown then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Logs that a service could not be read while a watch is cut off.
fn note_unread(place: ServiceRef<'_>, cause: &dyn Display) {
    let object = ObjectReference::new("StatefulSet", place.namespace, place.name);
    swallowed::log("the answer is what was known of it before", &object, cause);
}

/// Which service is meant.
#[derive(Clone, Copy)]
struct ServiceRef<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
}

impl Cache {
    /// Returns how a service is doing, and begins to watch its namespace unless it is watched already.
    ///
    /// With a `uid` only the service with that uid is meant. A watch that has just begun gets a moment to report what
    /// there is. A service that no watch has reported is read, and so is one whose state would be final while a watch
    /// is cut off.
    ///
    /// # Errors
    /// As [`lifecycle::observe`].
    pub async fn poll<A: Api + Clone + 'static>(
        self: &Arc<Self>,
        key: &Key,
        api: &A,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
        deadline: Deadline,
    ) -> Result<Status> {
        let watched = self.follow(key, api, namespace);
        let place = ServiceRef { namespace, name, uid };
        if watched.is_filling() {
            // The watches are about to list the whole namespace: a read per poll meanwhile would only slow that down.
            watched
                .until(
                    || !watched.is_filling(),
                    deadline.share(4).min(Instant::now() + PATIENCE),
                )
                .await;
        }
        if let Some(answer) = watched.look_up(name, uid) {
            let (status, source) = self.complete(&watched, api, place, answer, deadline).await;
            note_poll(source);
            return Ok(status);
        }
        note_poll(PollSource::Read);
        self.read(&watched, api, place, deadline).await
    }

    /// Adds to an answer what it needs.
    async fn complete<A: Api>(
        &self,
        watched: &NamespaceWatch,
        api: &A,
        place: ServiceRef<'_>,
        mut answer: Answer,
        deadline: Deadline,
    ) -> (Status, PollSource) {
        if answer.needs_events {
            let end = Instant::now() + PATIENCE;
            watched.until(|| watched.explanations.is_settled(), end).await;
            answer = watched.look_up(place.name, place.uid).unwrap_or(answer);
        }
        if answer.is_unconfirmed() {
            return self.confirm(watched, api, place, answer, deadline).await;
        }
        let Some(key) = &answer.needs_log else {
            return (answer.status, PollSource::Memory);
        };
        let tail = watched.logs.read(api, place.namespace, key, deadline).await;
        tail.add_to(&mut answer.status);
        (answer.status, PollSource::Read)
    }

    /// Looks at a service whose state would be final, or is known from long ago only, while a watch is cut off.
    async fn confirm<A: Api>(
        &self,
        watched: &NamespaceWatch,
        api: &A,
        place: ServiceRef<'_>,
        answer: Answer,
        deadline: Deadline,
    ) -> (Status, PollSource) {
        let looks = answer.status.phase.is_final() || watched.may_look();
        if looks {
            let looked = lifecycle::look(api, place.namespace, place.name, place.uid, deadline).await;
            match looked {
                Ok(Observed::Found(found)) => {
                    let events = watched.events_of(place.name, &found.pods);
                    let status = self.judge(watched, api, place, &found, &events, deadline).await;
                    return (status, PollSource::Read);
                }
                Ok(Observed::Not(status)) if status.phase.is_final() => return (status, PollSource::Read),
                // It could not be read, so only the last known state is left.
                Ok(Observed::Not(status)) => note_unread(place, &status.message),
                Err(error) => note_unread(place, &error),
            }
        }
        let source = if looks { PollSource::Read } else { PollSource::Memory };
        (answer.provisional(), source)
    }

    /// Reads what no watch has reported yet, or never will.
    async fn read<A: Api>(
        &self,
        watched: &NamespaceWatch,
        api: &A,
        place: ServiceRef<'_>,
        deadline: Deadline,
    ) -> Result<Status> {
        let ServiceRef { namespace, name, uid } = place;
        let found = match lifecycle::look(api, namespace, name, uid, deadline).await? {
            Observed::Found(found) => found,
            Observed::Not(status) => return Ok(status),
        };
        let mut events = watched.events_of(name, &found.pods);
        let unexplained = found.judge(&events).needs_events(server_time::now());
        if unexplained.is_empty() {
            return Ok(self.judge(watched, api, place, &found, &events, deadline).await);
        }
        if let Some(answer) = watched.look_up(name, uid) {
            return Ok(self.complete(watched, api, place, answer, deadline).await.0);
        }
        // Events are read for the whole namespace at once, when it is known which of them count.
        if !watched.will_fill() {
            events = lifecycle::events_of(api, namespace, &unexplained, deadline).await;
        }
        Ok(self.judge(watched, api, place, &found, &events, deadline).await)
    }

    /// Judges what was read, with the log where it belongs to the status.
    async fn judge<A: Api>(
        &self,
        watched: &NamespaceWatch,
        api: &A,
        place: ServiceRef<'_>,
        found: &Found,
        events: &[EventFacts],
        deadline: Deadline,
    ) -> Status {
        let assessment = found.judge(events);
        let now = server_time::now();
        let mut status = assessment.at(now, &self.grace_periods);
        let log_of = assessment.needs_log(now, &self.grace_periods);
        let key = log_of.and_then(|(pod, container)| LogKey::of(&found.pods, pod, container));
        if let Some(key) = key {
            let tail = watched.logs.read(api, place.namespace, &key, deadline).await;
            tail.add_to(&mut status);
        }
        status
    }
}
