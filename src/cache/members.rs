//! What a watch tells of the objects that belong to services, such as their pods, kept by service.

use std::collections::{BTreeMap, HashMap};

use kube::runtime::watcher::Event;

/// A fact about an object that belongs to a service.
pub(super) trait Member {
    /// The service that it belongs to.
    fn service(&self) -> &str;
    /// Its own name.
    fn name(&self) -> &str;
}

type ByService<F> = HashMap<String, BTreeMap<String, F>>;

/// Which services an event concerns.
pub(super) enum Concerned {
    /// None yet: a list has begun, and counts only once it is complete.
    None,
    /// One, by its name.
    One(String),
    /// All of them.
    All,
}

/// The facts of all services of a namespace.
pub(super) struct Members<F> {
    current: ByService<F>,
    /// What a watch that begins anew has listed so far. It counts only once the list is complete.
    listing: ByService<F>,
    complete: bool,
}

impl<F> Default for Members<F> {
    fn default() -> Self {
        Self {
            current: HashMap::new(),
            listing: HashMap::new(),
            complete: false,
        }
    }
}

impl<F: Member + Clone> Members<F> {
    /// Takes in what the watch tells, and returns which services it concerns.
    pub(super) fn apply(&mut self, event: Event<F>) -> Concerned {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(fact) => put(&mut self.listing, fact),
            Event::InitDone => {
                self.current = std::mem::take(&mut self.listing);
                self.complete = true;
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
                    members.remove(fact.name());
                    if members.is_empty() {
                        self.current.remove(&service);
                    }
                }
                return Concerned::One(service);
            }
        }
        Concerned::None
    }

    /// The facts of one service.
    pub(super) fn of(&self, service: &str) -> Vec<F> {
        self.current
            .get(service)
            .into_iter()
            .flat_map(|members| members.values().cloned())
            .collect()
    }

    /// Whether the watch has told of everything that there was.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

fn put<F: Member>(into: &mut ByService<F>, fact: F) {
    into.entry(fact.service().to_owned())
        .or_default()
        .insert(fact.name().to_owned(), fact);
}
