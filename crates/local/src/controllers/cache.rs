//! The newest state of the objects of one kind that this process has seen, by watching or by writing.
//!
//! A controller that decides from a watch alone decides from the past: it creates a pod again that it has just created.
//! So a write's answer counts at once, and what the watch says of an earlier state is dropped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, runtime::watcher::Event};

/// Namespace and name; the namespace of an object without one is empty.
pub(super) type Key = (String, String);

/// The key of an object.
pub(super) fn key(metadata: &ObjectMeta) -> Key {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

/// What an object was, and is.
#[derive(Debug)]
pub(super) struct Change<K> {
    /// The object before; none if it is new.
    pub(super) old: Option<Arc<K>>,
    /// The object now; none if it is gone.
    pub(super) new: Option<Arc<K>>,
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Cache<K> {
    objects: BTreeMap<Key, Arc<K>>,
    /// Objects that this process has deleted, until the watch says so too.
    deleted: HashMap<String, Key>,
    /// The objects of a list that is under way.
    listed: Vec<K>,
    synced: bool,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            deleted: HashMap::new(),
            listed: Vec::new(),
            synced: false,
        }
    }
}

impl<K: Resource + Clone> Cache<K> {
    /// Whether all objects were listed once.
    pub(super) fn synced(&self) -> bool {
        self.synced
    }

    /// One object.
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<K>> {
        self.objects.get(key)
    }

    /// All objects.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.objects.values()
    }

    /// The objects of a namespace, by name.
    pub(super) fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<K>> {
        let first = (namespace.to_owned(), String::new());
        self.objects
            .range(first..)
            .take_while(move |((of, _), _)| of == namespace)
            .map(|(_, object)| object)
    }

    /// Takes in what the watch reports, and returns what has changed by it.
    pub(super) fn observe(&mut self, event: Event<K>) -> Vec<Change<K>> {
        match event {
            Event::Apply(object) => self.wrote(object).into_iter().collect(),
            Event::Delete(object) => self.gone(&object).into_iter().collect(),
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.push(object);
                Vec::new()
            }
            Event::InitDone => self.replace(),
        }
    }

    /// Takes in an object that the API server has returned for a write.
    pub(super) fn wrote(&mut self, object: K) -> Option<Change<K>> {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        if self.deleted.contains_key(uid) {
            return None;
        }
        let key = key(object.meta());
        let old = self.objects.get(&key);
        if old.is_some_and(|old| !newer(object.meta(), old.meta())) {
            return None;
        }
        let new = Arc::new(object);
        let old = self.objects.insert(key, Arc::clone(&new));
        Some(Change { old, new: Some(new) })
    }

    /// Takes in that this process has deleted an object, of which nothing is left.
    pub(super) fn deleted(&mut self, object: &K) -> Option<Change<K>> {
        let uid = object.meta().uid.clone().unwrap_or_default();
        self.deleted.insert(uid, key(object.meta()));
        self.remove(object)
    }

    fn gone(&mut self, object: &K) -> Option<Change<K>> {
        self.deleted.remove(object.meta().uid.as_deref().unwrap_or_default());
        self.remove(object)
    }

    fn remove(&mut self, object: &K) -> Option<Change<K>> {
        let key = key(object.meta());
        // Another object of this name may exist by now.
        self.objects.get(&key).filter(|of| of.meta().uid == object.meta().uid)?;
        let old = self.objects.remove(&key);
        Some(Change { old, new: None })
    }

    /// Makes the objects those of the list.
    fn replace(&mut self) -> Vec<Change<K>> {
        self.synced = true;
        let listed = std::mem::take(&mut self.listed);
        let uids: Vec<_> = listed.iter().map(|object| object.meta().uid.clone()).collect();
        let here = |uid: &Option<String>| uids.contains(uid);
        self.deleted.retain(|uid, _| here(&Some(uid.clone())));
        let missing: Vec<_> = self.all().filter(|object| !here(&object.meta().uid)).cloned().collect();
        let mut changes: Vec<_> = missing.iter().filter_map(|object| self.remove(object)).collect();
        changes.extend(listed.into_iter().filter_map(|object| self.wrote(object)));
        changes
    }
}

/// Whether one state of an object is newer than another of the same name.
fn newer(new: &ObjectMeta, old: &ObjectMeta) -> bool {
    let version = |of: &ObjectMeta| {
        of.resource_version
            .as_deref()
            .and_then(|version| version.parse::<u64>().ok())
    };
    match (version(new), version(old)) {
        (Some(new), Some(old)) => new > old,
        _ => new.resource_version != old.resource_version,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, uid: &str, version: u64) -> Pod {
        let metadata = json!({"namespace": "n", "name": name, "uid": uid, "resourceVersion": version.to_string()});
        serde_json::from_value(json!({"metadata": metadata})).expect("a pod")
    }

    fn names(cache: &Cache<Pod>) -> Vec<String> {
        cache
            .of_namespace("n")
            .map(|pod| format!("{}@{}", key(&pod.metadata).1, pod.metadata.uid.clone().unwrap()))
            .collect()
    }

    #[test]
    fn a_watch_that_is_behind_brings_nothing_back() {
        let mut cache = Cache::default();
        cache.wrote(pod("a", "1", 5));
        assert!(cache.observe(Event::Apply(pod("a", "1", 4))).is_empty());
        assert!(
            cache.observe(Event::Apply(pod("a", "1", 5))).is_empty(),
            "its own write is no change"
        );
        assert!(cache.deleted(&pod("a", "1", 5)).is_some());
        assert!(cache.observe(Event::Apply(pod("a", "1", 6))).is_empty());
        cache.wrote(pod("a", "2", 8));
        assert!(cache.observe(Event::Delete(pod("a", "1", 7))).is_empty());
        assert_eq!(names(&cache), ["a@2"]);
    }

    #[test]
    fn a_list_ends_what_is_not_in_it() {
        let mut cache = Cache::default();
        for event in [
            Event::Init,
            Event::InitApply(pod("a", "1", 1)),
            Event::InitApply(pod("b", "2", 2)),
        ] {
            assert!(cache.observe(event).is_empty());
        }
        assert!(!cache.synced());
        assert_eq!(cache.observe(Event::InitDone).len(), 2);
        assert!(cache.synced());
        cache.observe(Event::Init);
        cache.observe(Event::InitApply(pod("b", "2", 2)));
        let changes = cache.observe(Event::InitDone);
        assert_eq!((changes.len(), names(&cache)), (1, vec!["b@2".to_owned()]));
    }
}
