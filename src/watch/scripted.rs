//! A cluster whose answers a test sets, and that records the requests and their times.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::{iter, once, pending};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use crate::cluster::{Annotation, Api, Change, Changes, Chunk, Deleted, Fault, Kind, Selection};

/// The course of a watch.
pub(crate) enum Begun {
    /// It does not begin.
    Not(Fault),
    /// It reports nothing, and stays.
    Stays,
    /// It reports nothing, and ends after a while.
    Ends(Duration),
    /// It reports nothing, and breaks after a while.
    Breaks(Duration),
    /// It reports that nothing has changed up to this version, and breaks.
    Bookmarks(&'static str),
}

/// The label of an object that lists do not have yet, as those of an API server that is behind.
pub(crate) const UNLISTED: &str = "unlisted";

type Answer<T> = Box<dyn Fn(&str, usize) -> T + Send + Sync>;

struct Script {
    asked: Mutex<Vec<(Duration, String)>>,
    begun: Instant,
    list: Answer<Result<(), Fault>>,
    watch: Answer<Begun>,
    delete: Answer<Result<Deleted, Fault>>,
    apply: Answer<Result<(), Fault>>,
    objects: Mutex<Vec<Value>>,
}

/// A cluster without objects, unless some are added.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Script>);

impl Scripted {
    /// A cluster in which nothing happens.
    pub(crate) fn quiet() -> Self {
        Self::new(|_, _| Ok(()), |_, _| Begun::Stays)
    }

    /// A cluster that answers so to each list and each watch, by the kind and how many there were of it before.
    pub(crate) fn new(
        list: impl Fn(&str, usize) -> Result<(), Fault> + Send + Sync + 'static,
        watch: impl Fn(&str, usize) -> Begun + Send + Sync + 'static,
    ) -> Self {
        Self::with_deletions(list, watch, |_, _| Ok(Deleted::Gone))
    }

    /// A cluster that answers so to each deletion, by the name and how many there were of it before.
    pub(crate) fn with_deletions(
        list: impl Fn(&str, usize) -> Result<(), Fault> + Send + Sync + 'static,
        watch: impl Fn(&str, usize) -> Begun + Send + Sync + 'static,
        delete: impl Fn(&str, usize) -> Result<Deleted, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::answering(
            Box::new(list),
            Box::new(watch),
            Box::new(delete),
            Box::new(|_, _| Ok(())),
        )
    }

    /// A cluster that answers so to each apply, by the name and how many there were of it before.
    pub(crate) fn with_applies(apply: impl Fn(&str, usize) -> Result<(), Fault> + Send + Sync + 'static) -> Self {
        let (list, watch) = (Box::new(|_: &str, _| Ok(())), Box::new(|_: &str, _| Begun::Stays));
        Self::answering(list, watch, Box::new(|_, _| Ok(Deleted::Gone)), Box::new(apply))
    }

    fn answering(
        list: Answer<Result<(), Fault>>,
        watch: Answer<Begun>,
        delete: Answer<Result<Deleted, Fault>>,
        apply: Answer<Result<(), Fault>>,
    ) -> Self {
        Self(Arc::new(Script {
            asked: Mutex::default(),
            begun: Instant::now(),
            list,
            watch,
            delete,
            apply,
            objects: Mutex::default(),
        }))
    }

    /// Adds an object, which lists have from then on.
    pub(crate) fn add(&self, object: Value) {
        self.0
            .objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(object);
    }

    /// The requests that begin with this text, and when each came.
    pub(crate) fn asked(&self, what: &str) -> Vec<(Duration, String)> {
        let asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .iter()
            .filter(|(_, asked)| asked.starts_with(what))
            .cloned()
            .collect()
    }

    /// How often somebody holds it.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Notes a question, and returns how often it was asked before.
    fn note(&self, what: &str, detail: &str) -> usize {
        let before = self.asked(what).len();
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push((self.0.begun.elapsed(), format!("{what}{detail}")));
        before
    }
}

/// A fault of an account that lacks the permission.
pub(crate) fn forbidden() -> Fault {
    Fault::Refused {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "forbidden".to_owned(),
    }
}

impl Api for Scripted {
    async fn read<K: Kind>(&self, _: &str, name: &str) -> Result<Option<K>, Fault> {
        self.note(&format!("read {} {name}", K::kind(&())), "");
        let objects = self.0.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |object: &&Value| object["kind"] == *K::kind(&()) && object["metadata"]["name"] == name;
        let found = objects.iter().find(is_meant).cloned();
        Ok(found.map(|object| serde_json::from_value(object).expect("an object")))
    }

    /// All objects of the kind, whatever the selectors: these are only noted.
    async fn list<K: Kind>(&self, _: &str, labels: &str, fields: &str) -> Result<Vec<K>, Fault> {
        let kind = K::kind(&());
        self.note(&format!("select {kind}"), &format!(" {labels} {fields}"));
        (self.0.list)(&kind, 0)?;
        let objects = self.0.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = objects.iter().filter(|object| object["kind"] == *kind);
        Ok(of_kind
            .map(|object| serde_json::from_value(object.clone()).expect("an object"))
            .collect())
    }

    async fn log(&self, _: &str, pod: &str, _: &str, _: i64) -> Result<String, Fault> {
        let before = self.note(&format!("log {pod}"), "");
        sleep(Duration::from_millis(10)).await;
        if pod == "forbidden-0" {
            return Err(forbidden());
        }
        Ok(format!("{before} times before"))
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn annotate<K: Kind>(&self, _: &str, _: &str, _: &str, _: &[Annotation<'_>]) -> Result<(), Fault> {
        Ok(())
    }

    async fn delete<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Deleted, Fault> {
        Ok(Deleted::Gone)
    }

    async fn set_annotations<K: Kind>(&self, _: &K, _: &[Annotation<'_>]) -> Result<(), Fault> {
        Ok(())
    }

    async fn set_owners<K: Kind>(&self, _: &K, _: &[OwnerReference]) -> Result<(), Fault> {
        Ok(())
    }

    async fn delete_version<K: Kind>(&self, object: &K) -> Result<Deleted, Fault> {
        let metadata = object.meta();
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let (name, uid) = (text(&metadata.name), text(&metadata.uid));
        let (name, version) = (name.as_str(), text(&metadata.resource_version));
        let before = self.note(&format!("delete {name}"), &format!(" {uid} at {version}"));
        if name == "hangs" {
            std::future::pending::<()>().await;
        }
        (self.0.delete)(name, before)
    }

    async fn scale(&self, set: &StatefulSet, _: i32, _: &[Annotation<'_>]) -> Result<StatefulSet, Fault> {
        Ok(set.clone())
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let name = object.meta().name.clone().unwrap_or_default();
        let before = self.note(&format!("apply {name}"), "");
        if name == "hangs" {
            std::future::pending::<()>().await;
        }
        (self.0.apply)(&name, before)?;
        Ok(object.clone())
    }

    async fn note_managers<K: Kind>(&self, object: &K, _: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn list_chunk<K: Kind>(&self, _: &Selection, _: Option<&str>) -> Result<Chunk<K>, Fault> {
        let kind = K::kind(&());
        let before = self.note(&format!("list {kind}"), "");
        (self.0.list)(&kind, before)?;
        let objects = self.0.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let is_listed = |object: &&Value| object["kind"] == *kind && object["metadata"]["labels"][UNLISTED].is_null();
        let of_kind = objects.iter().filter(is_listed);
        let items = of_kind.map(|object| serde_json::from_value(object.clone()).expect("an object"));
        Ok(Chunk {
            items: items.collect(),
            next: None,
            version: format!("list {before}"),
        })
    }

    async fn changes<K: Kind>(&self, _: &Selection, version: &str) -> Result<Changes<K>, Fault> {
        let kind = K::kind(&());
        let before = self.note(&format!("watch {kind}"), &format!(" from {version}"));
        let broken = || Err(Fault::transient("the connection broke"));
        Ok(match (self.0.watch)(&kind, before) {
            Begun::Not(fault) => return Err(fault),
            Begun::Stays => pending().boxed(),
            Begun::Ends(after) => once(sleep(after)).filter_map(async |()| None).boxed(),
            Begun::Breaks(after) => once(sleep(after)).map(move |()| broken()).boxed(),
            Begun::Bookmarks(version) => iter([Ok(Change::Bookmark(version.to_owned())), broken()]).boxed(),
        })
    }
}
