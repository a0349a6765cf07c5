//! A cluster that answers as a test says, and notes what it is asked and when.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::{iter, once, pending};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use tokio::time::{Duration, Instant, sleep};

use crate::api::{Api, Change, Changes, Chunk, Deleted, Fault, Kind, Selection};

/// What becomes of a watch.
pub(super) enum Begun {
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

type Answer<T> = Box<dyn Fn(&str, usize) -> T + Send + Sync>;

struct Script {
    asked: Mutex<Vec<(Duration, String)>>,
    begun: Instant,
    list: Answer<Result<(), Fault>>,
    watch: Answer<Begun>,
    delete: Answer<Result<Deleted, Fault>>,
}

/// A cluster without objects.
#[derive(Clone)]
pub(super) struct Scripted(Arc<Script>);

impl Scripted {
    /// A cluster in which nothing happens.
    pub(super) fn quiet() -> Self {
        Self::new(|_, _| Ok(()), |_, _| Begun::Stays)
    }

    /// A cluster that answers so to each list and each watch, by the kind and how many there were of it before.
    pub(super) fn new(
        list: impl Fn(&str, usize) -> Result<(), Fault> + Send + Sync + 'static,
        watch: impl Fn(&str, usize) -> Begun + Send + Sync + 'static,
    ) -> Self {
        Self::with_deletions(list, watch, |_, _| Ok(Deleted::Gone))
    }

    /// A cluster that answers so to each deletion, by the name and how many there were of it before.
    pub(super) fn with_deletions(
        list: impl Fn(&str, usize) -> Result<(), Fault> + Send + Sync + 'static,
        watch: impl Fn(&str, usize) -> Begun + Send + Sync + 'static,
        delete: impl Fn(&str, usize) -> Result<Deleted, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Script {
            asked: Mutex::default(),
            begun: Instant::now(),
            list: Box::new(list),
            watch: Box::new(watch),
            delete: Box::new(delete),
        }))
    }

    /// What it was asked that begins so, and after which time.
    pub(super) fn asked(&self, what: &str) -> Vec<(Duration, String)> {
        let asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .iter()
            .filter(|(_, asked)| asked.starts_with(what))
            .cloned()
            .collect()
    }

    /// How often somebody holds it.
    pub(super) fn holders(&self) -> usize {
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
pub(super) fn forbidden() -> Fault {
    Fault::Refused {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "forbidden".to_owned(),
    }
}

impl Api for Scripted {
    async fn read<K: Kind>(&self, _: &str, _: &str) -> Result<Option<K>, Fault> {
        Ok(None)
    }

    async fn list<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Vec<K>, Fault> {
        Ok(Vec::new())
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

    async fn annotate<K: Kind>(&self, _: &str, _: &str, _: &str, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn delete<K: Kind>(&self, _: &str, _: &str, _: &str) -> Result<Deleted, Fault> {
        Ok(Deleted::Gone)
    }

    async fn annotate_version<K: Kind>(&self, _: &K, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn delete_unchanged<K: Kind>(&self, _: &str, name: &str, uid: &str, version: &str) -> Result<Deleted, Fault> {
        let before = self.note(&format!("delete {name}"), &format!(" {uid} at {version}"));
        if name == "hangs" {
            std::future::pending::<()>().await;
        }
        (self.0.delete)(name, before)
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn note_managers<K: Kind>(&self, object: &K, _: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        Ok(object.clone())
    }

    async fn list_chunk<K: Kind>(&self, _: &Selection, _: Option<&str>) -> Result<Chunk<K>, Fault> {
        let kind = K::kind(&());
        let before = self.note(&format!("list {kind}"), "");
        (self.0.list)(&kind, before)?;
        Ok(Chunk {
            items: Vec::new(),
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
