//! The state of each service, reduced from what the watches report.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::answered::Answers;
use super::events::{EventLog, Note};
use super::last_report::LastReport;
use super::link::{Link, Lost};
use super::logs::LogKey;
use super::members::{Concerned, Member, Members};
use super::stream::Update;
use crate::identity::asleep::Asleep;
use crate::identity::holder::Holders;
use crate::identity::labels::{
    ASLEEP_ANNOTATION, DELETE_AFTER_ANNOTATION, LIFETIME_ANNOTATION, RELEASED_ANNOTATION, is_of_users,
};
use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, Phase, PodFacts, SliceFacts, StatefulSetFacts, Status};

/// How old a known state may become before the service is read again, although nothing was reported of it.
const TOO_OLD: SignedDuration = SignedDuration::from_mins(1);

/// For how long a service that was deleted is remembered, which is longer than any watch lags.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// The services of one namespace, as far as its watches have reported them.
#[derive(Default)]
pub(super) struct Store {
    grace_periods: Arc<GracePeriods>,
    services: HashMap<String, Known>,
    /// The objects that a relisting watch has listed so far. They count only once the list is complete.
    listing: HashMap<String, Known>,
    pods: Members<PodFacts>,
    slices: Members<SliceFacts>,
    events: EventLog,
    /// The uids of services that were deleted here, and when. A watch that lags may report them for a while.
    deleted: HashMap<Box<str>, Timestamp>,
    /// The generations that services were changed to here. A watch that lags may report earlier ones for a while.
    changed: HashMap<Box<str>, i64>,
    link: Link,
    last_report: LastReport,
}

/// One service.
struct Known {
    stateful_set: StatefulSetFacts,
    assessment: Assessment,
    /// The annotations about its end, if it may end by itself.
    bound: Option<Arc<Bound>>,
    /// How many holders are written on it.
    holders: u64,
    answers: Answers,
}

/// A service that may end by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Its name.
    pub name: Box<str>,
    /// The uid of its `StatefulSet`.
    pub uid: Box<str>,
    /// When its `StatefulSet` was created, and the annotations that say when it ends, who uses it, and whether it
    /// sleeps.
    pub metadata: ObjectMeta,
}

impl Bound {
    /// The annotations of a `StatefulSet` about its end, if it may end by itself.
    fn of(object: &StatefulSet) -> Option<Arc<Self>> {
        let ObjectMeta {
            name,
            uid,
            annotations,
            creation_timestamp,
            ..
        } = &object.metadata;
        let all = annotations.as_ref()?;
        let ends = [LIFETIME_ANNOTATION, RELEASED_ANNOTATION, DELETE_AFTER_ANNOTATION]
            .iter()
            .any(|key| all.contains_key(*key));
        if !ends && !Holders::of(&object.metadata).is_crowded() {
            return None;
        }
        let is_asleep = Asleep::of(object).is_some();
        let of_end = all.iter().filter(|(key, _)| {
            [LIFETIME_ANNOTATION, DELETE_AFTER_ANNOTATION].contains(&key.as_str())
                || is_of_users(key)
                || (is_asleep && *key == ASLEEP_ANNOTATION)
        });
        Some(Arc::new(Self {
            name: name.as_deref().unwrap_or_default().into(),
            uid: uid.as_deref().unwrap_or_default().into(),
            metadata: ObjectMeta {
                annotations: Some(of_end.map(|(key, value)| (key.clone(), value.clone())).collect()),
                creation_timestamp: creation_timestamp.clone(),
                ..ObjectMeta::default()
            },
        }))
    }
}

/// The known state of a service at a moment.
pub struct Answer {
    /// How it is doing, as far as is known.
    pub status: Status,
    /// Whether only events can explain the status.
    pub(super) needs_events: bool,
    /// The container whose log belongs to the status.
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
    /// Whether there is nothing to ask the API server for: the status is complete, and decides nothing on stale
    /// evidence.
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

impl Store {
    pub(super) fn new(grace_periods: Arc<GracePeriods>) -> Self {
        Self {
            grace_periods,
            ..Self::default()
        }
    }

    /// Takes in what the watch over `StatefulSet`s reports.
    pub(super) fn update(&mut self, update: Update<StatefulSet>, now: Timestamp) {
        self.last_report.note(&update);
        match update {
            Update::Event(event) => self.apply(event),
            Update::Alive => {}
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
                // The reports of other watches in the meantime were judged for the services that were known then.
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

    /// Notes that the service with this uid was deleted, before the watch reports it, or even the service itself: a
    /// poll after a deletion must not find the service.
    pub(super) fn forget(&mut self, uid: &str, now: Timestamp) {
        self.services.retain(|_, known| *known.stateful_set.uid != *uid);
        self.deleted
            .retain(|_, deleted| now.duration_since(*deleted) < REMEMBERED);
        self.deleted.insert(uid.into(), now);
    }

    /// Notes that the service with this uid was changed, before the watch reports it: a poll after a change must not
    /// return the state from before it.
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

    /// The services that may end by themselves; none while that may have changed unseen.
    pub(super) fn bound(&self) -> Vec<Arc<Bound>> {
        if !self.link.is_known() || self.link.lost().is_some() {
            return Vec::new();
        }
        let bound = self.services.values().filter_map(|known| known.bound.clone());
        bound.collect()
    }

    /// Whether any service is to be deleted at some time, or may end by itself, as far as is known.
    pub(super) fn ends_any(&self) -> bool {
        let mut services = self.services.values();
        services.any(|known| known.bound.is_some())
    }

    /// Whether the watches have yet to report what there is, and nothing speaks against it that they do so at once.
    pub(super) fn is_filling(&self) -> bool {
        let has_failed = self.link.has_failed() || self.pods.has_failed() || self.slices.has_failed();
        !has_failed && !self.is_settled()
    }

    /// Whether the watches have yet to report what there is, and may do so.
    pub(super) fn will_fill(&self) -> bool {
        let is_turned_away = self.link.is_turned_away() || self.pods.is_turned_away() || self.slices.is_turned_away();
        !is_turned_away && !self.is_settled()
    }

    /// Whether all is known that will be. Without its slices a service could be reported ready whose names do not
    /// resolve.
    fn is_settled(&self) -> bool {
        self.link.is_known() && self.pods.is_settled() && self.slices.is_settled()
    }

    /// The state of a service; while a watch is disconnected, the last known state, with a note about that.
    pub(super) fn look_up(&self, name: &str, uid: Option<&str>, now: Timestamp) -> Option<Answer> {
        if !self.is_settled() {
            return None;
        }
        let known = self
            .services
            .get(name)
            .filter(|known| uid.is_none_or(|uid| *uid == *known.stateful_set.uid))
            .filter(|known| !self.is_outdated(&known.stateful_set))?;
        let (lost, as_of) = (self.lost(), self.as_of(now));
        let mut status = known.assessment.at(as_of, &self.grace_periods);
        match lost {
            Some(lost) => status.message.push_str(&interruption(lost)),
            None => known.answers.note(status.phase, known.stateful_set.created, now),
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

    /// The moment that the state is known of. No grace period runs out while nobody knows whether the cause still
    /// holds.
    fn as_of(&self, now: Timestamp) -> Timestamp {
        self.lost().map_or(now, |lost| now.min(lost.since))
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
        let known = Known {
            assessment: self.judge(&stateful_set),
            bound: Bound::of(object),
            holders: Holders::count(&object.metadata),
            answers: self.answers(&stateful_set),
            stateful_set,
        };
        (known.stateful_set.name.to_string(), known)
    }

    /// The answers about a service so far, also where the watch reports it again.
    fn answers(&self, stateful_set: &StatefulSetFacts) -> Answers {
        let before = self.services.get(&*stateful_set.name);
        let same = before.filter(|known| known.stateful_set.uid == stateful_set.uid);
        same.map(|known| known.answers.clone()).unwrap_or_default()
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

/// The end of a message while a watch is interrupted.
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

mod census;

#[cfg(test)]
mod tests;
