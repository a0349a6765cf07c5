//! An API server in memory, with the semantics that the lifecycle relies on.
//!
//! That it answers as a real one does is not assumed but compared: see `differential.rs`.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use k8sdataservice::cluster::{Deleted, Fault, FlyteWorkflow, Kind};

use crate::metadata::{
    OwnedAnnotation, has_fields, is_applied, matches, note, note_update, owner, value, write_annotations,
};

/// Who has written something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The actor with this number.
    Actor(usize),
    /// The garbage collector.
    GarbageCollector,
    /// Whoever holds a finalizer.
    Finalizer,
    /// It was there at the beginning.
    Before,
}

/// The kind and the name of an object.
pub type Key = (String, String);

/// An object that exists.
#[derive(Clone)]
pub struct Stored {
    pub metadata: ObjectMeta,
    pub made_by: Who,
    object: Arc<dyn Any + Send + Sync>,
}

/// An object that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Departed {
    pub kind: String,
    pub owner: Option<String>,
    pub made_by: Who,
    pub deleted_by: Who,
    /// Whether all its replicas were ready.
    pub was_ready: bool,
}

/// Ways in which the server can be made to break Kubernetes's promises, to show that this is noticed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Broken {
    /// A deletion ignores the uid that it names.
    pub ignores_uids: bool,
    /// A creation replaces the object that has the name.
    pub replaces: bool,
}

/// How many writes a replica can be behind.
const LAG: usize = 2;

type Objects = BTreeMap<Key, Arc<Stored>>;

/// Labels or annotations.
type Texts = BTreeMap<String, String>;

/// One namespace of a cluster.
#[derive(Default)]
pub struct Server {
    objects: Objects,
    /// What was there before each of the last writes, the newest last: what a replica that lags still answers.
    past: Vec<Objects>,
    writes: u64,
    uids: u64,
    /// How many objects of a kind a quota allows.
    pub quota: BTreeMap<String, usize>,
    /// Kinds whose new objects get a finalizer from somebody's webhook.
    pub finalized: BTreeSet<String>,
    pub departed: BTreeMap<String, Departed>,
    /// Of which kind and whose the objects were that somebody has applied a manifest to.
    pub applied: Vec<(String, Option<String>, Who)>,
    pub broken: Broken,
}

impl Server {
    /// Reads an object, as it was some writes ago.
    pub fn read<K: Kind>(&self, name: &str, writes_ago: usize) -> Option<K> {
        let stored = self.view(writes_ago).get(&key::<K>(name))?;
        Some(typed(stored))
    }

    /// Reads the objects of a kind that a selector of labels and one of fields, such as `a=b,c.d=e`, match.
    pub fn list<K: Kind>(&self, labels: &str, fields: &str, writes_ago: usize) -> Vec<K> {
        let pairs = |selector| -> Vec<(&str, &str)> {
            let pairs = str::split(selector, ',').filter_map(|pair| pair.split_once('='));
            pairs.collect()
        };
        let (labels, fields) = (pairs(labels), pairs(fields));
        self.view(writes_ago)
            .iter()
            .filter(|((kind, _), stored)| *kind == K::kind(&()) && matches(&stored.metadata, &labels))
            .map(|(_, stored)| typed(stored))
            .filter(|object: &K| has_fields(&value(object), &fields))
            .collect()
    }

    /// Makes an object that does not exist yet.
    ///
    /// Admission, and so a quota, comes before the look whether the name is taken, as it does in Kubernetes.
    pub fn create<K: Kind>(&mut self, object: &K, by: Who) -> Result<K, Fault> {
        let kind = K::kind(&()).into_owned();
        let name = object.meta().name.clone().unwrap_or_default();
        let used = self.objects.keys().filter(|(other, _)| *other == kind).count();
        if let Some(hard) = self.quota.get(&kind).filter(|hard| used >= **hard) {
            return Err(Fault::Refused {
                code: 403,
                reason: "Forbidden".to_owned(),
                message: format!("{name:?} is forbidden: exceeded quota: used: {used}, limited: {hard}"),
            });
        }
        let key = key::<K>(&name);
        if self.objects.contains_key(&key) && !self.broken.replaces {
            return Err(Fault::AlreadyExists);
        }
        self.write();
        self.uids += 1;
        let mut object = object.clone();
        let metadata = object.meta_mut();
        metadata.uid = Some(format!("uid-{}", self.uids));
        metadata.resource_version = Some(self.writes.to_string());
        metadata.generation = Some(1);
        metadata.deletion_timestamp = None;
        metadata.managed_fields = Some(vec![note("Update")]);
        if self.finalized.contains(&kind) {
            metadata.finalizers = Some(vec!["example.org/hold".to_owned()]);
        }
        let stored = Stored {
            metadata: metadata.clone(),
            made_by: by,
            object: Arc::new(object.clone()),
        };
        if let Some(replaced) = self.objects.insert(key, Arc::new(stored)) {
            self.depart(&kind, &replaced, by);
        }
        Ok(object)
    }

    /// Deletes the object with this uid.
    pub fn delete<K: Kind>(&mut self, name: &str, uid: &str, by: Who) -> Result<Deleted, Fault> {
        let key = key::<K>(name);
        let Some(stored) = self.objects.get(&key) else {
            return Ok(Deleted::Gone);
        };
        if stored.metadata.uid.as_deref() != Some(uid) && !self.broken.ignores_uids {
            return Err(Fault::Changed);
        }
        Ok(self.remove(&key, by))
    }

    /// Deletes exactly this version of an object.
    pub fn delete_version<K: Kind>(&mut self, meant: &K, by: Who) -> Result<Deleted, Fault> {
        let key = key::<K>(meant.meta().name.as_deref().unwrap_or_default());
        if !self.objects.contains_key(&key) {
            return Ok(Deleted::Gone);
        }
        self.at_version(meant)?;
        Ok(self.remove(&key, by))
    }

    /// Changes an object as Kubernetes itself does, such as its status.
    pub fn change<K: Kind>(&mut self, name: &str, change: impl FnOnce(&mut K)) {
        let Some(mut stored) = self.objects.get(&key::<K>(name)).map(|stored| (**stored).clone()) else {
            return;
        };
        self.write();
        let mut object = typed::<K>(&stored);
        change(&mut object);
        object.meta_mut().resource_version = Some(self.writes.to_string());
        stored.metadata = object.meta().clone();
        stored.object = Arc::new(object);
        self.objects.insert(key::<K>(name), Arc::new(stored));
    }

    /// Writes and removes annotations on the object with this uid.
    pub fn annotate<K: Kind>(&mut self, name: &str, uid: &str, changes: &[OwnedAnnotation]) -> Result<(), Fault> {
        let key = key::<K>(name);
        let Some(mut stored) = self.objects.get(&key).map(|stored| (**stored).clone()) else {
            return Err(Fault::Refused {
                code: 404,
                reason: "NotFound".to_owned(),
                message: format!("{name:?} not found"),
            });
        };
        if stored.metadata.uid.as_deref() != Some(uid) {
            return Err(Fault::Changed);
        }
        if write_annotations(&mut stored.metadata, changes) {
            self.write();
            note_update(&mut stored.metadata);
            stored.metadata.resource_version = Some(self.writes.to_string());
            self.objects.insert(key, Arc::new(stored));
        }
        Ok(())
    }

    /// Writes and removes annotations on exactly this version of an object.
    pub fn set_annotations<K: Kind>(&mut self, meant: &K, changes: &[OwnedAnnotation]) -> Result<(), Fault> {
        let stored = self.at_version(meant)?;
        let (name, uid) = (stored.metadata.name.as_deref(), stored.metadata.uid.as_deref());
        self.annotate::<K>(name.unwrap_or_default(), uid.unwrap_or_default(), changes)
    }

    /// Writes the owners of exactly this version of an object.
    pub fn set_owners<K: Kind>(&mut self, meant: &K, owners: Vec<OwnerReference>) -> Result<(), Fault> {
        self.at_version(meant)?;
        let name = meant.meta().name.clone().unwrap_or_default();
        self.change::<K>(&name, |object| object.meta_mut().owner_references = Some(owners));
        Ok(())
    }

    /// Scales exactly this version of a `StatefulSet`, and writes and removes annotations.
    pub fn scale(
        &mut self,
        meant: &StatefulSet,
        replicas: i32,
        changes: &[OwnedAnnotation],
    ) -> Result<StatefulSet, Fault> {
        self.at_version(meant)?;
        let name = meant.metadata.name.clone().unwrap_or_default();
        self.change::<StatefulSet>(&name, |set| {
            set.spec.get_or_insert_default().replicas = Some(replicas);
            let metadata = &mut set.metadata;
            metadata.generation = metadata.generation.map(|generation| generation + 1);
            write_annotations(metadata, changes);
            note_update(metadata);
        });
        self.read(&name, 0).ok_or(Fault::Changed)
    }

    /// Makes an object as its manifest says, if it is the one that is meant, at the version that is meant.
    ///
    /// What was written otherwise than by an apply stays, unless it was noted as applied before.
    pub fn apply<K: Kind>(&mut self, wanted: &K, by: Who) -> Result<K, Fault> {
        let mut stored = self.at_version(wanted)?;
        self.applied
            .push((K::kind(&()).into_owned(), owner(&stored.metadata), by));
        let mut object = wanted.clone();
        let there = std::mem::take(&mut stored.metadata);
        let managers = there.managed_fields.clone().unwrap_or_default();
        let keeps = managers
            .iter()
            .any(|entry| entry.operation.as_deref() == Some("Update"));
        let metadata = object.meta_mut();
        if keeps {
            let merge = |old: &Option<Texts>, new: &mut Option<Texts>| {
                let mut merged = old.clone().unwrap_or_default();
                merged.extend(new.take().unwrap_or_default());
                *new = (!merged.is_empty()).then_some(merged);
            };
            merge(&there.labels, &mut metadata.labels);
            merge(&there.annotations, &mut metadata.annotations);
            let owners = metadata.owner_references.take();
            metadata.owner_references = owners.or_else(|| there.owner_references.clone());
        }
        metadata.finalizers.clone_from(&there.finalizers);
        metadata.deletion_timestamp.clone_from(&there.deletion_timestamp);
        metadata.managed_fields = Some(if managers.iter().any(is_applied) {
            managers
        } else {
            [managers, vec![note("Apply")]].concat()
        });
        metadata.resource_version.clone_from(&there.resource_version);
        metadata.generation = there.generation;
        let before = Stored {
            metadata: there.clone(),
            ..stored.clone()
        };
        if value(&object) != value(&typed::<K>(&before)) {
            self.write();
            let metadata = object.meta_mut();
            metadata.resource_version = Some(self.writes.to_string());
            metadata.generation = there.generation.map(|generation| generation + 1);
            stored.metadata = metadata.clone();
            let name = metadata.name.clone().unwrap_or_default();
            stored.object = Arc::new(object.clone());
            self.objects.insert(key::<K>(&name), Arc::new(stored));
        }
        Ok(object)
    }

    /// What an apply would make of the object.
    pub fn preview<K: Kind>(&self, wanted: &K) -> Result<K, Fault> {
        let mut copy = Self {
            objects: self.objects.clone(),
            writes: self.writes,
            broken: self.broken,
            ..Self::default()
        };
        copy.apply(wanted, Who::Before)
    }

    /// Notes again who has written what, on exactly this version of an object.
    pub fn note_managers<K: Kind>(&mut self, object: &K, managers: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        let mut stored = self.at_version(object)?;
        if stored.metadata.managed_fields.as_deref() != Some(managers) {
            self.write();
            stored.metadata.managed_fields = Some(managers.to_vec());
            stored.metadata.resource_version = Some(self.writes.to_string());
            let name = object.meta().name.clone().unwrap_or_default();
            self.objects.insert(key::<K>(&name), Arc::new(stored.clone()));
        }
        Ok(typed(&stored))
    }

    /// The object that is meant, if it has not changed.
    fn at_version<K: Kind>(&self, meant: &K) -> Result<Stored, Fault> {
        let metadata = meant.meta();
        let there = self
            .objects
            .get(&key::<K>(metadata.name.as_deref().unwrap_or_default()));
        let there = there.filter(|there| {
            let same_uid = there.metadata.uid == metadata.uid || self.broken.ignores_uids;
            same_uid && there.metadata.resource_version == metadata.resource_version
        });
        there.map(|there| (**there).clone()).ok_or(Fault::Changed)
    }

    /// Deletes whatever has the key, or marks it where a finalizer holds it.
    fn remove(&mut self, key: &Key, by: Who) -> Deleted {
        let Some(stored) = self.objects.get(key).cloned() else {
            return Deleted::Gone;
        };
        let is_held = stored
            .metadata
            .finalizers
            .as_ref()
            .is_some_and(|finalizers| !finalizers.is_empty());
        if !is_held {
            self.write();
            self.objects.remove(key);
            self.depart(&key.0, &stored, by);
            return Deleted::Gone;
        }
        if stored.metadata.deletion_timestamp.is_none() {
            self.write();
            let mut marked = (*stored).clone();
            marked.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
            marked.metadata.resource_version = Some(self.writes.to_string());
            marked.metadata.generation = marked.metadata.generation.map(|generation| generation + 1);
            self.objects.insert(key.clone(), Arc::new(marked));
        }
        Deleted::Terminating
    }

    fn depart(&mut self, kind: &str, stored: &Stored, by: Who) {
        let departed = Departed {
            kind: kind.to_owned(),
            owner: owner(&stored.metadata),
            made_by: stored.made_by,
            deleted_by: by,
            was_ready: is_ready(stored),
        };
        self.departed
            .insert(stored.metadata.uid.clone().unwrap_or_default(), departed);
    }

    /// The objects that the garbage collector may take: those that have owners, none of which is alive.
    pub fn dangling(&self) -> Vec<Key> {
        self.objects
            .iter()
            .filter(|(_, stored)| {
                let owners = stored.metadata.owner_references.as_deref().unwrap_or_default();
                stored.metadata.deletion_timestamp.is_none()
                    && !owners.is_empty()
                    && !owners.iter().any(|owner| {
                        let there = self.objects.get(&(owner.kind.clone(), owner.name.clone()));
                        there.is_some_and(|there| there.metadata.uid.as_ref() == Some(&owner.uid))
                    })
            })
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Takes one of them.
    pub fn collect(&mut self, key: &Key) {
        self.remove(key, Who::GarbageCollector);
    }

    /// The objects that only finalizers hold.
    pub fn held(&self) -> Vec<Key> {
        let held = |stored: &Stored| stored.metadata.deletion_timestamp.is_some();
        let held = self.objects.iter().filter(|(_, stored)| held(stored));
        held.map(|(key, _)| key.clone()).collect()
    }

    /// Removes the finalizers of an object that is marked, and so the object.
    pub fn release(&mut self, key: &Key) {
        self.write();
        if let Some(stored) = self.objects.remove(key) {
            self.depart(&key.0, &stored, Who::Finalizer);
        }
    }

    /// What is there.
    pub fn objects(&self) -> impl Iterator<Item = (&Key, &Stored)> {
        self.objects.iter().map(|(key, stored)| (key, &**stored))
    }

    /// The `StatefulSet`s that are there, by uid, with their owners.
    pub fn services_alive(&self) -> BTreeMap<String, Option<String>> {
        self.objects
            .iter()
            .filter(|((kind, _), _)| kind == "StatefulSet")
            .map(|(_, stored)| (stored.metadata.uid.clone().unwrap_or_default(), owner(&stored.metadata)))
            .collect()
    }

    /// How far behind a replica could be.
    pub fn lag(&self) -> usize {
        self.past.len()
    }

    /// How often something has changed.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    fn view(&self, writes_ago: usize) -> &Objects {
        match self.past.len().checked_sub(writes_ago) {
            Some(index) if index < self.past.len() => &self.past[index],
            Some(_) => &self.objects,
            None => self.past.first().unwrap_or(&self.objects),
        }
    }

    fn write(&mut self) {
        if self.past.len() == LAG {
            self.past.remove(0);
        }
        self.past.push(self.objects.clone());
        self.writes += 1;
    }
}

impl Hash for Server {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for objects in self.past.iter().chain([&self.objects]) {
            for ((kind, name), stored) in objects {
                (kind, name, &stored.metadata.uid, &stored.metadata.resource_version).hash(hasher);
            }
            0xff_u8.hash(hasher);
        }
        (self.writes, self.uids, &self.departed, &self.applied).hash(hasher);
    }
}

/// Whether an object is a `StatefulSet` whose replicas are all ready.
fn is_ready(stored: &Stored) -> bool {
    let Some(stateful_set) = stored.object.downcast_ref::<StatefulSet>() else {
        return false;
    };
    let wanted = stateful_set.spec.as_ref().and_then(|spec| spec.replicas);
    let status = stateful_set.status.as_ref();
    wanted > Some(0) && status.and_then(|status| status.ready_replicas) >= wanted
}

fn key<K: Kind>(name: &str) -> Key {
    (K::kind(&()).into_owned(), name.to_owned())
}

/// A run of which only the metadata is read.
fn metadata_of_a_run<K: Kind>(stored: &Stored) -> K {
    let run = stored.object.downcast_ref::<FlyteWorkflow>();
    let run = serde_json::to_value(run.expect("an object is kept under its kind"));
    run.and_then(serde_json::from_value).expect("metadata")
}

fn typed<K: Kind>(stored: &Stored) -> K {
    let whole = stored.object.downcast_ref::<K>().cloned();
    let mut object = whole.unwrap_or_else(|| metadata_of_a_run(stored));
    *object.meta_mut() = stored.metadata.clone();
    object
}
