//! One watch over the objects of a kind: it lists them, follows each change from there, and reports when it is cut off
//! and when it follows again (ADR 15).

use std::future::pending;
use std::vec::IntoIter;

use futures::stream::unfold;
use futures::{Stream, StreamExt};
use kube::runtime::watcher::Event;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::pauses::Pauses;
use crate::cluster::{Api, Change, Changes, Fault, Kind, Selection};
use crate::error::ObjectReference;
use crate::swallowed::{self, LastCause};

/// How long a watch that was cut off has to follow again before what is known counts as fresh: the changes of the
/// meantime arrive in this time.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How long a watch has to follow to count as a success. One that ends sooner, without a change, is a failure.
const STEADY: Duration = Duration::from_secs(1);

/// A report of a watch.
#[derive(Debug)]
pub(super) enum Update<K> {
    /// The list, or a change.
    Event(Event<K>),
    /// Nothing has changed.
    Alive,
    /// From here on every change is reported: all that was listed is known, and the watch that goes on from the list
    /// has begun.
    Following,
    /// The watch is cut off: changes may go unreported from here on.
    Lost(Fault),
}

/// Watches without end. After a fault it waits, longer each time, and goes on from where it was; after a refusal, which
/// includes that this is too long ago, it lists again.
pub(super) fn watch<A: Api, K: Kind>(api: &A, selection: Selection) -> impl Stream<Item = Update<K>> + Send + '_ {
    begin(api, selection, None)
}

/// The same, after a watch that was cut off: its trouble is logged already.
pub(super) fn watch_again<A: Api, K: Kind>(
    api: &A,
    selection: Selection,
    trouble: LastCause,
) -> impl Stream<Item = Update<K>> + Send + '_ {
    begin(api, selection, Some(trouble))
}

fn begin<A: Api, K: Kind>(
    api: &A,
    selection: Selection,
    trouble: Option<LastCause>,
) -> impl Stream<Item = Update<K>> + Send + '_ {
    let watch = Watch {
        api,
        selection,
        state: State::Unlisted,
        pauses: Pauses::default(),
        pause: Duration::ZERO,
        is_lost: trouble.is_some(),
        trouble: trouble.unwrap_or_default(),
    };
    unfold(watch, |mut watch| async { Some((watch.next().await, watch)) })
}

struct Watch<'a, A, K> {
    api: &'a A,
    selection: Selection,
    state: State<K>,
    pauses: Pauses,
    /// How long to wait before the next request.
    pause: Duration,
    /// Whether it was reported as lost, and not as following since.
    is_lost: bool,
    /// Why it was lost last, which is logged.
    trouble: LastCause,
}

enum State<K> {
    /// Nothing is listed yet, or not since the last refusal.
    Unlisted,
    /// A list is under way.
    Listing {
        items: IntoIter<K>,
        next: Next,
    },
    /// All changes up to this version are reported.
    Listed {
        version: String,
    },
    Following(Following<K>),
}

/// The step after the items of a page.
enum Next {
    Page(Option<String>),
    Watch(String),
}

struct Following<K> {
    version: String,
    changes: Changes<K>,
    since: Instant,
    /// Whether it has reported anything.
    is_alive: bool,
    /// When to report that it follows.
    announce: Option<Instant>,
}

impl<A: Api, K: Kind> Watch<'_, A, K> {
    async fn next(&mut self) -> Update<K> {
        loop {
            // Even a sleep of no time lasts until the timer's next millisecond, and there are very many events.
            let pause = std::mem::take(&mut self.pause);
            if !pause.is_zero() {
                sleep(pause).await;
            }
            if let Some(update) = self.step().await {
                return update;
            }
        }
    }

    async fn step(&mut self) -> Option<Update<K>> {
        match std::mem::replace(&mut self.state, State::Unlisted) {
            State::Unlisted => {
                self.state = State::Listing {
                    items: Vec::new().into_iter(),
                    next: Next::Page(None),
                };
                Some(Update::Event(Event::Init))
            }
            State::Listing { mut items, next } => {
                if let Some(item) = items.next() {
                    self.state = State::Listing { items, next };
                    return Some(Update::Event(Event::InitApply(item)));
                }
                match next {
                    Next::Page(token) => self.list(token).await,
                    Next::Watch(version) => {
                        self.state = State::Listed { version };
                        Some(Update::Event(Event::InitDone))
                    }
                }
            }
            State::Listed { version } => self.begin(version).await,
            State::Following(following) => self.follow(following).await,
        }
    }

    async fn list(&mut self, token: Option<String>) -> Option<Update<K>> {
        match self.api.list_chunk(&self.selection, token.as_deref()).await {
            Ok(page) => {
                let next = match page.next {
                    Some(token) => Next::Page(Some(token)),
                    None => Next::Watch(page.version),
                };
                self.state = State::Listing {
                    items: page.items.into_iter(),
                    next,
                };
                None
            }
            Err(fault) => Some(self.lose(None, fault)),
        }
    }

    async fn begin(&mut self, version: String) -> Option<Update<K>> {
        match self.api.changes(&self.selection, &version).await {
            Ok(changes) => {
                let since = Instant::now();
                let wait = if self.is_lost { CATCH_UP } else { Duration::ZERO };
                self.state = State::Following(Following {
                    version,
                    changes,
                    since,
                    is_alive: false,
                    announce: Some(since + wait),
                });
                None
            }
            Err(fault) => Some(self.lose(Some(version), fault)),
        }
    }

    async fn follow(&mut self, mut following: Following<K>) -> Option<Update<K>> {
        let announce = following.announce;
        let announcing = async {
            match announce {
                Some(moment) => sleep_until(moment).await,
                None => pending().await,
            }
        };
        let change = tokio::select! {
            biased;
            change = following.changes.next() => change,
            () = announcing => {
                following.announce = None;
                self.is_lost = false;
                if self.trouble.clear() {
                    tracing::info!(
                        namespace = self.selection.namespace,
                        object = swallowed::named(&ObjectReference::new(&K::kind(&()), "", "")),
                        "The watch over {} goes on.",
                        self.subject()
                    );
                }
                self.state = State::Following(following);
                return Some(Update::Following);
            }
        };
        let update = match change {
            Some(Ok(Change::Applied(object))) => (version_of(&object), Update::Event(Event::Apply(object))),
            Some(Ok(Change::Deleted(object))) => (version_of(&object), Update::Event(Event::Delete(object))),
            Some(Ok(Change::Bookmark(version))) => (Some(version), Update::Alive),
            Some(Err(fault)) => return Some(self.lose(Some(following.version), fault)),
            None => return self.end(following),
        };
        following.is_alive = true;
        self.pauses.reset();
        let (version, update) = update;
        following.version = version.unwrap_or(std::mem::take(&mut following.version));
        self.state = State::Following(following);
        Some(update)
    }

    /// The API server ends each watch after a while, and the next one goes on from there.
    fn end(&mut self, following: Following<K>) -> Option<Update<K>> {
        if !following.is_alive && following.since.elapsed() < STEADY {
            let fault = Fault::transient("the API server ended the watch at once");
            return Some(self.lose(Some(following.version), fault));
        }
        self.pauses.reset();
        self.state = State::Listed {
            version: following.version,
        };
        None
    }

    /// Goes on after a pause: from a version, if there is one and the fault leaves it valid.
    fn lose(&mut self, version: Option<String>, fault: Fault) -> Update<K> {
        self.is_lost = true;
        let cause = fault.to_string();
        if self.trouble.is_new(&cause) {
            tracing::warn!(
                namespace = self.selection.namespace,
                object = swallowed::named(&ObjectReference::new(&K::kind(&()), "", "")),
                cause,
                "The watch over {} is interrupted, and is tried again: {cause}",
                self.subject()
            );
        }
        self.pause = self.pauses.after(&fault);
        // Changes during the refusal may never be reported, so list everything again.
        self.state = match version {
            Some(version) if !matches!(fault, Fault::Refused { .. }) => State::Listed { version },
            _ => State::Unlisted,
        };
        Update::Lost(fault)
    }

    /// The watched kind, as messages name it.
    fn subject(&self) -> String {
        let kind = K::kind(&());
        match self.selection.namespace.as_str() {
            "" => format!("{kind}s in all namespaces"),
            namespace => format!("{kind}s in namespace {namespace}"),
        }
    }
}

fn version_of<K: Kind>(object: &K) -> Option<String> {
    object.meta().resource_version.clone()
}

/// An update with what counts of its object.
pub(super) fn reduced<K, F>(update: Update<K>, reduce: impl Fn(K) -> F) -> Update<F> {
    match update {
        Update::Event(Event::Apply(object)) => Update::Event(Event::Apply(reduce(object))),
        Update::Event(Event::Delete(object)) => Update::Event(Event::Delete(reduce(object))),
        Update::Event(Event::Init) => Update::Event(Event::Init),
        Update::Event(Event::InitApply(object)) => Update::Event(Event::InitApply(reduce(object))),
        Update::Event(Event::InitDone) => Update::Event(Event::InitDone),
        Update::Alive => Update::Alive,
        Update::Following => Update::Following,
        Update::Lost(fault) => Update::Lost(fault),
    }
}

#[cfg(test)]
mod tests;
