//! The events on the objects of services: of each object the last of each kind.

use std::collections::{HashMap, VecDeque};

use k8s_openapi::api::core::v1::Event as Object;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::members::Concerned;
use crate::status::{EventFacts, PodFacts};

/// Reasons of events that report success, which are most of all events. The API server leaves them out. Those that show
/// when a problem began, such as `SuccessfulCreate`, are not among them.
const ORDINARY: &[&str] = &[
    "Completed",
    "Created",
    "LeaderElection",
    "Pulled",
    "Pulling",
    "ScalingReplicaSet",
    "Started",
    "SuccessfulAttachVolume",
];

/// How many events to keep of one object at most, of one service, and of objects that belong to no service yet.
const OF_OBJECT: usize = 16;
const OF_SERVICE: usize = 256;
const UNCLAIMED: usize = 512;

/// How many claims to keep events of. Any pod may use any claim, so that it is not known whose they are.
const CLAIMS: usize = 1024;

/// How many bytes of a message to keep.
const MESSAGE: usize = 2048;

/// How long a problem may cause no event, and still be the same. Kubernetes tries again after 17 minutes at most.
const SAME: SignedDuration = SignedDuration::from_mins(20);

/// Which events to read.
pub(super) fn fields() -> String {
    let terms: Vec<String> = ORDINARY.iter().map(|reason| format!("reason!={reason}")).collect();
    terms.join(",")
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// Its own name, which distinguishes it from others of the same kind.
    id: Box<str>,
    facts: EventFacts,
}

impl From<&Object> for Note {
    fn from(event: &Object) -> Self {
        let mut facts = EventFacts::from(event);
        facts.message.truncate(facts.message.floor_char_boundary(MESSAGE));
        facts.message.shrink_to_fit();
        Self {
            id: event.metadata.name.clone().unwrap_or_default().into(),
            facts,
        }
    }
}

impl Note {
    /// Whether both are on the same object and about the same. The reason alone is not enough: `Unhealthy` is each of
    /// the probes, `FailedCreate` each of the pods.
    fn is_like(&self, other: &Self) -> bool {
        let (one, other) = (&self.facts, &other.facts);
        let about = |facts: &'_ EventFacts| {
            let end = facts.message.match_indices(' ').nth(2).map(|(end, _)| end);
            facts.message[..end.unwrap_or(facts.message.len())].to_owned()
        };
        is_of_same_object(one, other) && one.reason == other.reason && about(one) == about(other)
    }

    /// Takes the place of an earlier one. The trouble has lasted since that was first seen.
    fn succeed(&mut self, earlier: &Self) {
        let pause = |from: &EventFacts, to: &EventFacts| Some(to.first?.duration_since(from.last?));
        if pause(&earlier.facts, &self.facts).is_none_or(|pause| pause < SAME) {
            self.facts.first = earliest(earlier, self);
        }
    }
}

fn earliest(one: &Note, other: &Note) -> Option<Timestamp> {
    [one.facts.first, other.facts.first].into_iter().flatten().min()
}

fn is_of_same_object(one: &EventFacts, other: &EventFacts) -> bool {
    (&one.uid, &one.name, &one.kind) == (&other.uid, &other.name, &other.kind)
}

/// The events of a namespace.
#[derive(Default)]
pub(super) struct EventLog {
    current: Notes,
    /// The events that a relisting watch has listed so far.
    listing: Notes,
}

#[derive(Default)]
struct Notes {
    services: HashMap<String, Vec<Note>>,
    claims: HashMap<String, Vec<Note>>,
    /// The last events on objects that look like those of a service which is not known, or not yet.
    unclaimed: VecDeque<(String, Note)>,
}

impl EventLog {
    /// Takes in what the watch over events reports.
    pub(super) fn apply(&mut self, event: Event<Note>, is_service: impl Fn(&str) -> bool) -> Concerned {
        match event {
            Event::Init => {
                self.listing = Notes::default();
                Concerned::None
            }
            Event::InitApply(note) => {
                self.listing.put(note, is_service);
                Concerned::None
            }
            Event::InitDone => {
                self.current = std::mem::take(&mut self.listing);
                Concerned::All
            }
            Event::Apply(note) => self.current.put(note, is_service),
            // The API server forgets each event after an hour.
            Event::Delete(note) => self.current.remove(&note),
        }
    }

    /// Takes in events that were reported before the service was known.
    pub(super) fn claim(&mut self, is_service: impl Fn(&str) -> bool) {
        for notes in [&mut self.current, &mut self.listing] {
            let (ours, others) = std::mem::take(&mut notes.unclaimed)
                .into_iter()
                .partition(|(service, _)| is_service(service));
            notes.unclaimed = others;
            for (service, note) in ours {
                put(notes.services.entry(service).or_default(), note, OF_SERVICE);
            }
        }
    }

    /// Forgets the events of a service that is gone.
    pub(super) fn forget(&mut self, service: &str) {
        for notes in [&mut self.current, &mut self.listing] {
            notes.services.remove(service);
        }
    }

    /// Forgets the events of services that are gone.
    pub(super) fn retain(&mut self, is_service: impl Fn(&str) -> bool) {
        for notes in [&mut self.current, &mut self.listing] {
            notes.services.retain(|service, _| is_service(service));
        }
    }

    /// The events on a service's `StatefulSet`, its pods and their claims.
    pub(super) fn of(&self, service: &str, pods: &[PodFacts]) -> Vec<EventFacts> {
        let own = self.current.services.get(service);
        let claims = pods.iter().flat_map(|pod| &pod.claims);
        let of_claims = claims.filter_map(|claim| self.current.claims.get(claim));
        let notes = own.into_iter().chain(of_claims).flatten();
        notes.map(|note| note.facts.clone()).collect()
    }
}

impl Notes {
    fn put(&mut self, note: Note, is_service: impl Fn(&str) -> bool) -> Concerned {
        if note.facts.kind == "PersistentVolumeClaim" {
            return self.put_of_claim(note);
        }
        let Some(service) = service_of(&note.facts) else {
            return Concerned::None;
        };
        let service = service.to_owned();
        if is_service(&service) {
            put(self.services.entry(service.clone()).or_default(), note, OF_SERVICE);
            return Concerned::One(service);
        }
        if self.unclaimed.len() == UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back((service, note));
        Concerned::None
    }

    fn put_of_claim(&mut self, note: Note) -> Concerned {
        let claim = note.facts.name.clone();
        if self.claims.len() >= CLAIMS && !self.claims.contains_key(&claim) {
            let last = |notes: &[Note]| notes.iter().filter_map(|note| note.facts.last).max();
            let oldest = self.claims.iter().min_by_key(|(_, notes)| last(notes));
            if let Some(oldest) = oldest.map(|(claim, _)| claim.clone()) {
                self.claims.remove(&oldest);
            }
        }
        put(self.claims.entry(claim.clone()).or_default(), note, OF_OBJECT);
        Concerned::Claim(claim)
    }

    fn remove(&mut self, note: &Note) -> Concerned {
        let name = &note.facts.name;
        let (notes, key, concern) = if note.facts.kind == "PersistentVolumeClaim" {
            (&mut self.claims, name.as_str(), Concerned::Claim(name.clone()))
        } else if let Some(service) = service_of(&note.facts) {
            (&mut self.services, service, Concerned::One(service.to_owned()))
        } else {
            return Concerned::None;
        };
        let Some(of_object) = notes.get_mut(key) else {
            return Concerned::None;
        };
        let before = of_object.len();
        of_object.retain(|each| each.id != note.id);
        let is_removed = of_object.len() < before;
        if of_object.is_empty() {
            notes.remove(key);
        }
        if is_removed { concern } else { Concerned::None }
    }
}

/// The service that the object would belong to, by its name.
fn service_of(facts: &EventFacts) -> Option<&str> {
    match facts.kind.as_str() {
        "StatefulSet" => Some(&facts.name),
        "Pod" => {
            let (service, ordinal) = facts.name.rsplit_once('-')?;
            ordinal.bytes().all(|byte| byte.is_ascii_digit()).then_some(service)
        }
        _ => None,
    }
}

/// Keeps a note in place of the earlier one that is like it, and no more of them than so many.
fn put(notes: &mut Vec<Note>, mut note: Note, most: usize) {
    if let Some(earlier) = notes.iter_mut().find(|earlier| earlier.is_like(&note)) {
        if earlier.facts.last <= note.facts.last {
            note.succeed(earlier);
            *earlier = note;
        } else {
            earlier.facts.first = earliest(earlier, &note);
        }
        return;
    }
    let of_object = notes.iter().filter(|each| is_of_same_object(&each.facts, &note.facts));
    let is_full = of_object.count() >= OF_OBJECT;
    if is_full || notes.len() >= most {
        let candidates = notes.iter().enumerate();
        let oldest = candidates
            .filter(|(_, each)| !is_full || is_of_same_object(&each.facts, &note.facts))
            .min_by_key(|(_, each)| each.facts.last);
        if let Some((oldest, _)) = oldest {
            notes.swap_remove(oldest);
        }
    }
    notes.push(note);
}

#[cfg(test)]
mod tests;
