//! A create that may end without an answer, be it at its deadline or because its caller gives up.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::cluster::KubeApi;
use crate::lifecycle::{CallId, retract};
use crate::manifests::Objects;

/// For how long to look for what a create has made: the API server gives up on a request after a minute.
const BEHIND: Duration = Duration::from_mins(1);

/// Deletes the objects of a create, unless [`Self::answered`] was called. A create that is cancelled is dropped,
/// and so is this.
pub(super) struct Unanswered {
    /// None once there is nothing to take back.
    left: Option<(KubeApi, String, String, CallId)>,
    /// Where to go on: a call may be dropped on a thread that knows no runtime.
    runtime: Handle,
}

impl Unanswered {
    pub(super) fn new(api: &KubeApi, objects: &Objects, call: &CallId) -> Self {
        let (namespace, name) = (objects.namespace().to_owned(), objects.name().to_owned());
        Self {
            left: Some((api.clone(), namespace, name, call.clone())),
            runtime: Handle::current(),
        }
    }

    /// Notes that nothing is left that the caller does not know of.
    pub(super) fn answered(mut self) {
        self.left = None;
    }

    /// Takes it back now, and tries for at most this time: a person waits for it, and the process ends afterwards.
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
            self.runtime.spawn(async move {
                retract(&api, &namespace, &name, &call, BEHIND).await;
            });
        }
    }
}
