//! The objects, and the history of their changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::admission::Rules;
use super::kinds::{KindId, Kinds, NAMESPACE};
use super::provide::Everywhere;
use super::refusal::Refusal;
use super::value::{metadata, name, namespace};
use super::watch::{BOOKMARKS, LASTS};
use crate::clock::Clock;

/// How many changes a watch can catch up with.
const HISTORY: usize = 20_000;

/// The largest object, in bytes: what etcd takes in one request.
const LARGEST_OBJECT: usize = 1536 * 1024;

/// The kind, the namespace and the name of an object.
pub(super) type Key = (KindId, String, String);

/// A change of an object.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
    /// The object as it was removed, with the version of its removal.
    pub(super) removed: Option<Arc<Value>>,
}

/// All that the server knows.
pub(super) struct Store {
    pub(super) kinds: Kinds,
    pub(super) clock: Clock,
    pub(super) creates_namespaces: bool,
    pub(super) admission: Rules,
    /// Whether pods that have failed go only when their node says so, as those that run do.
    pub(super) keeps_failed: bool,
    /// How long a watch without `timeoutSeconds` lasts.
    pub(super) watches: Duration,
    /// How often a watch that allows bookmarks gets one.
    pub(super) bookmarks: Duration,
    pub(super) everywhere: Everywhere,
    objects: BTreeMap<Key, Arc<Value>>,
    revision: u64,
    history: VecDeque<Change>,
    /// The last change that the history no longer has.
    forgotten: u64,
    changed: watch::Sender<u64>,
    capacity: usize,
}

impl Store {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            kinds: Kinds::default(),
            clock,
            creates_namespaces: false,
            admission: Rules::default(),
            keeps_failed: false,
            watches: LASTS,
            bookmarks: BOOKMARKS,
            everywhere: Everywhere::default(),
            objects: BTreeMap::new(),
            revision: 1,
            history: VecDeque::new(),
            forgotten: 1,
            changed: watch::Sender::new(1),
            capacity: HISTORY,
        }
    }

    #[cfg(test)]
    pub(super) fn remember(&mut self, changes: usize) {
        self.capacity = changes;
    }

    /// The names of all namespaces.
    pub(super) fn namespaces(&self) -> Vec<String> {
        let namespaces = self.objects.keys().filter(|(kind, ..)| *kind == NAMESPACE);
        namespaces.map(|(.., name)| name.clone()).collect()
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Reports the revision after each change.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of a kind, in a namespace or in all.
    pub(super) fn all<'a>(
        &'a self,
        kind: KindId,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let start = (kind, namespace.to_owned(), String::new());
        let range = self.objects.range(start..);
        range.take_while(move |((of, within, _), _)| *of == kind && (namespace.is_empty() || within == namespace))
    }

    /// Every object.
    pub(super) fn everything(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// The objects of a kind as they were after a change; `None` if the history does not reach back as far.
    pub(super) fn at(&self, revision: u64, kind: KindId, namespace: &str) -> Option<BTreeMap<Key, Arc<Value>>> {
        if revision < self.forgotten {
            return None;
        }
        let now = self.all(kind, namespace);
        let mut then: BTreeMap<Key, Arc<Value>> = now.map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
        for change in self.since(revision, kind, namespace).rev() {
            match &change.before {
                Some(before) => then.insert(change.key.clone(), Arc::clone(before)),
                None => then.remove(&change.key),
            };
        }
        Some(then)
    }

    /// The changes of a kind after a revision.
    pub(super) fn since<'a>(
        &'a self,
        revision: u64,
        kind: KindId,
        namespace: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Change> {
        let start = self.history.partition_point(|change| change.revision <= revision);
        let changes = self.history.range(start..);
        changes.filter(move |change| change.key.0 == kind && (namespace.is_empty() || change.key.1 == namespace))
    }

    /// Whether an object is not too large to be stored.
    pub(super) fn takes(object: &Value) -> Result<(), Refusal> {
        if object.to_string().len() > LARGEST_OBJECT {
            return Err(Refusal::too_large_to_store());
        }
        Ok(())
    }

    /// Writes an object, whose metadata has its name and namespace.
    pub(super) fn put(&mut self, kind: KindId, mut object: Value) -> Arc<Value> {
        let key = (kind, namespace(&object).to_owned(), name(&object).to_owned());
        self.revision += 1;
        metadata(&mut object).insert("resourceVersion".to_owned(), json!(self.revision.to_string()));
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.note(key, before, Some(Arc::clone(&object)), None);
        object
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        let mut removed = (*before).clone();
        metadata(&mut removed).insert("resourceVersion".to_owned(), json!(self.revision.to_string()));
        let removed = Arc::new(removed);
        self.note(key.clone(), Some(before), None, Some(Arc::clone(&removed)));
        Some(removed)
    }

    fn note(&mut self, key: Key, before: Option<Arc<Value>>, after: Option<Arc<Value>>, removed: Option<Arc<Value>>) {
        self.history.push_back(Change {
            revision: self.revision,
            key,
            before,
            after,
            removed,
        });
        while self.history.len() > self.capacity {
            if let Some(oldest) = self.history.pop_front() {
                self.forgotten = oldest.revision;
            }
        }
        self.changed.send_replace(self.revision);
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::POD;
    use super::*;

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "flyte"}})
    }

    #[tokio::test]
    async fn earlier_objects_are_known_until_they_are_forgotten() {
        let mut store = Store::new(Clock::new());
        store.remember(2);
        store.put(POD, pod("a"));
        let then = store.revision();
        store.put(POD, pod("b"));
        store.remove(&(POD, "flyte".to_owned(), "a".to_owned()));
        let names = |objects: BTreeMap<Key, Arc<Value>>| objects.into_keys().map(|key| key.2).collect::<Vec<_>>();
        assert_eq!(names(store.at(then, POD, "flyte").expect("it is remembered")), ["a"]);
        assert_eq!(names(store.at(store.revision(), POD, "").expect("it is now")), ["b"]);
        store.put(POD, pod("c"));
        assert!(store.at(then, POD, "flyte").is_none());
    }
}
