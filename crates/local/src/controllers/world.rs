//! What the controllers know of the cluster, what is to be done, and how it is written.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cache::{Cache, Change, key};
use super::error::Failure;
use super::events::{Kind, Recorder};
use super::queue::{Queue, Work};
use super::scheduler;
use crate::clock::Clock;
use crate::script::Script;

/// All that is known, and all that is to be done.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) clock: Clock,
    /// What happens to pods, where no processes run.
    pub(super) script: Option<Script>,
    pub(super) queue: Queue,
    pub(super) sets: Cache<StatefulSet>,
    pub(super) pods: Cache<Pod>,
    pub(super) revisions: Cache<ControllerRevision>,
    pub(super) claims: Cache<PersistentVolumeClaim>,
    pub(super) services: Cache<Service>,
    pub(super) slices: Cache<EndpointSlice>,
    pub(super) nodes: Cache<Node>,
    recorder: Recorder,
}

/// A kind of object that the controllers watch.
pub(super) trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Where its objects are.
    fn cache(world: &mut World) -> &mut Cache<Self>;

    /// Adds what is to be looked at because an object has changed.
    fn changed(world: &mut World, change: &Change<Self>);
}

impl World {
    /// A world of which nothing is known yet.
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        Self {
            client,
            clock,
            script: None,
            queue: Queue::default(),
            sets: Cache::default(),
            pods: Cache::default(),
            revisions: Cache::default(),
            claims: Cache::default(),
            services: Cache::default(),
            slices: Cache::default(),
            nodes: Cache::default(),
            recorder: Recorder::default(),
        }
    }

    /// Whether everything was listed once: before, objects that exist seem to be missing.
    pub(super) fn is_known(&self) -> bool {
        self.sets.synced()
            && self.pods.synced()
            && self.revisions.synced()
            && self.claims.synced()
            && self.services.synced()
            && self.slices.synced()
            && self.nodes.synced()
    }

    /// Looks again at whatever waits.
    pub(super) fn look_again(&mut self) {
        for set in self.sets.all() {
            self.queue.add(Work::StatefulSet(key(&set.metadata)));
        }
        for pod in self.pods.all().filter(|pod| scheduler::is_unscheduled(pod)) {
            self.queue.add(Work::Pod(key(&pod.metadata)));
        }
    }

    /// Takes in a change.
    pub(super) fn note<K: Watched>(&mut self, change: impl IntoIterator<Item = Change<K>>) {
        for change in change {
            K::changed(self, &change);
        }
    }

    /// Creates an object.
    pub(super) async fn create<K>(&mut self, object: &K) -> Result<K, Failure>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let created = self.api(object).create(&PostParams::default(), object).await?;
        Ok(self.wrote(created))
    }

    /// Replaces an object, of which this is a newer state.
    pub(super) async fn replace<K>(&mut self, object: &K) -> Result<K, Failure>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let replaced = self.api(object).replace(&name, &PostParams::default(), object).await?;
        Ok(self.wrote(replaced))
    }

    /// Applies a merge patch to an object.
    pub(super) async fn patch<K>(&mut self, object: &K, patch: &Value) -> Result<K, Failure>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let api = self.api(object);
        let patched = api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(self.wrote(patched))
    }

    /// Applies a merge patch to the status of an object.
    pub(super) async fn patch_status<K>(&mut self, object: &K, patch: &Value) -> Result<K, Failure>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let api = self.api(object);
        let patched = api
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(self.wrote(patched))
    }

    /// Deletes an object. One that is gone is as good as deleted, and so is one whose name another one has by now.
    pub(super) async fn delete<K>(&mut self, object: &K) -> Result<(), Failure>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let this = Preconditions {
            uid: object.meta().uid.clone(),
            ..Preconditions::default()
        };
        match self
            .api(object)
            .delete(&name, &DeleteParams::default().preconditions(this))
            .await
        {
            Ok(answer) => {
                // An object that goes later is returned as it is until then.
                if let Some(deleting) = answer.left() {
                    self.wrote(deleting);
                    return Ok(());
                }
            }
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        let change = K::cache(self).deleted(object);
        self.note(change);
        Ok(())
    }

    /// Writes an event of a controller.
    pub(super) async fn event<K>(
        &mut self,
        component: &'static str,
        about: &K,
        kind: Kind,
        reason: &str,
        message: String,
    ) where
        K: Resource<DynamicType = ()>,
    {
        let when = (&self.client, self.clock.now());
        self.recorder
            .record(when, component, about, (kind, reason, message))
            .await;
    }

    /// Writes an event of the scheduler.
    pub(super) async fn action_event<K>(
        &mut self,
        component: &'static str,
        about: &K,
        action: &str,
        event: (Kind, &str, String),
    ) where
        K: Resource<DynamicType = ()>,
    {
        let when = (&self.client, self.clock.now());
        self.recorder.record_action(when, component, about, action, event).await;
    }

    /// The requests about the objects of a kind, in the namespace of one.
    pub(super) fn api<K>(&self, object: &K) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(
            self.client.clone(),
            object.meta().namespace.as_deref().unwrap_or("default"),
        )
    }

    fn wrote<K: Watched>(&mut self, object: K) -> K {
        let change = K::cache(self).wrote(object.clone());
        self.note(change);
        object
    }
}

/// The states of an object before and after.
pub(super) fn states<K>(change: &Change<K>) -> impl Iterator<Item = &Arc<K>> {
    change.old.iter().chain(&change.new)
}
