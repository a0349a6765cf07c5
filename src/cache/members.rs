//! What a watch tells of the objects that belong to services, such as their pods, kept by service.

use std::collections::HashMap;

use kube::runtime::watcher::Event;

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
    /// Whether the watch was refused, so that it will not tell.
    refused: bool,
}

impl<F> Default for Members<F> {
    fn default() -> Self {
        Self {
            current: HashMap::new(),
            listing: HashMap::new(),
            complete: false,
            refused: false,
        }
    }
}

impl<F: Member + Clone> Members<F> {
    /// The facts of a watch that was refused: none, and none are waited for.
    pub(super) fn refused() -> Self {
        Self {
            refused: true,
            ..Self::default()
        }
    }

    /// Whether there is nothing to wait for: all has been told, or nothing will be.
    pub(super) fn is_settled(&self) -> bool {
        self.complete || self.refused
    }

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

    /// The facts of one service.
    pub(super) fn of(&self, service: &str) -> Vec<F> {
        self.current.get(service).cloned().unwrap_or_default()
    }

    /// Whether the watch has told of everything that there was.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
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
