//! How a service is doing, from memory where that suffices, else from the cluster.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Cache;
use super::feed::Feed;
use super::logs::LogKey;
use super::store::Answer;
use crate::api::Api;
use crate::clock;
use crate::cluster::Key;
use crate::error::Result;
use crate::lifecycle::{self, Deadline, Found, Observed};
use crate::status::{EventFacts, Status};

/// How long a poll waits for a watch to report what there is. What is not known then is left out.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which service is meant.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
}

impl Cache {
    /// Returns how a service is doing, and begins to watch its namespace unless it is watched already.
    ///
    /// With a `uid` only the service with that uid is meant. What no watch has reported yet is read, and so is what would
    /// be final while a watch is cut off.
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
        let feed = self.follow(key, api, namespace);
        let place = Place { namespace, name, uid };
        match feed.look_up(name, uid) {
            Some(answer) => self.complete(&feed, api, place, answer, deadline).await,
            None => self.read(&feed, api, place, deadline).await,
        }
    }

    /// Adds to an answer what it needs.
    async fn complete<A: Api>(
        &self,
        feed: &Feed,
        api: &A,
        place: Place<'_>,
        mut answer: Answer,
        deadline: Deadline,
    ) -> Result<Status> {
        if answer.needs_events {
            let end = Instant::now() + PATIENCE;
            feed.until(|| feed.explanations.is_settled(), end).await;
            answer = feed.look_up(place.name, place.uid).unwrap_or(answer);
        }
        if answer.is_unconfirmed() {
            return Ok(self.confirm(feed, api, place, answer, deadline).await);
        }
        if let Some(key) = &answer.needs_log {
            let tail = feed.logs.read(api, place.namespace, key, deadline).await;
            tail.add_to(&mut answer.status);
        }
        Ok(answer.status)
    }

    /// Looks at a service whose state would be final, or is known from long ago only, while a watch is cut off.
    async fn confirm<A: Api>(
        &self,
        feed: &Feed,
        api: &A,
        place: Place<'_>,
        answer: Answer,
        deadline: Deadline,
    ) -> Status {
        if answer.status.phase.is_final() || feed.may_look() {
            let looked = lifecycle::look(api, place.namespace, place.name, place.uid, deadline).await;
            match looked {
                Ok(Observed::Found(found)) => {
                    let events = feed.events_of(place.name, &found.pods);
                    return self.judge(feed, api, place, &found, &events, deadline).await;
                }
                Ok(Observed::Not(status)) if status.phase.is_final() => return status,
                // It could not be read: what was known is all there is.
                Ok(Observed::Not(_)) | Err(_) => {}
            }
        }
        answer.provisional()
    }

    /// Reads what no watch has reported yet, or never will.
    async fn read<A: Api>(&self, feed: &Feed, api: &A, place: Place<'_>, deadline: Deadline) -> Result<Status> {
        let Place { namespace, name, uid } = place;
        let found = match lifecycle::look(api, namespace, name, uid, deadline).await? {
            Observed::Found(found) => found,
            Observed::Not(status) => return Ok(status),
        };
        let mut events = feed.events_of(name, &found.pods);
        let unexplained = found.judge(&events).needs_events(clock::now());
        if unexplained.is_empty() {
            return Ok(self.judge(feed, api, place, &found, &events, deadline).await);
        }
        if feed.is_filling() {
            // Events are read for the whole namespace at once, when it is known which of them count.
            feed.until(|| !feed.is_filling(), Instant::now() + PATIENCE).await;
            if let Some(answer) = feed.look_up(name, uid) {
                return self.complete(feed, api, place, answer, deadline).await;
            }
        } else {
            events = lifecycle::events_of(api, namespace, &unexplained, deadline).await;
        }
        Ok(self.judge(feed, api, place, &found, &events, deadline).await)
    }

    /// Judges what was read, with the log where it belongs to the status.
    async fn judge<A: Api>(
        &self,
        feed: &Feed,
        api: &A,
        place: Place<'_>,
        found: &Found,
        events: &[EventFacts],
        deadline: Deadline,
    ) -> Status {
        let assessment = found.judge(events);
        let now = clock::now();
        let mut status = assessment.at(now, &self.grace_periods);
        let log_of = assessment.needs_log(now, &self.grace_periods);
        let key = log_of.and_then(|(pod, container)| LogKey::of(&found.pods, pod, container));
        if let Some(key) = key {
            let tail = feed.logs.read(api, place.namespace, &key, deadline).await;
            tail.add_to(&mut status);
        }
        status
    }
}
