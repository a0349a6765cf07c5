//! The objects that belong to services, such as their pods, as a watch reports them, by service.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::Event;

use super::last_report::LastReport;
use super::link::{Link, Lost};
use super::stream::Update;

/// A fact about an object that belongs to a service.
pub(super) trait Member {
    /// The service that it belongs to.
    fn service(&self) -> &str;
    /// Its own name.
    fn name(&self) -> &str;
}

/// The facts of each service, in the order of their names.
type ByService<F> = HashMap<String, Vec<F>>;

/// Up to how many members a service has no room to spare. Very many services have few members each, and what a larger
/// collection keeps free for more would be most of the memory.
const FEW: usize = 8;

/// Which services an update concerns.
pub(super) enum Concerned {
    /// None, at least not yet: a list counts only once it is complete.
    None,
    /// One, by its name.
    One(String),
    /// Those whose pods use the claim of this name.
    Claim(String),
    /// All of them.
    All,
}

/// The facts of all services of a namespace.
pub(super) struct Members<F> {
    current: ByService<F>,
    /// The objects that a relisting watch has listed so far. They count only once the list is complete.
    listing: ByService<F>,
    link: Link,
    last_report: LastReport,
}

impl<F> Default for Members<F> {
    fn default() -> Self {
        Self {
            current: HashMap::new(),
            listing: HashMap::new(),
            link: Link::default(),
            last_report: LastReport::default(),
        }
    }
}

impl<F: Member + Clone> Members<F> {
    /// Takes in what the watch reports, and returns which services it concerns.
    pub(super) fn update(&mut self, update: Update<F>, now: Timestamp) -> Concerned {
        self.last_report.note(&update);
        match update {
            Update::Event(event) => self.apply(event),
            Update::Alive => Concerned::None,
            Update::Following => {
                self.link.follow();
                Concerned::All
            }
            Update::Lost(fault) => {
                if self.link.lose(&fault, now) {
                    self.current = HashMap::new();
                    Concerned::All
                } else {
                    Concerned::None
                }
            }
        }
    }

    /// Whether there is nothing to wait for: all is known, or nothing will be.
    pub(super) fn is_settled(&self) -> bool {
        self.is_known() || self.link.is_refused()
    }

    /// Whether the watch has reported everything that there is, or was when it was cut off.
    pub(super) fn is_known(&self) -> bool {
        self.link.is_known()
    }

    /// Whether the last try to watch failed.
    pub(super) fn has_failed(&self) -> bool {
        self.link.has_failed()
    }

    /// Whether the API server refused the last try to watch.
    pub(super) fn is_turned_away(&self) -> bool {
        self.link.is_turned_away()
    }

    /// The interruption of the watch, if it has reported everything before.
    pub(super) fn lost(&self) -> Option<Lost> {
        self.link.lost()
    }

    /// When the watch last heard from the API server.
    pub(super) fn last_report(&self) -> LastReport {
        self.last_report
    }

    fn apply(&mut self, event: Event<F>) -> Concerned {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(fact) => put(&mut self.listing, fact),
            Event::InitDone => {
                self.current = std::mem::take(&mut self.listing);
                return Concerned::All;
            }
            Event::Apply(fact) => {
                let service = fact.service().to_owned();
                put(&mut self.current, fact);
                return Concerned::One(service);
            }
            Event::Delete(fact) => {
                let service = fact.service().to_owned();
                if let Some(members) = self.current.get_mut(&service) {
                    members.retain(|member| member.name() != fact.name());
                    if members.is_empty() {
                        self.current.remove(&service);
                    }
                }
                return Concerned::One(service);
            }
        }
        Concerned::None
    }

    /// The facts of one service, as far as they are known.
    pub(super) fn of(&self, service: &str) -> Vec<F> {
        // Objects that were only listed may be long out of date.
        let known = self.is_known().then(|| self.current.get(service)).flatten();
        known.cloned().unwrap_or_default()
    }

    /// Takes the watch for one that the account may not have.
    #[cfg(test)]
    pub(super) fn refuse(&mut self) {
        self.link.refuse();
    }

    /// All facts.
    pub(super) fn all(&self) -> impl Iterator<Item = &F> {
        self.current.values().flatten()
    }
}

fn put<F: Member>(into: &mut ByService<F>, fact: F) {
    let members = into.entry(fact.service().to_owned()).or_default();
    match members.binary_search_by(|member| member.name().cmp(fact.name())) {
        Ok(place) => members[place] = fact,
        Err(place) => {
            if members.len() < FEW {
                members.reserve_exact(1);
            }
            members.insert(place, fact);
        }
    }
}
