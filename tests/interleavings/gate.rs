//! The gate between a verb and the server: each request waits here until it is said what becomes of it.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use k8sdataservice::cluster::{
    Annotation, Api, Changes, Chunk, Deleted, Fault, FlyteWorkflow, Kind, MetadataOf, Selection,
};

use crate::metadata::OwnedAnnotation;
use crate::schedule::Step;
use crate::server::{Server, Who};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is answered by a replica that is some writes behind.
    Stale(usize),
    /// It is not carried out: the server is busy.
    Refused,
    /// It is not carried out: the server is busy, and asks to be left alone for a second.
    RefusedForASecond,
    /// It is carried out, and its connection breaks before the answer.
    Lost,
    /// It is carried out, and nothing is ever heard of it.
    Unheard,
    /// It is carried out, and whoever sent it dies.
    Orphaned,
    /// It is carried out, and the call that sent it is cancelled; its process lives on.
    Cancelled,
}

/// Carries a request out, as its fate is, and returns what is answered.
type CarryOut = Box<dyn FnOnce(&mut Server, Fate) -> String + Send>;

/// A request that waits.
pub struct Request {
    pub ticket: u64,
    pub actor: usize,
    pub verb: &'static str,
    pub kind: String,
    carry_out: CarryOut,
}

impl Request {
    /// Whether a replica that lags may answer it.
    pub fn reads(&self) -> bool {
        matches!(self.verb, "get" | "list")
    }

    /// What can go wrong with it. A read that is carried out without an answer is one that is not carried out.
    pub fn bad_fates(&self, slowly: bool) -> impl Iterator<Item = Fate> + use<> {
        let reads = self.reads() || self.verb == "preview";
        [
            (Fate::Orphaned, true),
            (Fate::Refused, true),
            (Fate::Lost, !reads),
            (Fate::Unheard, slowly),
            (Fate::RefusedForASecond, slowly && !reads),
        ]
        .into_iter()
        .filter_map(|(fate, counts)| counts.then_some(fate))
    }

    /// The step by which it meets with a fate.
    pub fn with(&self, fate: Fate) -> Step {
        Step::Request(self.actor, self.ticket, fate)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.kind)
    }
}

/// The server and the requests that wait before it.
#[derive(Default)]
pub struct Desk {
    pub server: Server,
    pub waiting: Vec<Request>,
    pub tickets: u64,
}

impl Desk {
    /// Says what becomes of a request, and returns what is answered.
    pub fn settle(&mut self, ticket: u64, fate: Fate) -> String {
        let position = self.waiting.iter().position(|request| request.ticket == ticket);
        let request = self.waiting.remove(position.expect("the request waits"));
        (request.carry_out)(&mut self.server, fate)
    }
}

/// A cluster, as one actor sees it.
#[derive(Clone)]
pub struct Gate {
    desk: Arc<Mutex<Desk>>,
    actor: usize,
    /// The number of the call that the actor makes, which no other call has.
    pub call: usize,
}

impl Gate {
    pub fn new(desk: &Arc<Mutex<Desk>>, actor: usize, call: usize) -> Self {
        Self {
            desk: Arc::clone(desk),
            actor,
            call,
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    /// Lets the pods of a service get ready, as Kubernetes says it in the status of its `StatefulSet`.
    pub async fn recover(&self, name: &'static str) -> Result<(), Fault> {
        let tell = |(): &()| "done".to_owned();
        self.ask::<StatefulSet, _>("update", tell, move |server, _| {
            server.change::<StatefulSet>(name, |stateful_set| {
                let wanted = stateful_set.spec.as_ref().and_then(|spec| spec.replicas);
                let status = stateful_set.status.get_or_insert_default();
                status.ready_replicas = wanted;
                status.available_replicas = wanted;
            });
            server.change::<Pod>(&format!("{name}-0"), |pod| pod.status = None);
            Ok(())
        })
        .await
    }

    /// Ends a run as flytepropeller does for a success: by one write of its object.
    pub async fn succeed(&self, run: &'static str) -> Result<(), Fault> {
        let tell = |(): &()| "done".to_owned();
        self.ask::<MetadataOf<FlyteWorkflow>, _>("update", tell, move |server, _| {
            server.change::<FlyteWorkflow>(run, |workflow| {
                let labels = workflow.metadata.labels.get_or_insert_default();
                labels.insert("termination-status".to_owned(), "terminated".to_owned());
                workflow.status.phase = 3;
            });
            Ok(())
        })
        .await
    }

    async fn ask<K: Kind, T: Send + 'static>(
        &self,
        verb: &'static str,
        tell: fn(&T) -> String,
        act: impl FnOnce(&mut Server, usize) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&answer);
        let carry_out = move |server: &mut Server, fate| {
            let result = match fate {
                Fate::Refused => Err(Fault::transient("the server is busy")),
                Fate::RefusedForASecond => Err(Fault::Transient {
                    message: "the server is busy".to_owned(),
                    retry_after: Some(Duration::from_secs(1)),
                }),
                Fate::Stale(writes_ago) => act(server, writes_ago),
                Fate::Lost => {
                    let _ = act(server, 0);
                    Err(Fault::transient("the connection broke"))
                }
                Fate::Unheard | Fate::Orphaned | Fate::Cancelled => {
                    let _ = act(server, 0);
                    return "nothing".to_owned();
                }
                Fate::Answered => act(server, 0),
            };
            let text = match &result {
                Ok(answer) => tell(answer),
                Err(fault) => fault.to_string(),
            };
            *lock(&slot) = Some(result);
            text
        };
        let ticket = {
            let mut desk = self.desk();
            desk.tickets += 1;
            let ticket = desk.tickets;
            desk.waiting.push(Request {
                ticket,
                actor: self.actor,
                verb,
                kind: K::kind(&()).into_owned(),
                carry_out: Box::new(carry_out),
            });
            ticket
        };
        let _withdrawn = Withdrawn { gate: self, ticket };
        poll_fn(|_| lock(&answer).take().map_or(Poll::Pending, Poll::Ready)).await
    }
}

/// Takes a request back that its sender has given up before it was sent.
struct Withdrawn<'a> {
    gate: &'a Gate,
    ticket: u64,
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.gate.desk().waiting.retain(|request| request.ticket != self.ticket);
    }
}

impl Api for Gate {
    async fn read<K: Kind>(&self, _: &str, name: &str) -> Result<Option<K>, Fault> {
        let name = name.to_owned();
        let tell = |answer: &Option<K>| answer.as_ref().map_or_else(|| "none".to_owned(), told);
        self.ask::<K, _>("get", tell, move |server, ago| Ok(server.read::<K>(&name, ago)))
            .await
    }

    async fn list<K: Kind>(&self, _: &str, labels: &str, fields: &str) -> Result<Vec<K>, Fault> {
        let (labels, fields) = (labels.to_owned(), fields.to_owned());
        let tell = |answer: &Vec<K>| answer.iter().map(told).collect::<Vec<_>>().join("; ");
        self.ask::<K, _>("list", tell, move |server, ago| {
            Ok(server.list::<K>(&labels, &fields, ago))
        })
        .await
    }

    async fn log(&self, _: &str, _: &str, _: &str, _: i64) -> Result<String, Fault> {
        Ok(String::new())
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let (object, by) = (object.clone(), Who::Actor(self.actor));
        self.ask::<K, _>("create", told, move |server, _| server.create(&object, by))
            .await
    }

    async fn delete<K: Kind>(&self, _: &str, name: &str, uid: &str) -> Result<Deleted, Fault> {
        let (name, uid, by) = (name.to_owned(), uid.to_owned(), Who::Actor(self.actor));
        let tell = |answer: &Deleted| format!("{answer:?}");
        self.ask::<K, _>("delete", tell, move |server, _| server.delete::<K>(&name, &uid, by))
            .await
    }

    async fn delete_version<K: Kind>(&self, object: &K) -> Result<Deleted, Fault> {
        let (object, by) = (object.clone(), Who::Actor(self.actor));
        let tell = |answer: &Deleted| format!("{answer:?}");
        self.ask::<K, _>("delete", tell, move |server, _| server.delete_version(&object, by))
            .await
    }

    async fn annotate<K: Kind>(
        &self,
        _: &str,
        name: &str,
        uid: &str,
        annotations: &[Annotation<'_>],
    ) -> Result<(), Fault> {
        let ([name, uid], annotations) = ([name, uid].map(ToOwned::to_owned), owned(annotations));
        let tell = |(): &()| "done".to_owned();
        self.ask::<K, _>("patch", tell, move |server, _| {
            server.annotate::<K>(&name, &uid, &annotations)
        })
        .await
    }

    async fn set_annotations<K: Kind>(&self, object: &K, annotations: &[Annotation<'_>]) -> Result<(), Fault> {
        let (object, annotations) = (object.clone(), owned(annotations));
        let tell = |(): &()| "done".to_owned();
        self.ask::<K, _>("patch", tell, move |server, _| {
            server.set_annotations(&object, &annotations)
        })
        .await
    }

    async fn set_owners<K: Kind>(&self, object: &K, owners: &[OwnerReference]) -> Result<(), Fault> {
        let (object, owners) = (object.clone(), owners.to_vec());
        let tell = |(): &()| "done".to_owned();
        self.ask::<K, _>("patch", tell, move |server, _| server.set_owners(&object, owners))
            .await
    }

    async fn scale(
        &self,
        stateful_set: &StatefulSet,
        replicas: i32,
        annotations: &[Annotation<'_>],
    ) -> Result<StatefulSet, Fault> {
        let (set, annotations) = (stateful_set.clone(), owned(annotations));
        self.ask::<StatefulSet, _>("patch", told, move |server, _| {
            server.scale(&set, replicas, &annotations)
        })
        .await
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let (object, by) = (object.clone(), Who::Actor(self.actor));
        self.ask::<K, _>("apply", told, move |server, _| server.apply(&object, by))
            .await
    }

    async fn preview<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let object = object.clone();
        self.ask::<K, _>("preview", told, move |server, _| server.preview(&object))
            .await
    }

    async fn note_managers<K: Kind>(&self, object: &K, managers: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        let (object, managers) = (object.clone(), managers.to_vec());
        self.ask::<K, _>("note", told, move |server, _| server.note_managers(&object, &managers))
            .await
    }

    async fn list_chunk<K: Kind>(&self, _: &Selection, _: Option<&str>) -> Result<Chunk<K>, Fault> {
        std::future::pending().await
    }

    async fn changes<K: Kind>(&self, _: &Selection, _: &str) -> Result<Changes<K>, Fault> {
        std::future::pending().await
    }
}

/// An object, in as many words as tell it from others.
fn told<K: Kind>(object: &K) -> String {
    let metadata = object.meta();
    let none = String::new();
    let uid = metadata.uid.as_ref().unwrap_or(&none);
    let version = metadata.resource_version.as_ref().unwrap_or(&none);
    let terminating = if metadata.deletion_timestamp.is_some() {
        ", terminating"
    } else {
        ""
    };
    format!("{uid} at {version}{terminating}")
}

/// Locks, also after a panic of another test.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn owned(annotations: &[Annotation<'_>]) -> Vec<OwnedAnnotation> {
    let owned = |(key, value): &Annotation<'_>| ((*key).to_owned(), value.map(ToOwned::to_owned));
    annotations.iter().map(owned).collect()
}
