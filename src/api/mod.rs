//! The few things the lifecycle asks of a cluster, as a trait, and the Kubernetes client as its implementation.
//!
//! The lifecycle is written against [`Api`] alone, so that the same code can also be run against a cluster in memory
//! which steps through every interleaving and every lost reply.

mod answer;
mod fault;
mod inspect;
mod kube;
pub mod managed_fields;
mod unreachable;
mod watch;

pub use answer::{NOT_KUBERNETES, TOO_LARGE};
pub use fault::Fault;
pub(crate) use fault::Unauthenticated;
pub use inspect::{Inspect, Page, Refusal, Trial, Violation};
pub use kube::KubeApi;

use std::fmt::Debug;
use std::future::Future;

use ::kube::Resource;
use ::kube::core::NamespaceResourceScope;
use futures::stream::BoxStream;
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

/// A cluster, as the lifecycle sees it. Each call is one request, and none is repeated in here.
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

    /// As [`Self::delete`], but only if the object is still at this version: for a deletion that was decided on what the
    /// object says. The answer to one that was changed since is [`Fault::Changed`].
    fn delete_unchanged<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        version: &str,
    ) -> impl Future<Output = Result<Deleted, Fault>> + Send;

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

    /// Makes an object as its manifest says, by server-side apply: what an earlier apply said and this one does not is gone
    /// afterwards, and what others have written stays.
    ///
    /// The manifest has the uid and the resource version of the object that is meant. One that has come under its name or
    /// was changed since is not touched, and none is made: the answer is [`Fault::Changed`].
    fn apply<K: Kind>(&self, object: &K) -> impl Future<Output = Result<K, Fault>> + Send;

    /// What an [`apply`](Api::apply) of the manifest would make of the object, which stays as it is (`dryRun=All`). A cluster
    /// that has no dry run answers so.
    fn preview<K: Kind>(&self, _object: &K) -> impl Future<Output = Result<K, Fault>> + Send {
        std::future::ready(Err(Fault::no_dry_run()))
    }

    /// Notes anew who has written which field ([`managed_fields`]) of exactly this version of an object. One that has come
    /// under its name or was changed since is not touched: the answer is [`Fault::Changed`].
    fn note_managers<K: Kind>(
        &self,
        object: &K,
        managers: &[ManagedFieldsEntry],
    ) -> impl Future<Output = Result<K, Fault>> + Send;

    /// Lists one chunk of the objects that a selection matches. `token` is that of the chunk before; the first one has none.
    fn list_chunk<K: Kind>(
        &self,
        selection: &Selection,
        token: Option<&str>,
    ) -> impl Future<Output = Result<Chunk<K>, Fault>> + Send;

    /// Begins a watch over the objects that a selection matches, from the changes after a version on. The watch ends by
    /// itself after a while, and with the first fault.
    ///
    /// [`Fault::Refused`] with the code 410 says that the version is too old.
    fn changes<K: Kind>(
        &self,
        selection: &Selection,
        version: &str,
    ) -> impl Future<Output = Result<Changes<K>, Fault>> + Send;
}

/// Which objects to list and to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The namespace.
    pub namespace: String,
    /// A label selector; an empty one matches all.
    pub labels: String,
    /// A field selector; an empty one matches all.
    pub fields: String,
}

/// A chunk of a list from which a watch can go on.
#[derive(Debug, Clone)]
pub struct Chunk<K> {
    /// The objects.
    pub items: Vec<K>,
    /// The token of the next chunk; `None` on the last one.
    pub next: Option<String>,
    /// The version of the whole list, from which a watch can go on.
    pub version: String,
}

/// What a watch reports.
pub type Changes<K> = BoxStream<'static, Result<Change<K>, Fault>>;

/// One change that a watch reports.
#[derive(Debug, Clone)]
pub enum Change<K> {
    /// An object was created or changed.
    Applied(K),
    /// An object was deleted.
    Deleted(K),
    /// Nothing has changed up to this version (a *bookmark*).
    Bookmark(String),
}
