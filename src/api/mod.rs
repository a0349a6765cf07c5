//! The few things the lifecycle asks of a cluster, as a trait, and the Kubernetes client as its implementation.
//!
//! The lifecycle is written against [`Api`] alone, so that the same code can also be run against a cluster in memory
//! which steps through every interleaving and every lost reply.

mod fault;
mod inspect;
mod kube;
pub mod managed_fields;

pub use fault::Fault;
pub use inspect::{Inspect, Page, Refusal, Trial, Violation};
pub use kube::KubeApi;

use std::fmt::Debug;
use std::future::Future;

use ::kube::Resource;
use ::kube::core::NamespaceResourceScope;
use ::kube::runtime::watcher::Event;
use futures::Stream;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of Kubernetes object that lives in a namespace.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static
{
}

/// What a deletion led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The object is no more.
    Gone,
    /// The object is marked for deletion, and somebody's finalizer holds it for now.
    Terminating,
}

/// A cluster, as the lifecycle sees it. Each call is one request, and none is repeated in here, but for the watch.
pub trait Api: Send + Sync {
    /// Reads an object; `None` where there is none of that name.
    fn read<K: Kind>(&self, namespace: &str, name: &str) -> impl Future<Output = Result<Option<K>, Fault>> + Send;

    /// Reads all objects of a namespace that a label selector and a field selector match; an empty one matches all.
    fn list<K: Kind>(
        &self,
        namespace: &str,
        labels: &str,
        fields: &str,
    ) -> impl Future<Output = Result<Vec<K>, Fault>> + Send;

    /// Reads the last lines of what a container has written, in its last run that has written anything.
    fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        lines: i64,
    ) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Makes an object that does not exist yet. One of that name is never touched: the answer is
    /// [`Fault::AlreadyExists`].
    fn create<K: Kind>(&self, object: &K) -> impl Future<Output = Result<K, Fault>> + Send;

    /// Deletes exactly the object with this uid, and lets the garbage collector take what it owns. An object that has
    /// come under its name since is not touched: the answer is [`Fault::Changed`].
    fn delete<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> impl Future<Output = Result<Deleted, Fault>> + Send;

    /// Deletes exactly this version of an object, by its uid and resource version, and lets the garbage collector take what
    /// it owns. An object that was changed since, or another one of its name, is not touched: the answer is
    /// [`Fault::Changed`].
    fn delete_version<K: Kind>(&self, object: &K) -> impl Future<Output = Result<Deleted, Fault>> + Send;

    /// Writes an annotation on exactly the object with this uid. One that has come under its name since is not touched: the
    /// answer is [`Fault::Changed`].
    fn annotate<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes an annotation on exactly this version of an object. One that was changed since, or another one of its name, is
    /// not touched: the answer is [`Fault::Changed`].
    fn annotate_version<K: Kind>(
        &self,
        object: &K,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Makes an object as its manifest says, by server-side apply: what an earlier apply said and this one does not is gone
    /// afterwards, and what others have written stays.
    ///
    /// The manifest has the uid and the resource version of the object that is meant. One that has come under its name or
    /// was changed since is not touched, and none is made: the answer is [`Fault::Changed`].
    fn apply<K: Kind>(&self, object: &K) -> impl Future<Output = Result<K, Fault>> + Send;

    /// Notes anew who has written which field ([`managed_fields`]) of exactly this version of an object. One that has come
    /// under its name or was changed since is not touched: the answer is [`Fault::Changed`].
    fn note_managers<K: Kind>(
        &self,
        object: &K,
        managers: &[ManagedFieldsEntry],
    ) -> impl Future<Output = Result<K, Fault>> + Send;

    /// Watches the objects of a namespace that a label selector matches: first all that there are, then each change.
    ///
    /// The stream mends itself: after a fault, which it yields, it tries again after a moment, and lists anew where it
    /// has missed something.
    fn watch<K: Kind>(&self, namespace: &str, selector: &str) -> impl Stream<Item = Result<Event<K>, Fault>> + Send;
}
