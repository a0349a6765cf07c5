//! Watches: a stream of the changes of a selection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, Stream};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::answer::shown;
use super::lock;
use super::refusal::Refusal;
use super::request::Request;
use super::selector::Selector;
use super::store::{Change, Store};

/// How long a watch without `timeoutSeconds` lasts, by default. Kubernetes picks a time between 30 and 60 minutes.
pub(super) const LASTS: Duration = Duration::from_mins(45);

/// How often a watch that allows bookmarks gets one, unless the server is told otherwise.
pub(super) const BOOKMARKS: Duration = Duration::from_mins(1);

/// How long before its end a watch gets its last bookmark.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// A watch that runs.
struct Watch {
    store: Arc<Mutex<Store>>,
    request: Request,
    selector: Selector,
    changed: watch::Receiver<u64>,
    /// The last revision that the watch has looked at.
    seen: u64,
    ends: Instant,
    next_bookmark: Option<Instant>,
    is_over: bool,
}

/// Begins a watch.
pub(super) fn begin(
    store: &Arc<Mutex<Store>>,
    request: Request,
) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
    let locked = lock(store);
    let kind = locked.kinds.get(request.target.kind);
    let selector = Selector::parse(
        kind,
        request.parameter("labelSelector"),
        request.parameter("fieldSelector"),
    )?;
    let asked = request.number::<u64>("resourceVersion")?.unwrap_or_default();
    let lasts = request.number::<u64>("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let now = Instant::now();
    let ends = now + lasts.map_or(locked.watches, Duration::from_secs);
    let next_bookmark = request
        .is_set("allowWatchBookmarks")
        .then(|| bookmark_after(now, ends, locked.bookmarks))
        .flatten();
    let initial_events = request.is_set("sendInitialEvents");
    let mut watch = Watch {
        selector,
        changed: locked.subscribe(),
        seen: if asked == 0 || initial_events {
            locked.revision()
        } else {
            asked
        },
        ends,
        next_bookmark,
        is_over: false,
        store: Arc::clone(store),
        request,
    };
    let mut first = Vec::new();
    if asked == 0 || initial_events {
        first = watch.initial(&locked);
        if initial_events && watch.request.is_set("allowWatchBookmarks") {
            let end = json!({"k8s.io/initial-events-end": "true"});
            first.extend(watch.bookmark(&locked, Some(&end)));
        }
    } else if asked > locked.revision() {
        return Err(Refusal::too_large_version(asked, locked.revision()));
    }
    drop(locked);
    let first = (!first.is_empty()).then(|| Bytes::from(first));
    Ok(stream::unfold((watch, first), |(mut watch, first)| async {
        let bytes = match first {
            Some(first) => first,
            None => watch.next().await?,
        };
        Some((bytes, (watch, None)))
    }))
}

/// The next bookmark: after the usual time, or shortly before the end.
fn bookmark_after(now: Instant, ends: Instant, every: Duration) -> Option<Instant> {
    let regular = now + every;
    let last = ends.checked_sub(LAST_BOOKMARK).filter(|last| *last > now);
    if regular < ends {
        Some(last.map_or(regular, |last| last.min(regular)))
    } else {
        last
    }
}

impl Watch {
    /// The next events; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.is_over {
            let events = self.events();
            if !events.is_empty() {
                return Some(events.into());
            }
            let bookmark = self.next_bookmark;
            let until_bookmark = async {
                match bookmark {
                    Some(time) => sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = until_bookmark => {
                    let store = Arc::clone(&self.store);
                    let store = lock(&store);
                    self.next_bookmark = bookmark_after(Instant::now(), self.ends, store.bookmarks);
                    return Some(self.bookmark(&store, None).into());
                }
                () = sleep_until(self.ends) => return None,
            }
        }
        None
    }

    /// What has happened since the last look.
    fn events(&mut self) -> Vec<u8> {
        let store = Arc::clone(&self.store);
        let store = lock(&store);
        self.changed.mark_unchanged();
        if self.seen < store.forgotten() {
            self.is_over = true;
            let message = format!("too old resource version: {} ({})", self.seen, store.forgotten());
            return line("ERROR", &Refusal::expired(message).status());
        }
        let target = &self.request.target;
        let changes = store.since(self.seen, target.kind, &target.namespace);
        let events = changes.filter_map(|change| self.event(change)).flatten().collect();
        self.seen = store.revision();
        events
    }

    /// The event that a change is for this selection.
    fn event(&self, change: &Change) -> Option<Vec<u8>> {
        let target = &self.request.target;
        if !target.name.is_empty() && change.key.2 != target.name {
            return None;
        }
        let selected =
            |object: &Option<Arc<Value>>| object.as_ref().is_some_and(|object| self.selector.matches(object));
        let (kind, object) = match (selected(&change.before), selected(&change.after)) {
            (false, true) => ("ADDED", change.after.as_ref()),
            (true, true) => ("MODIFIED", change.after.as_ref()),
            (true, false) if change.removed.is_some() => ("DELETED", change.removed.as_ref()),
            (true, false) => {
                // The object as it was selected, with the version of the change.
                let mut left = change.before.as_deref()?.clone();
                left["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                return Some(line("DELETED", &shown(&self.request, &left)));
            }
            (false, false) => return None,
        };
        Some(line(kind, &shown(&self.request, object?)))
    }

    /// What is there, as if it came now.
    fn initial(&self, store: &Store) -> Vec<u8> {
        let target = &self.request.target;
        let objects = store.all(target.kind, &target.namespace);
        let selected = objects
            .filter(|(key, object)| (target.name.is_empty() || key.2 == target.name) && self.selector.matches(object));
        selected
            .flat_map(|(_, object)| line("ADDED", &shown(&self.request, object)))
            .collect()
    }

    fn bookmark(&mut self, store: &Store, annotations: Option<&Value>) -> Vec<u8> {
        let kind = store.kinds.get(self.request.target.kind);
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if let Some(annotations) = annotations {
            metadata["annotations"] = annotations.clone();
        }
        let object = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata});
        line("BOOKMARK", &shown(&self.request, &object))
    }
}

fn line(kind: &str, object: &Value) -> Vec<u8> {
    let mut line = json!({"type": kind, "object": object}).to_string().into_bytes();
    line.push(b'\n');
    line
}
