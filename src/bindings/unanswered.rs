//! A create that may end without an answer, be it at its deadline or because its caller gives up.

use std::time::Duration;

use super::bridge::go_on;
use crate::api::KubeApi;
use crate::lifecycle::{CallId, retract};
use crate::ownership::Identity;

/// For how long to look for what a create has made: the API server gives up on a request after a minute.
const BEHIND: Duration = Duration::from_mins(1);

/// Takes back what a create has made, unless it is told that the create was answered. A create that is cancelled is dropped,
/// and so is this.
pub(super) struct Unanswered {
    /// None once there is nothing to take back.
    left: Option<(KubeApi, String, String, CallId)>,
}

impl Unanswered {
    pub(super) fn new(api: &KubeApi, identity: &Identity, call: &CallId) -> Self {
        let Identity { namespace, name, .. } = identity;
        Self {
            left: Some((api.clone(), namespace.clone(), name.clone(), call.clone())),
        }
    }

    /// Notes that nothing is left that the caller does not know of.
    pub(super) fn answered(mut self) {
        self.left = None;
    }

    /// Takes it back now, since a person waits for it whose process ends afterwards, and tries for so long at most.
    pub(super) async fn retract(mut self, span: Duration) {
        if let Some((api, namespace, name, call)) = &self.left {
            retract(api, namespace, name, call, span).await;
        }
        self.left = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some((api, namespace, name, call)) = self.left.take() {
            go_on(async move {
                retract(&api, &namespace, &name, &call, BEHIND).await;
            });
        }
    }
}
