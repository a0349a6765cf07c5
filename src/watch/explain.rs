//! When events are read: by one watch per namespace, while somebody asks about a service that only events explain.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Event as Object;
use kube::runtime::watcher::Event;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::events::{Note, fields};
use super::last_report::{LastReport, WatchState};
use super::stream::{Update, reduced, watch, watch_again};
use crate::cluster::{Api, Fault, Selection};
use crate::swallowed::LastCause;

/// For how long events are watched after they were needed last.
const LINGER: Duration = Duration::from_mins(2);

/// How often events are listed where they may not be watched, at most, and how many times as long to wait as a list
/// took.
const LIST_EVERY: Duration = Duration::from_secs(10);
const LIST_SHARE: u32 = 20;

/// The reading of events of one namespace.
#[derive(Default)]
pub(super) struct Explanations {
    state: Mutex<State>,
    begin: Notify,
}

#[derive(Default)]
struct State {
    /// When events were needed last.
    wanted: Option<Instant>,
    /// Whether all that there is was reported, or nothing will be.
    is_settled: bool,
    last_report: LastReport,
}

impl Explanations {
    /// Notes that events are needed, and returns whether they are known, as far as they will be.
    pub(super) fn want(&self) -> bool {
        let mut state = self.state();
        let is_first = state.wanted.replace(Instant::now()).is_none();
        let is_settled = state.is_settled;
        drop(state);
        if is_first {
            self.begin.notify_one();
        }
        is_settled
    }

    /// Whether events are known, as far as they will be.
    pub(super) fn is_settled(&self) -> bool {
        self.state().is_settled
    }

    /// The state of the watch, while events are needed.
    pub(super) fn watch_state(&self) -> Option<WatchState> {
        let state = self.state();
        state.wanted.map(|_| state.last_report.of("Event"))
    }

    /// Waits until events are needed.
    pub(super) async fn wanted(&self) {
        while self.state().wanted.is_none() {
            self.begin.notified().await;
        }
    }

    /// Waits until events have not been needed for a while.
    pub(super) async fn unwanted(&self) {
        loop {
            let Some(wanted) = self.state().wanted else { return };
            if wanted.elapsed() >= LINGER {
                return;
            }
            sleep_until(wanted + LINGER).await;
        }
    }

    /// Notes that events are not read any more, unless somebody has asked for them in the meantime.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.is_settled = false;
        state.last_report = LastReport::default();
        state.wanted = state.wanted.filter(|wanted| wanted.elapsed() < LINGER);
    }

    /// Reads events, and passes them on. An account that may list them, but not watch, lists them from time to time.
    pub(super) async fn run<A: Api>(&self, api: &A, namespace: &str, apply: impl Fn(Event<Note>), settled: impl Fn()) {
        let selection = Selection {
            namespace: namespace.to_owned(),
            labels: String::new(),
            fields: fields(),
        };
        let mut updates = watch::<_, Object>(api, selection.clone()).boxed();
        loop {
            let started = Instant::now();
            let (mut is_listed, mut trouble) = (false, LastCause::default());
            while let Some(update) = updates.next().await {
                self.state().last_report.note(&update);
                let is_refused = matches!(update, Update::Lost(Fault::Refused { code: 403, .. }));
                if let Update::Lost(fault) = &update {
                    trouble = LastCause::of(&fault.to_string());
                }
                if let Update::Event(event) = reduced(update, |event| Note::from(&event)) {
                    is_listed |= matches!(event, Event::InitDone);
                    apply(event);
                }
                if (is_listed || is_refused) && !self.is_settled() {
                    self.state().is_settled = true;
                    settled();
                }
                if is_listed && is_refused {
                    break;
                }
            }
            sleep(LIST_EVERY.max(started.elapsed() * LIST_SHARE)).await;
            updates = watch_again(api, selection.clone(), trouble).boxed();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
