//! What a watch has told, reduced to what is asked: the state of each service.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::members::{Concerned, Member, Members};
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, Involved, PodFacts, SliceFacts, StatefulSetFacts, Status};

/// For how long after its last fault a watch counts as broken. A watch that works again stays silent until something
/// changes; one that does not fails again within this time.
const SETTLED: SignedDuration = SignedDuration::from_secs(6);

/// For how long events that were read count as new. More often they are not read for one service.
const EVENTS: SignedDuration = SignedDuration::from_secs(1);

/// For how long a service that was deleted is remembered, which is longer than any watch lags.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// The services of one namespace, as far as its watches have told.
#[derive(Default)]
pub(super) struct Store {
    grace_periods: Arc<GracePeriods>,
    services: HashMap<String, Known>,
    /// What a watch that begins anew has listed so far. It counts only once the list is complete.
    listing: HashMap<String, Known>,
    pods: Members<PodFacts>,
    slices: Members<SliceFacts>,
    /// The uids of services that were deleted here, and when. A watch that lags may tell of them for a while.
    deleted: HashMap<Box<str>, Timestamp>,
    /// The generations that services were changed to here. A watch that lags may tell of earlier ones for a while.
    changed: HashMap<Box<str>, i64>,
    /// Whether a list has ever been complete.
    complete: bool,
    /// When the watch broke and when it failed last.
    lost: Option<(Timestamp, Timestamp)>,
}

/// One service.
struct Known {
    stateful_set: StatefulSetFacts,
    events: Vec<EventFacts>,
    events_read: Option<Timestamp>,
    assessment: Assessment,
}

/// What is known of a service at a moment.
pub struct Answer {
    /// How it is doing, as far as is known.
    pub status: Status,
    /// The objects whose events should be read before the status is told.
    pub needs_events: Vec<Involved>,
    /// What the status was judged from, where a log should be read before it is told.
    pub needs_log: Option<Assessment>,
}

impl Store {
    pub(super) fn new(grace_periods: Arc<GracePeriods>) -> Self {
        Self {
            grace_periods,
            ..Self::default()
        }
    }

    /// Forgets everything: what is not watched any more is not known.
    pub(super) fn clear(&mut self) {
        *self = Self::new(Arc::clone(&self.grace_periods));
    }

    /// Takes in what the watch over `StatefulSet`s tells.
    pub(super) fn apply(&mut self, event: Event<StatefulSet>) {
        self.lost = None;
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                let (name, known) = self.reduce(&object);
                self.listing.insert(name, known);
            }
            Event::InitDone => {
                self.services = std::mem::take(&mut self.listing);
                self.services
                    .retain(|_, known| !self.deleted.contains_key(&known.stateful_set.uid));
                let services = &self.services;
                self.changed
                    .retain(|uid, generation| !is_known(services, uid, *generation));
                self.complete = true;
            }
            Event::Apply(object) => {
                let (name, known) = self.reduce(&object);
                if !self.is_outdated(&known.stateful_set) {
                    self.changed.remove(&known.stateful_set.uid);
                }
                if !self.deleted.contains_key(&known.stateful_set.uid) {
                    self.services.insert(name, known);
                }
            }
            Event::Delete(object) => {
                let uid = object.metadata.uid.as_deref().unwrap_or_default();
                self.changed.remove(uid);
                let name = object.metadata.name.as_deref().unwrap_or_default();
                // The next one of that name may have been told of already.
                if self
                    .services
                    .get(name)
                    .is_some_and(|known| *known.stateful_set.uid == *uid)
                {
                    self.services.remove(name);
                }
            }
        }
    }

    /// Notes that the service with this uid was deleted, before the watch tells of it, or even of the service itself: who
    /// deletes and then asks must not be told that it is there.
    pub(super) fn forget(&mut self, uid: &str, now: Timestamp) {
        self.services.retain(|_, known| *known.stateful_set.uid != *uid);
        self.deleted
            .retain(|_, deleted| now.duration_since(*deleted) < REMEMBERED);
        self.deleted.insert(uid.into(), now);
    }

    /// Notes that the service with this uid was changed, before the watch tells of it: who changes and then asks must not be
    /// told how the service was before.
    pub(super) fn outdate(&mut self, uid: &str, generation: i64) {
        if !is_known(&self.services, uid, generation) {
            self.changed.insert(uid.into(), generation);
        }
    }

    /// Takes in what the watch over pods tells.
    pub(super) fn apply_pod(&mut self, event: Event<PodFacts>) {
        let concerned = self.pods.apply(event);
        self.assess(&concerned);
    }

    /// Takes in what the watch over endpoint slices tells.
    pub(super) fn apply_slice(&mut self, event: Event<SliceFacts>) {
        let concerned = self.slices.apply(event);
        self.assess(&concerned);
    }

    /// Forgets all pods, and judges without them.
    pub(super) fn clear_pods(&mut self) {
        self.pods = Members::refused();
        self.assess(&Concerned::All);
    }

    /// Forgets all endpoint slices, and judges without them.
    pub(super) fn clear_slices(&mut self) {
        self.slices = Members::refused();
        self.assess(&Concerned::All);
    }

    /// Takes in the events on a service's `StatefulSet`.
    pub(super) fn apply_events(&mut self, name: &str, events: Vec<EventFacts>, now: Timestamp) {
        if let Some(known) = self.services.get_mut(name) {
            known.events = events;
            known.events_read = Some(now);
        }
        self.assess(&Concerned::One(name.to_owned()));
    }

    /// The service that is to be deleted next, with its uid, and when: one that has failed and was kept for a while.
    pub(super) fn next_to_delete(&self) -> Option<(Timestamp, String, String)> {
        let kept = self.services.values().filter_map(|known| {
            let StatefulSetFacts { name, uid, .. } = &known.stateful_set;
            Some((known.stateful_set.delete_after?, name.to_string(), uid.to_string()))
        });
        kept.min()
    }

    /// Notes that the watch has broken, or is still broken.
    pub(super) fn lose(&mut self, now: Timestamp) {
        let since = self.lost.map_or(now, |(since, _)| since);
        self.lost = Some((since, now));
    }

    /// What is known of a service; while the watch is broken, the last that was known, which says so.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>, now: Timestamp) -> Option<Answer> {
        // Without its slices a service could be told ready whose names do not resolve.
        if !self.complete || !self.pods.is_settled() || !self.slices.is_settled() {
            return None;
        }
        let known = self
            .services
            .get(name)
            .filter(|known| uid.is_none_or(|uid| *uid == *known.stateful_set.uid))
            .filter(|known| !self.is_outdated(&known.stateful_set))?;
        let mut status = known.assessment.at(now, &self.grace_periods);
        let lost = self.lost.filter(|(_, last)| now.duration_since(*last) < SETTLED);
        if let Some((since, _)) = lost {
            let since = since.strftime("%H:%M:%S UTC");
            status.message.push_str(" The API server has not answered since ");
            status.message.push_str(&since.to_string());
            status.message.push_str(": this is what was known then.");
        }
        let are_fresh = known.events_read.is_some_and(|read| now.duration_since(read) < EVENTS);
        let needs_log = lost.is_none() && known.assessment.needs_log(now, &self.grace_periods).is_some();
        Some(Answer {
            needs_events: if lost.is_some() || are_fresh {
                Vec::new()
            } else {
                known.assessment.needs_events(now)
            },
            needs_log: needs_log.then(|| known.assessment.clone()),
            status,
        })
    }

    fn is_outdated(&self, stateful_set: &StatefulSetFacts) -> bool {
        let changed = self.changed.get(&stateful_set.uid);
        changed.is_some_and(|generation| stateful_set.generation < *generation)
    }

    fn reduce(&self, object: &StatefulSet) -> (String, Known) {
        let stateful_set = StatefulSetFacts::from(object);
        let name = stateful_set.name.to_string();
        let before = self.services.get(&name);
        let before = before.filter(|before| before.stateful_set.uid == stateful_set.uid);
        let events = before.map(|before| before.events.clone()).unwrap_or_default();
        let events_read = before.and_then(|before| before.events_read);
        let assessment = self.judge(&stateful_set, &events);
        let known = Known {
            stateful_set,
            events,
            events_read,
            assessment,
        };
        (name, known)
    }

    /// Judges services anew.
    fn assess(&mut self, concerned: &Concerned) {
        let names = match concerned {
            Concerned::None => return,
            Concerned::One(name) => vec![name.clone()],
            Concerned::All => self.services.keys().cloned().collect(),
        };
        for name in names {
            let Some(known) = self.services.get(&name) else {
                continue;
            };
            let assessment = self.judge(&known.stateful_set, &known.events);
            if let Some(known) = self.services.get_mut(&name) {
                known.assessment = assessment;
            }
        }
    }

    fn judge(&self, stateful_set: &StatefulSetFacts, events: &[EventFacts]) -> Assessment {
        let slices = self.slices.of(&stateful_set.name);
        let evidence = Evidence {
            pods: &self.pods.of(&stateful_set.name),
            events,
            slices: self.slices.is_complete().then_some(&slices),
        };
        Assessment::new(stateful_set, evidence)
    }
}

/// Whether a service is known at this generation or a later one.
fn is_known(services: &HashMap<String, Known>, uid: &str, generation: i64) -> bool {
    let mut facts = services.values().map(|known| &known.stateful_set);
    facts.any(|facts| *facts.uid == *uid && facts.generation >= generation)
}

impl Member for PodFacts {
    fn service(&self) -> &str {
        &self.service
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Member for SliceFacts {
    fn service(&self) -> &str {
        &self.service
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests;
