//! Every way in which a watch can lag, break and skip what happens, and what the cache says meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::Either;
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8sdataservice::api::{Api, Deleted, Fault, Kind};
use k8sdataservice::cache::Cache;
use k8sdataservice::cluster::Key;
use k8sdataservice::manifests::stateful_set;
use kube::runtime::watcher::Event;

use crate::actor::{NAME, NAMESPACE, identity, spec};
use crate::gate::lock;
use crate::schedule::Chooser;
use crate::server::{Server, Who};

/// What the process does to services, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Another process makes a service.
    Make(&'static str),
    /// The service that is there is deleted.
    Delete,
    /// The process that has deleted it learns that it is gone, and says so to the cache.
    Forget,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Deed,
    /// The watch tells of the next thing.
    Tell,
    /// The watch breaks, and all that it has not told of yet is skipped; it lists anew, from a replica so far behind.
    Break(usize),
}

type Told = Result<Event<StatefulSet>, Fault>;

/// A cluster of which a watch tells only what it is made to tell.
#[derive(Clone)]
struct Watched(Arc<Mutex<Option<UnboundedReceiver<Told>>>>);

impl Api for Watched {
    async fn read<K: Kind>(&self, _: &str, _: &str) -> Result<Option<K>, Fault> {
        Ok(None)
    }

    async fn list<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Vec<K>, Fault> {
        Ok(Vec::new())
    }

    async fn log(&self, _: &str, _: &str, _: &str, _: i64) -> Result<String, Fault> {
        Ok(String::new())
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn delete<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Deleted, Fault> {
        Ok(Deleted::Gone)
    }

    async fn delete_version<K: Kind>(&self, _: &K) -> Result<Deleted, Fault> {
        Ok(Deleted::Gone)
    }

    async fn annotate_version<K: Kind>(&self, _: &K, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn note_managers<K: Kind>(&self, object: &K, _: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn annotate<K: Kind>(&self, _: &str, _: &str, _: &str, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn watch<K: Kind>(&self, _: &str, _: &str) -> impl Stream<Item = Result<Event<K>, Fault>> + Send {
        let told = if K::kind(&()) == "StatefulSet" {
            lock(&self.0).take()
        } else {
            None
        };
        if let Some(told) = told {
            return Either::Left(told.map(|event| event.map(retyped)));
        }
        // There are no pods and no endpoint slices, and none come.
        let nothing = futures::stream::iter([Ok(Event::Init), Ok(Event::InitDone)]);
        Either::Right(nothing.chain(futures::stream::pending()))
    }
}

/// The same event; its kind is known to be the same.
fn retyped<K: Kind>(event: Event<StatefulSet>) -> Event<K> {
    let same = |set: StatefulSet| {
        let set: Box<dyn std::any::Any> = Box::new(set);
        *set.downcast::<K>().expect("the same kind")
    };
    match event {
        Event::Apply(set) => Event::Apply(same(set)),
        Event::Delete(set) => Event::Delete(same(set)),
        Event::Init => Event::Init,
        Event::InitApply(set) => Event::InitApply(same(set)),
        Event::InitDone => Event::InitDone,
    }
}

/// The watch's end at the server.
struct Watch {
    server: Server,
    /// What has happened, oldest first: the events, each with what was there before it.
    events: Vec<(Event<StatefulSet>, Option<StatefulSet>)>,
    untold: VecDeque<Told>,
    sender: UnboundedSender<Told>,
}

impl Watch {
    fn happens(&mut self, event: Event<StatefulSet>, before: Option<StatefulSet>) {
        self.untold.push_back(Ok(event.clone()));
        self.events.push((event, before));
    }

    fn breaks(&mut self, behind: usize) {
        self.untold.clear();
        self.untold.push_back(Err(Fault::transient("the watch broke")));
        self.lists(behind);
    }

    /// Lists as it was some events ago, and goes on from there.
    fn lists(&mut self, behind: usize) {
        let since = self.events.len().saturating_sub(behind);
        let there = match self.events.get(since) {
            Some((_, before)) => before.clone(),
            None => self.server.read::<StatefulSet>(NAME, 0),
        };
        self.untold.push_back(Ok(Event::Init));
        self.untold.extend(there.map(|set| Ok(Event::InitApply(set))));
        self.untold.push_back(Ok(Event::InitDone));
        let later = self.events[since..].iter().map(|(event, _)| Ok(event.clone()));
        self.untold.extend(later);
    }
}

/// Runs one schedule of deeds, beside a watch that may break so often.
async fn schedule(deeds: &[Deed], mut breaks: usize, chooser: &mut Chooser) -> Result<Vec<String>, String> {
    let (sender, receiver) = unbounded();
    let api = Watched(Arc::new(Mutex::new(Some(receiver))));
    let (cache, key) = (Arc::new(Cache::default()), Key::of_context(Some("any")).expect("a key"));
    cache.follow(&key, &api, NAMESPACE);
    let mut watch = Watch {
        server: Server::default(),
        events: Vec::new(),
        untold: VecDeque::new(),
        sender,
    };
    watch.lists(0);
    let mut deeds = deeds.iter();
    let mut deleted = String::new();
    let mut gone = Vec::new();
    let mut story = Vec::new();
    let known = |uid: Option<&str>| cache.look_up(&key, NAMESPACE, NAME, uid).is_some();
    loop {
        let mut steps = Vec::new();
        if !deeds.as_slice().is_empty() {
            steps.push(Step::Deed);
        }
        if !watch.untold.is_empty() {
            steps.push(Step::Tell);
        }
        if breaks > 0 && !steps.is_empty() {
            steps.extend((0..=watch.events.len().min(2)).map(Step::Break));
        }
        let Some(choice) = (!steps.is_empty()).then(|| chooser.choose_of(steps.len())) else {
            break;
        };
        match steps[choice] {
            Step::Deed => match deeds.next().copied().expect("a deed is left") {
                Deed::Make(owner) => {
                    let set = stateful_set(&spec("one:1"), &identity(owner));
                    let made = watch.server.create(&set, Who::Before).expect("the name is free");
                    watch.happens(Event::Apply(made), None);
                    story.push(format!("a service of {owner} is made"));
                }
                Deed::Delete => {
                    let set = watch.server.read::<StatefulSet>(NAME, 0).expect("a service is there");
                    deleted = set.metadata.uid.clone().unwrap_or_default();
                    let _ = watch.server.delete::<StatefulSet>(NAME, &deleted, Who::Before);
                    watch.happens(Event::Delete(set.clone()), Some(set));
                    story.push(format!("{deleted} is deleted"));
                }
                Deed::Forget => {
                    cache.forget(&key, NAMESPACE, &deleted);
                    gone.push(deleted.clone());
                    story.push(format!("{deleted} is known to be gone"));
                }
            },
            Step::Tell => {
                let event = watch.untold.pop_front().expect("something is untold");
                story.push(format!("the watch tells of {}", name_of(&event)));
                watch.sender.unbounded_send(event).expect("the watch is followed");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Step::Break(behind) => {
                breaks -= 1;
                watch.breaks(behind);
                story.push(format!(
                    "the watch breaks, and lists what was there {behind} events ago"
                ));
            }
        }
        if let Some(uid) = gone.iter().find(|uid| known(Some(uid))) {
            return Err(format!("{uid} is gone and said to be there, after {story:#?}"));
        }
    }
    let there = watch
        .server
        .read::<StatefulSet>(NAME, 0)
        .and_then(|set| set.metadata.uid);
    let is_known = known(there.as_deref());
    if is_known == there.is_some() {
        return Ok(story);
    }
    Err(format!("{there:?} is there, and known: {is_known}, after {story:#?}"))
}

fn name_of(event: &Told) -> String {
    let uid = |set: &StatefulSet| set.metadata.uid.clone().unwrap_or_default();
    match event {
        Ok(Event::Apply(set)) => uid(set),
        Ok(Event::InitApply(set)) => format!("{} in a list", uid(set)),
        Ok(Event::Delete(set)) => format!("the end of {}", uid(set)),
        Ok(Event::Init) => "a list".to_owned(),
        Ok(Event::InitDone) => "the end of a list".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

fn explore(deeds: &[Deed], breaks: usize) {
    let runtime = crate::explorer::runtime();
    let mut chooser = Chooser::replay(crate::schedule::Schedule::default());
    let mut schedules = 0;
    loop {
        schedules += 1;
        if let Err(problem) = runtime.block_on(schedule(deeds, breaks, &mut chooser)) {
            panic!("{problem}");
        }
        if !chooser.advance() {
            break;
        }
    }
    println!("a watch beside {deeds:?}: {schedules} schedules with at most {breaks} breaks");
}

#[test]
fn a_service_that_was_deleted_and_made_anew() {
    explore(&[Deed::Make("alpha"), Deed::Delete, Deed::Make("beta")], 1);
}

#[test]
fn a_service_that_this_process_deleted() {
    explore(&[Deed::Make("alpha"), Deed::Delete, Deed::Forget], 2);
}

#[test]
fn a_service_that_this_process_deleted_and_another_made_anew() {
    let deeds = [Deed::Make("alpha"), Deed::Delete, Deed::Make("beta"), Deed::Forget];
    explore(&deeds, 1);
}
