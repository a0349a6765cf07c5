//! What watches have reported, reduced to what is asked: the state of each service.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::events::{EventLog, Note};
use super::link::{Link, Lost};
use super::logs::LogKey;
use super::members::{Concerned, Member, Members};
use super::watch::Update;
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, Phase, PodFacts, SliceFacts, StatefulSetFacts, Status};

/// How old what is known may become before a service is looked at again, although nothing was reported of it.
const TOO_OLD: SignedDuration = SignedDuration::from_mins(1);

/// For how long a service that was deleted is remembered, which is longer than any watch lags.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// The services of one namespace, as far as its watches have reported them.
#[derive(Default)]
pub(super) struct Store {
    grace_periods: Arc<GracePeriods>,
    services: HashMap<String, Known>,
    /// What a watch that lists again has listed so far. It counts only once the list is complete.
    listing: HashMap<String, Known>,
    pods: Members<PodFacts>,
    slices: Members<SliceFacts>,
    events: EventLog,
    /// The uids of services that were deleted here, and when. A watch that lags may report them for a while.
    deleted: HashMap<Box<str>, Timestamp>,
    /// The generations that services were changed to here. A watch that lags may report earlier ones for a while.
    changed: HashMap<Box<str>, i64>,
    link: Link,
}

/// One service.
struct Known {
    stateful_set: StatefulSetFacts,
    assessment: Assessment,
    /// The version of its `StatefulSet`, if it is to be deleted at some time.
    kept_at: Option<Box<str>>,
}

/// What is known of a service at a moment.
pub struct Answer {
    /// How it is doing, as far as is known.
    pub status: Status,
    /// Whether only events can explain the status.
    pub(super) needs_events: bool,
    /// Whose log belongs to the status.
    pub(super) needs_log: Option<LogKey>,
    /// How far the status can be relied on.
    pub(super) evidence: Age,
}

/// How old the evidence of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Every change is reported.
    Fresh,
    /// The watch was cut off a moment ago.
    Stale,
    /// The watch was cut off so long ago that the service should be looked at.
    TooOld,
}

impl Answer {
    /// Whether there is nothing to ask the API server for: the status is complete, and decides nothing on stale evidence.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.needs_events && self.needs_log.is_none() && !self.is_unconfirmed()
    }

    /// Whether the service should be looked at before the status is reported.
    pub(super) fn is_unconfirmed(&self) -> bool {
        match self.evidence {
            Age::Fresh => false,
            Age::Stale => self.status.phase.is_final(),
            Age::TooOld => true,
        }
    }

    /// The status, as far as stale evidence decides it: nothing is final.
    pub(super) fn provisional(self) -> Status {
        let mut status = self.status;
        if self.evidence != Age::Fresh && status.phase.is_final() {
            status.phase = Phase::Initializing;
        }
        status
    }
}

/// A service that has failed and was kept for a while.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    /// When it is to be deleted.
    pub(super) until: Timestamp,
    /// Its name.
    pub(super) name: String,
    /// The uid of its `StatefulSet`.
    pub(super) uid: Box<str>,
    /// The version of its `StatefulSet` that says so.
    pub(super) version: Box<str>,
}

impl Store {
    pub(super) fn new(grace_periods: Arc<GracePeriods>) -> Self {
        Self {
            grace_periods,
            ..Self::default()
        }
    }

    /// Takes in what the watch over `StatefulSet`s reports.
    pub(super) fn update(&mut self, update: Update<StatefulSet>, now: Timestamp) {
        match update {
            Update::Event(event) => self.apply(event),
            Update::Following => self.link.follow(),
            Update::Lost(fault) => {
                if self.link.lose(&fault, now) {
                    self.services = HashMap::new();
                }
            }
        }
    }

    fn apply(&mut self, event: Event<StatefulSet>) {
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
                self.events.retain(|service| services.contains_key(service));
                self.events.claim(|service| services.contains_key(service));
                // What other watches have reported meanwhile was judged for the services that were known then.
                self.assess(&Concerned::All);
            }
            Event::Apply(object) => {
                let (name, known) = self.reduce(&object);
                if !self.is_outdated(&known.stateful_set) {
                    self.changed.remove(&known.stateful_set.uid);
                }
                if self.deleted.contains_key(&known.stateful_set.uid) {
                    return;
                }
                if self.services.insert(name.clone(), known).is_none() {
                    self.events.claim(|service| service == name);
                    self.assess(&Concerned::One(name));
                }
            }
            Event::Delete(object) => {
                let uid = object.metadata.uid.as_deref().unwrap_or_default();
                self.changed.remove(uid);
                let name = object.metadata.name.as_deref().unwrap_or_default();
                // The next one of that name may have been reported already.
                if self
                    .services
                    .get(name)
                    .is_some_and(|known| *known.stateful_set.uid == *uid)
                {
                    self.services.remove(name);
                    self.events.forget(name);
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

    /// Takes in what the watch over pods reports.
    pub(super) fn update_pods(&mut self, update: Update<PodFacts>, now: Timestamp) {
        let concerned = self.pods.update(update, now);
        self.assess(&concerned);
    }

    /// Takes in what the watch over endpoint slices reports.
    pub(super) fn update_slices(&mut self, update: Update<SliceFacts>, now: Timestamp) {
        let concerned = self.slices.update(update, now);
        self.assess(&concerned);
    }

    /// Takes in what the watch over events reports.
    pub(super) fn apply_event(&mut self, event: Event<Note>) {
        let services = &self.services;
        let concerned = self.events.apply(event, |service| services.contains_key(service));
        self.assess(&concerned);
    }

    /// Forgets all events.
    pub(super) fn forget_events(&mut self) {
        self.events = EventLog::default();
        self.assess(&Concerned::All);
    }

    /// The events on the objects of a service.
    pub(super) fn events_of(&self, name: &str, pods: &[PodFacts]) -> Vec<EventFacts> {
        self.events.of(name, pods)
    }

    /// The services that are to be deleted at some time, the next one first; none while that may have changed unseen.
    pub(super) fn kept(&self) -> Vec<Kept> {
        if !self.link.is_known() || self.link.lost().is_some() {
            return Vec::new();
        }
        let kept = self.services.values().filter_map(|known| {
            let StatefulSetFacts { name, uid, .. } = &known.stateful_set;
            Some(Kept {
                until: known.stateful_set.delete_after?,
                name: name.to_string(),
                uid: uid.clone(),
                version: known.kept_at.clone()?,
            })
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort();
        kept
    }

    /// Whether any service is to be deleted at some time, as far as is known.
    pub(super) fn keeps_any(&self) -> bool {
        let mut services = self.services.values();
        services.any(|known| known.stateful_set.delete_after.is_some())
    }

    /// Whether all that there is will be known soon, and is not yet.
    pub(super) fn is_filling(&self) -> bool {
        !self.link.is_refused() && !self.is_settled()
    }

    /// Whether all is known that will be. Without its slices a service could be reported ready whose names do not resolve.
    fn is_settled(&self) -> bool {
        self.link.is_known() && self.pods.is_settled() && self.slices.is_settled()
    }

    /// What is known of a service; while a watch is cut off, what was known then, which says so.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>, now: Timestamp) -> Option<Answer> {
        if !self.is_settled() {
            return None;
        }
        let known = self
            .services
            .get(name)
            .filter(|known| uid.is_none_or(|uid| *uid == *known.stateful_set.uid))
            .filter(|known| !self.is_outdated(&known.stateful_set))?;
        let lost = self.lost();
        // No grace period runs out while nobody knows whether the cause still holds.
        let as_of = lost.map_or(now, |lost| now.min(lost.since));
        let mut status = known.assessment.at(as_of, &self.grace_periods);
        if let Some(lost) = lost {
            status.message.push_str(&interruption(lost));
        }
        Some(Answer {
            needs_events: lost.is_none() && !known.assessment.needs_events(as_of).is_empty(),
            needs_log: known
                .assessment
                .needs_log(as_of, &self.grace_periods)
                .and_then(|(pod, container)| LogKey::of(&self.pods.of(name), pod, container)),
            evidence: match lost {
                None => Age::Fresh,
                Some(lost) if now.duration_since(lost.since) < TOO_OLD => Age::Stale,
                Some(_) => Age::TooOld,
            },
            status,
        })
    }

    /// The watch that was cut off first.
    fn lost(&self) -> Option<Lost> {
        let lost = [self.link.lost(), self.pods.lost(), self.slices.lost()];
        lost.into_iter().flatten().min_by_key(|lost| lost.since)
    }

    fn is_outdated(&self, stateful_set: &StatefulSetFacts) -> bool {
        let changed = self.changed.get(&stateful_set.uid);
        changed.is_some_and(|generation| stateful_set.generation < *generation)
    }

    fn reduce(&self, object: &StatefulSet) -> (String, Known) {
        let stateful_set = StatefulSetFacts::from(object);
        let version = object.metadata.resource_version.as_deref();
        let known = Known {
            assessment: self.judge(&stateful_set),
            kept_at: stateful_set.delete_after.and(version).map(Into::into),
            stateful_set,
        };
        (known.stateful_set.name.to_string(), known)
    }

    /// Judges services again.
    fn assess(&mut self, concerned: &Concerned) {
        let names: Vec<String> = match concerned {
            Concerned::None => return,
            Concerned::One(name) => vec![name.clone()],
            Concerned::Claim(claim) => {
                let users = self.pods.all().filter(|pod| pod.claims.contains(claim));
                users.map(|pod| pod.service.clone()).collect()
            }
            Concerned::All => self.services.keys().cloned().collect(),
        };
        for name in names {
            let Some(known) = self.services.get(&name) else {
                continue;
            };
            let assessment = self.judge(&known.stateful_set);
            if let Some(known) = self.services.get_mut(&name) {
                known.assessment = assessment;
            }
        }
    }

    fn judge(&self, stateful_set: &StatefulSetFacts) -> Assessment {
        let slices = self.slices.of(&stateful_set.name);
        let pods = self.pods.of(&stateful_set.name);
        let evidence = Evidence {
            events: &self.events.of(&stateful_set.name, &pods),
            pods: &pods,
            slices: self.slices.is_known().then_some(&slices),
        };
        Assessment::new(stateful_set, evidence)
    }
}

/// What is said of an answer while a watch is cut off.
fn interruption(lost: Lost) -> String {
    let since = lost.since.strftime("%H:%M:%S UTC");
    let what = if lost.refused.is_some() {
        "has refused to report changes"
    } else {
        "has not answered"
    };
    format!(" The API server {what} since {since}: this is what was known then.")
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
