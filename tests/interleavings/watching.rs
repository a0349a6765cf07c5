//! Every way in which a watch can lag, break, be refused and skip what happens, and what the cache says meanwhile.
//!
//! The watch's requests wait at the server until it is said what becomes of them, so that a list, the watch that goes
//! on from it and what happens in between come in every order. A watch that cannot begin lists nothing by itself:
//! whether anything is listed again is up to the code under test.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use k8sdataservice::cluster::{Annotation, Api, Change, Changes, Chunk, Deleted, Fault, Key, Kind, Selection};
use k8sdataservice::watch::Cache;

use crate::actor::{NAME, NAMESPACE, objects};
use crate::gate::lock;
use crate::schedule::Chooser;
use crate::server::{Server, Who};

/// How long it takes until the watch has done what it does next: its pauses after a few faults are shorter.
const SETTLES: Duration = Duration::from_secs(20);

/// What the process does to services, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Another process makes a service.
    Make(&'static str),
    /// The existing service is deleted.
    Delete,
    /// The process that has deleted it learns that it is gone, and says so to the cache.
    Forget,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Deed,
    /// The request that waits is answered; a list by a replica so many events behind.
    Answer(usize),
    /// The request that waits is not.
    Fail(Failure),
    /// The watch reports the next thing.
    Report,
    /// The watch ends by itself, and all that it has not reported yet is skipped.
    End,
    /// Its connection breaks.
    Break,
}

/// Why a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The account may not, at the moment.
    Forbidden,
    /// The server is away.
    Unavailable,
    /// The server does not know the version any more, from which the watch is to go on.
    Expired,
}

impl Failure {
    fn fault(self) -> Fault {
        let refused = |code: u16, reason: &str| Fault::Refused {
            code,
            reason: reason.to_owned(),
            message: reason.to_owned(),
        };
        match self {
            Self::Forbidden => refused(403, "Forbidden"),
            Self::Unavailable => Fault::transient("the server is away"),
            Self::Expired => refused(410, "Expired"),
        }
    }
}

type Reports = mpsc::UnboundedSender<Result<Change<StatefulSet>, Fault>>;

/// A request that waits.
enum Waiting {
    List(oneshot::Sender<Result<Chunk<StatefulSet>, Fault>>),
    Watch(usize, oneshot::Sender<Result<Changes<StatefulSet>, Fault>>),
}

/// A cluster whose requests for `StatefulSet`s are answered when the explorer says so.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<Option<Waiting>>>);

impl Watched {
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Waiting) -> Result<T, Fault> {
        let (sender, answer) = oneshot::channel();
        *lock(&self.0) = Some(request(sender));
        answer.await.expect("a request is answered")
    }
}

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

    async fn set_annotations<K: Kind>(&self, _: &K, _: &[Annotation<'_>]) -> Result<(), Fault> {
        Ok(())
    }

    async fn set_owners<K: Kind>(&self, _: &K, _: &[OwnerReference]) -> Result<(), Fault> {
        Ok(())
    }

    async fn scale(&self, set: &StatefulSet, _: i32, _: &[Annotation<'_>]) -> Result<StatefulSet, Fault> {
        Ok(set.clone())
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn note_managers<K: Kind>(&self, object: &K, _: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn annotate<K: Kind>(&self, _: &str, _: &str, _: &str, _: &[Annotation<'_>]) -> Result<(), Fault> {
        Ok(())
    }

    async fn list_chunk<K: Kind>(&self, _: &Selection, _: Option<&str>) -> Result<Chunk<K>, Fault> {
        if K::kind(&()) != "StatefulSet" {
            // There are no pods and no endpoint slices, and none come.
            return Ok(Chunk {
                items: Vec::new(),
                next: None,
                version: "0".to_owned(),
            });
        }
        let page = self.ask(Waiting::List).await?;
        Ok(Chunk {
            items: page.items.into_iter().map(retyped).collect(),
            next: page.next,
            version: page.version,
        })
    }

    async fn changes<K: Kind>(&self, _: &Selection, version: &str) -> Result<Changes<K>, Fault> {
        if K::kind(&()) != "StatefulSet" {
            return Ok(futures::stream::pending().boxed());
        }
        let version = version.parse().expect("a version");
        let changes = self.ask(|sender| Waiting::Watch(version, sender)).await?;
        let retyped = changes.map(|change| {
            Ok(match change? {
                Change::Applied(set) => Change::Applied(retyped(set)),
                Change::Deleted(set) => Change::Deleted(retyped(set)),
                Change::Bookmark(version) => Change::Bookmark(version),
            })
        });
        Ok(retyped.boxed())
    }
}

/// The same object; its kind is known to be the same.
fn retyped<K: Kind>(set: StatefulSet) -> K {
    let set: Box<dyn std::any::Any> = Box::new(set);
    *set.downcast::<K>().expect("the same kind")
}

/// The server's end.
struct Cluster {
    server: Server,
    requests: Watched,
    /// What has happened, oldest first. The version after the nth is n.
    events: Vec<Change<StatefulSet>>,
    /// The watch that is open, and how much of what has happened it has reported.
    watch: Option<(Reports, usize)>,
}

impl Cluster {
    fn is_asked(&self) -> bool {
        lock(&self.requests.0).is_some()
    }

    /// What may become of the request that waits.
    fn fates(&self, faults: usize) -> Vec<Step> {
        let waiting = lock(&self.requests.0);
        let mut fates = match *waiting {
            None => return Vec::new(),
            Some(Waiting::List(_)) => (0..=self.events.len().min(2)).map(Step::Answer).collect(),
            Some(Waiting::Watch(..)) => vec![Step::Answer(0)],
        };
        if faults > 0 {
            fates.extend([Failure::Forbidden, Failure::Unavailable].map(Step::Fail));
            if matches!(*waiting, Some(Waiting::Watch(..))) {
                fates.push(Step::Fail(Failure::Expired));
            }
        }
        fates
    }

    fn answer(&mut self, behind: usize) {
        match lock(&self.requests.0).take().expect("a request waits") {
            Waiting::List(sender) => {
                let version = self.events.len() - behind;
                let there = self.events[..version].iter().fold(None, |_, change| match change {
                    Change::Applied(set) => Some(set.clone()),
                    Change::Deleted(_) | Change::Bookmark(_) => None,
                });
                let page = Chunk {
                    items: there.into_iter().collect(),
                    next: None,
                    version: version.to_string(),
                };
                let _ = sender.send(Ok(page));
            }
            Waiting::Watch(version, sender) => {
                let (reports, changes) = mpsc::unbounded();
                self.watch = Some((reports, version));
                let _ = sender.send(Ok(changes.boxed()));
            }
        }
    }

    fn fail(&self, failure: Failure) {
        match lock(&self.requests.0).take().expect("a request waits") {
            Waiting::List(sender) => drop(sender.send(Err(failure.fault()))),
            Waiting::Watch(_, sender) => drop(sender.send(Err(failure.fault()))),
        }
    }

    fn has_more_to_report(&self) -> bool {
        self.watch
            .as_ref()
            .is_some_and(|(_, reported)| *reported < self.events.len())
    }

    fn report(&mut self) -> String {
        let (reports, reported) = self.watch.as_mut().expect("a watch is open");
        let mut change = self.events[*reported].clone();
        *reported += 1;
        let version = Some(reported.to_string());
        let story = match &mut change {
            Change::Applied(set) => {
                set.metadata.resource_version = version;
                uid(set)
            }
            Change::Deleted(set) => {
                set.metadata.resource_version = version;
                format!("the end of {}", uid(set))
            }
            Change::Bookmark(_) => unreachable!("nothing of the kind happens"),
        };
        reports.unbounded_send(Ok(change)).expect("the watch is followed");
        story
    }
}

fn uid(set: &StatefulSet) -> String {
    set.metadata.uid.clone().unwrap_or_default()
}

/// Lets the code under test go on until it waits for the server.
fn settles() -> Pin<Box<tokio::time::Sleep>> {
    Box::pin(tokio::time::sleep(SETTLES))
}

/// Runs one schedule of deeds, beside a watch that meets so many faults.
async fn schedule(deeds: &[Deed], mut faults: usize, chooser: &mut Chooser) -> Result<(), String> {
    let requests = Watched::default();
    let (cache, key) = (Arc::new(Cache::default()), Key::of_context(Some("any")).expect("a key"));
    cache.watch(&key, &requests, NAMESPACE);
    let mut cluster = Cluster {
        server: Server::default(),
        requests,
        events: Vec::new(),
        watch: None,
    };
    settles().await;
    let mut deeds = deeds.iter();
    let mut deleted = String::new();
    let mut gone = Vec::new();
    let mut story = Vec::new();
    let known = |uid: Option<&str>| cache.look_up(&key, NAMESPACE, NAME, uid);
    loop {
        let mut steps = Vec::new();
        if !deeds.as_slice().is_empty() {
            steps.push(Step::Deed);
        }
        steps.extend(cluster.fates(faults));
        if cluster.has_more_to_report() {
            steps.push(Step::Report);
        }
        if faults > 0 && cluster.watch.is_some() {
            steps.extend([Step::End, Step::Break]);
        }
        // What may go wrong need not: it is over when all is done, answered and reported.
        let over = deeds.as_slice().is_empty() && !cluster.is_asked() && !cluster.has_more_to_report();
        if over && chooser.choose_of(if steps.is_empty() { 1 } else { 2 }) == 0 {
            break;
        }
        let step = steps[chooser.choose_of(steps.len())];
        match step {
            Step::Deed => match deeds.next().copied().expect("a deed is left") {
                Deed::Make(owner) => {
                    let set = objects("one:1", owner).stateful_set;
                    let made = cluster.server.create(&set, Who::Before).expect("the name is free");
                    cluster.events.push(Change::Applied(made));
                    story.push(format!("a service of {owner} is made"));
                }
                Deed::Delete => {
                    let set = cluster.server.read::<StatefulSet>(NAME, 0).expect("a service is there");
                    deleted = uid(&set);
                    let _ = cluster.server.delete::<StatefulSet>(NAME, &deleted, Who::Before);
                    cluster.events.push(Change::Deleted(set));
                    story.push(format!("{deleted} is deleted"));
                }
                Deed::Forget => {
                    cache.forget(&key, NAMESPACE, &deleted);
                    gone.push(deleted.clone());
                    story.push(format!("{deleted} is known to be gone"));
                }
            },
            Step::Answer(behind) => {
                cluster.answer(behind);
                story.push(format!(
                    "the request is answered with what was there {behind} events ago"
                ));
            }
            Step::Fail(failure) => {
                faults -= 1;
                cluster.fail(failure);
                story.push(format!("the request fails: {failure:?}"));
            }
            Step::Report => {
                let what = cluster.report();
                story.push(format!("the watch reports {what}"));
            }
            Step::End => {
                faults -= 1;
                cluster.watch = None;
                story.push("the watch ends".to_owned());
            }
            Step::Break => {
                faults -= 1;
                let (reports, _) = cluster.watch.take().expect("a watch is open");
                let _ = reports.unbounded_send(Err(Fault::transient("the connection broke")));
                story.push("the watch breaks".to_owned());
            }
        }
        settles().await;
        if let Some(uid) = gone.iter().find(|uid| known(Some(uid)).is_some()) {
            return Err(format!("{uid} is gone and said to be there, after {story:#?}"));
        }
    }
    let there = cluster.server.read::<StatefulSet>(NAME, 0).map(|set| uid(&set));
    let answer = known(there.as_deref());
    if answer.is_some() != there.is_some() {
        let known = answer.is_some();
        return Err(format!("{there:?} is there, and known: {known}, after {story:#?}"));
    }
    match answer {
        Some(answer) if !answer.is_complete() || answer.status.message.contains("this is what was known then") => {
            Err(format!("{} after {story:#?}", answer.status.message))
        }
        _ => Ok(()),
    }
}

fn explore(deeds: &[Deed], faults: usize) {
    let runtime = crate::explorer::runtime();
    let mut chooser = Chooser::replay(crate::schedule::Schedule::default());
    let mut schedules = 0;
    loop {
        schedules += 1;
        if let Err(problem) = runtime.block_on(schedule(deeds, faults, &mut chooser)) {
            panic!("{problem}");
        }
        if !chooser.advance() {
            break;
        }
    }
    println!("a watch beside {deeds:?}: {schedules} schedules with at most {faults} faults");
}

#[test]
fn a_service_that_is_made_beside_a_watch_that_is_refused_again_and_again() {
    explore(&[Deed::Make("alpha")], 3);
}

#[test]
fn a_service_that_was_deleted_and_created_again() {
    explore(&[Deed::Make("alpha"), Deed::Delete, Deed::Make("beta")], 1);
}

#[test]
fn a_service_that_this_process_deleted() {
    explore(&[Deed::Make("alpha"), Deed::Delete, Deed::Forget], 1);
}

#[test]
fn a_service_that_this_process_deleted_and_another_created_again() {
    let deeds = [Deed::Make("alpha"), Deed::Delete, Deed::Make("beta"), Deed::Forget];
    explore(&deeds, 1);
}
