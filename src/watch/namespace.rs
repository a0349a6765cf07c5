//! The watches over one namespace, from their beginning until nobody asks about it any more.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, interval, timeout_at};

use super::explain::Explanations;
use super::last_report::WatchState;
use super::logs::Logs;
use super::services::Services;
use super::store::{Answer, Bound, Store};
use super::stream::{Update, reduced, watch};
use crate::cluster::{Api, Selection, server_time};
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::status::diagnosis::GracePeriods;
use crate::status::{EventFacts, PodFacts, SliceFacts};

/// For how long the watches go on although nobody asks.
const IDLE: Duration = Duration::from_mins(10);

/// How often to look whether anybody still needs the watches.
const LOOK_WHETHER_IDLE: Duration = Duration::from_secs(5);

/// How often a service may be looked at, in the whole namespace, while the watches are cut off for long.
const LOOK: Duration = Duration::from_secs(1);

/// How many services to count before polls get their turn, and how long that is: a lock that is taken again at once is
/// one that nobody else gets.
const AT_ONCE: usize = 256;
const TURN: Duration = Duration::from_micros(50);

/// The watches over the services of one namespace, and what they have reported.
pub(super) struct NamespaceWatch {
    store: Mutex<Store>,
    asked: Mutex<Instant>,
    /// When a service was last looked at because the watches were cut off.
    looked: Mutex<Option<Instant>>,
    /// Wakes those who wait for something to become known.
    changed: Notify,
    /// The events, which are watched while somebody needs them.
    pub(super) explanations: Explanations,
    pub(super) logs: Logs,
}

impl NamespaceWatch {
    pub(super) fn new(grace_periods: Arc<GracePeriods>) -> Self {
        Self {
            store: Mutex::new(Store::new(grace_periods)),
            asked: Mutex::new(Instant::now()),
            looked: Mutex::default(),
            changed: Notify::new(),
            explanations: Explanations::default(),
            logs: Logs::default(),
        }
    }

    /// The known state of a service.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>) -> Option<Answer> {
        *lock(&self.asked) = Instant::now();
        let mut answer = self.store().look_up(name, uid, server_time::now())?;
        if answer.needs_events {
            answer.needs_events = !self.explanations.want();
        }
        if let Some(tail) = answer.needs_log.as_ref().and_then(|key| self.logs.known(key)) {
            tail.add_to(&mut answer.status);
            answer.needs_log = None;
        }
        Some(answer)
    }

    pub(super) fn forget(&self, uid: &str) {
        self.store().forget(uid, server_time::now());
    }

    pub(super) fn outdate(&self, uid: &str, generation: i64) {
        self.store().outdate(uid, generation);
    }

    /// The services that may end by themselves; none while that may have changed unseen.
    pub(super) fn bound(&self) -> Vec<Arc<Bound>> {
        self.store().bound()
    }

    /// The services, counted; `None` while they are not known. That nobody has asked for them does not change.
    pub(super) fn count(&self) -> Option<Services> {
        let names = self.store().names()?;
        let (mut services, now) = (Services::default(), server_time::now());
        for (number, names) in names.chunks(AT_ONCE).enumerate() {
            if number > 0 {
                std::thread::sleep(TURN);
            }
            self.store().count(names, now, &mut services);
        }
        Some(services)
    }

    /// The states of the watches.
    pub(super) fn watches(&self) -> Vec<WatchState> {
        let watches = self.store().watches();
        watches.into_iter().chain(self.explanations.watch_state()).collect()
    }

    /// The events on the objects of a service, as far as they are known.
    pub(super) fn events_of(&self, name: &str, pods: &[PodFacts]) -> Vec<EventFacts> {
        self.store().events_of(name, pods)
    }

    /// Whether the watches have yet to report what there is, and none has failed.
    pub(super) fn is_filling(&self) -> bool {
        self.store().is_filling()
    }

    /// Whether the watches have yet to report what there is, and none was refused.
    pub(super) fn will_fill(&self) -> bool {
        self.store().will_fill()
    }

    /// Waits until something holds, and for so long at most.
    pub(super) async fn until(&self, holds: impl Fn() -> bool, end: Instant) {
        let waiting = async {
            loop {
                let mut changed = pin!(self.changed.notified());
                changed.as_mut().enable();
                if holds() {
                    return;
                }
                changed.await;
            }
        };
        let _ = timeout_at(end, waiting).await;
    }

    /// Whether a service may be looked at now because the watches are cut off: not too often in one namespace, since
    /// the API server may be in trouble.
    pub(super) fn may_look(&self) -> bool {
        let mut looked = lock(&self.looked);
        let may = looked.is_none_or(|last| last.elapsed() >= LOOK);
        if may {
            *looked = Some(Instant::now());
        }
        may
    }

    /// Watches until nobody has asked for [`IDLE`] and no service is left that is to be deleted later.
    pub(super) async fn run<A: Api>(&self, api: &A, namespace: &str) {
        tokio::select! {
            () = self.watch(api, namespace) => {}
            () = self.explain(api, namespace) => {}
            () = self.until_idle() => {}
        }
    }

    async fn watch<A: Api>(&self, api: &A, namespace: &str) {
        let selection = Selection {
            namespace: namespace.to_owned(),
            labels: format!("{MANAGED_BY_LABEL}={MANAGED_BY}"),
            fields: String::new(),
        };
        let mut stateful_sets = pin!(watch::<_, StatefulSet>(api, selection.clone()));
        let mut pods = pin!(watch::<_, Pod>(api, selection.clone()));
        let mut slices = pin!(watch::<_, EndpointSlice>(api, selection));
        loop {
            tokio::select! {
                Some(update) = stateful_sets.next() => {
                    let wakes = wakes(&update);
                    self.store().update(update, server_time::now());
                    self.wake(wakes);
                }
                Some(update) = pods.next() => {
                    let wakes = wakes(&update);
                    self.store().update_pods(reduced(update, |pod| PodFacts::from(&pod)), server_time::now());
                    self.wake(wakes);
                }
                Some(update) = slices.next() => {
                    let wakes = wakes(&update);
                    self.store().update_slices(reduced(update, |slice| SliceFacts::from(&slice)), server_time::now());
                    self.wake(wakes);
                }
                else => return,
            }
        }
    }

    /// Watches the events while somebody needs them.
    async fn explain<A: Api>(&self, api: &A, namespace: &str) {
        loop {
            self.explanations.wanted().await;
            tokio::select! {
                () = self.explanations.unwanted() => {}
                () = self.explanations.run(api, namespace, |event| self.store().apply_event(event), || self.wake(true)) => {}
            }
            self.explanations.end();
            self.store().forget_events();
        }
    }

    async fn until_idle(&self) {
        let mut tick = interval(LOOK_WHETHER_IDLE);
        loop {
            tick.tick().await;
            let ends_any = self.store().ends_any();
            if !ends_any && self.asked_last() + IDLE <= Instant::now() {
                return;
            }
        }
    }

    fn wake(&self, wakes: bool) {
        if wakes {
            self.changed.notify_waiters();
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(super) fn asked_last(&self) -> Instant {
        *lock(&self.asked)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an update may be what somebody waits for.
fn wakes<K>(update: &Update<K>) -> bool {
    !matches!(update, Update::Event(_) | Update::Alive)
}

#[cfg(test)]
mod tests;
