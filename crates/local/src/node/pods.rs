//! The pods of the node: each gets a worker, which lives as long as the pod does.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher as watch_objects};
use kube::{Api, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::pod::{Seen, Shared, Worker};

/// The pods that the node runs.
struct Pods {
    shared: Arc<Shared>,
    is_stopping: watch::Receiver<bool>,
    /// By uid.
    known: HashMap<String, Known>,
    workers: JoinSet<String>,
    /// The uids that a relisting watch has listed so far.
    listing: Option<Vec<String>>,
}

struct Known {
    /// The namespace and the name.
    name: (String, String),
    seen: watch::Sender<Seen>,
    /// Ends when the worker does.
    done: watch::Receiver<()>,
}

/// Runs pods until the node stops, and then ends them.
pub(super) async fn run(shared: Arc<Shared>, mut is_stopping: watch::Receiver<bool>) {
    let api = Api::<Pod>::all(shared.client.clone());
    let config = crate::watches::config(shared.machine.script());
    let mut events = pin!(watch_objects(api, config).default_backoff());
    let mut pods = Pods {
        shared,
        is_stopping: is_stopping.clone(),
        known: HashMap::new(),
        workers: JoinSet::new(),
        listing: None,
    };
    loop {
        tokio::select! {
            _ = is_stopping.wait_for(|stop| *stop) => break,
            event = events.next() => match event {
                Some(Ok(event)) => pods.apply(event),
                Some(Err(error)) => tracing::debug!("the local node cannot watch pods: {error}"),
                None => break,
            },
            Some(ended) = pods.workers.join_next() => pods.forget(ended),
        }
    }
    // Each ends by itself now, and is not told of what happens to its pod any more.
    while let Some(ended) = pods.workers.join_next().await {
        pods.forget(ended);
    }
}

impl Pods {
    fn apply(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listing = Some(Vec::new()),
            Event::InitApply(pod) => {
                if let Some(listing) = &mut self.listing {
                    listing.extend(pod.metadata.uid.clone());
                }
                self.see(pod);
            }
            Event::InitDone => {
                let listed = self.listing.take().unwrap_or_default();
                for (uid, known) in &self.known {
                    if !listed.contains(uid) {
                        known.seen.send_modify(|seen| seen.is_gone = true);
                    }
                }
            }
            Event::Apply(pod) => self.see(pod),
            Event::Delete(pod) => {
                if let Some(known) = self.known.get(&pod.uid().unwrap_or_default()) {
                    known.seen.send_replace(Seen {
                        pod: Arc::new(pod),
                        is_gone: true,
                    });
                }
            }
        }
    }

    fn see(&mut self, pod: Pod) {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        if node != Some(self.shared.options.name.as_str()) {
            return;
        }
        let uid = pod.uid().unwrap_or_default();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let has_ended = matches!(phase, Some("Succeeded" | "Failed"));
        let seen = Seen {
            pod: Arc::new(pod),
            is_gone: false,
        };
        if let Some(known) = self.known.get(&uid) {
            known.seen.send_replace(seen);
        } else if !has_ended {
            self.start(uid, seen);
        }
    }

    /// Starts a worker. It waits for the one of an earlier pod of that name, whose address and folders it takes over.
    fn start(&mut self, uid: String, seen: Seen) {
        let name = (seen.pod.namespace().unwrap_or_default(), seen.pod.name_any());
        let before: Vec<_> = self
            .known
            .values()
            .filter(|known| known.name == name)
            .map(|known| known.done.clone())
            .collect();
        let (shared, is_stopping) = (self.shared.clone(), self.is_stopping.clone());
        let (seen, receiver) = watch::channel(seen);
        let (end, done) = watch::channel(());
        let id = uid.clone();
        self.workers.spawn(async move {
            for mut done in before {
                // It fails when the other worker has ended.
                let _ = done.changed().await;
            }
            Worker::run(shared, receiver, is_stopping).await;
            drop(end);
            id
        });
        self.known.insert(uid, Known { name, seen, done });
    }

    fn forget(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(uid) => {
                self.known.remove(&uid);
            }
            Err(error) => tracing::warn!("a local pod has ended by a fault of the node: {error}"),
        }
    }
}
