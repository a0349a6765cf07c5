//! How a service is doing, from memory where that suffices, else from the cluster.

use std::sync::Arc;

use super::Cache;
use crate::api::Api;
use crate::cluster::Key;
use crate::error::Result;
use crate::lifecycle::{self, Deadline};
use crate::status::Status;

impl Cache {
    /// Tells how a service is doing, and begins to watch its namespace unless it is watched already.
    ///
    /// With a `uid` only the service with that uid is meant. What no watch has told of yet is read; so is what only events
    /// and logs can explain.
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
        self.follow(key, api, namespace);
        let Some(mut answer) = self.look_up(key, namespace, name, uid) else {
            return lifecycle::observe(api, namespace, name, uid, &self.grace_periods, deadline).await;
        };
        if !answer.needs_events.is_empty() {
            let events = lifecycle::events_of(api, namespace, &answer.needs_events, deadline).await;
            self.apply_events(key, namespace, name, events);
            answer = self.look_up(key, namespace, name, uid).unwrap_or(answer);
        }
        Ok(match &answer.needs_log {
            Some(assessment) => lifecycle::last_words(api, namespace, assessment, &self.grace_periods, deadline).await,
            None => answer.status,
        })
    }
}
