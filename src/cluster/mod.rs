//! The few things the lifecycle asks of a cluster, as a trait, and the Kubernetes client as its implementation.
//!
//! The lifecycle is written against [`Api`] alone, so that the same code can also be run against a cluster in memory
//! which steps through every interleaving and every lost reply.

mod answer;
mod complaint;
mod connect;
mod connect_local;
mod credentials;
mod dry_run;
mod fault;
mod files;
mod flights;
mod flyte_workflow;
mod in_cluster;
mod key;
mod kube;
mod kubeconfig;
mod list_watch;
mod local;
pub mod managed_fields;
mod origin;
pub mod pod_http;
mod program;
mod proxy;
mod redaction;
mod run_kind;
pub mod server_time;
mod task_action;
mod transport;
mod unix_socket;
mod unreachable;

pub use answer::NOT_KUBERNETES;
pub use connect::{Clusters, Connection};
pub use dry_run::{Inspect, Page, Refusal, Trial, Violation};
pub use fault::Fault;
pub(crate) use fault::Unauthenticated;
pub use flyte_workflow::{FlyteWorkflow, FlyteWorkflowStatus};
pub use key::Key;
pub use kube::KubeApi;
pub use local::{LOCAL, LOCAL_SOCKET, LocalClusters};
pub use origin::Origin;
pub use run_kind::{MetadataOf, RunKind, RunOutcome};
pub use task_action::TaskAction;

use std::fmt::Debug;
use std::future::Future;

use ::kube::Resource;
use ::kube::core::NamespaceResourceScope;
use futures::stream::BoxStream;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
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

/// The result of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The object is no more.
    Gone,
    /// The object is marked for deletion, and a finalizer still holds it.
    Terminating,
}

/// An annotation to be written, by its key, or to be removed where it has no value.
pub type Annotation<'a> = (&'a str, Option<&'a str>);

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

    /// Reads the platform of a node, such as `linux/amd64`; `None` where it is not known.
    fn platform_of(&self, _node: &str) -> impl Future<Output = Result<Option<String>, Fault>> + Send {
        std::future::ready(Ok(None))
    }

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

    /// Deletes exactly this version of an object, by its uid and resource version, and lets the garbage collector take
    /// what it owns. An object that was changed since, or another one of its name, is not touched: the answer is
    /// [`Fault::Changed`]. Nothing but the names and the version of the object counts.
    fn delete_version<K: Kind>(&self, object: &K) -> impl Future<Output = Result<Deleted, Fault>> + Send;

    /// Writes annotations on exactly the object with this uid, and removes those without a value, all at once. One that
    /// has come under its name since is not touched: the answer is [`Fault::Changed`].
    fn annotate<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        annotations: &[Annotation<'_>],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes an annotation on exactly this version of an object. One that was changed since, or another one of its
    /// name, is not touched: the answer is [`Fault::Changed`].
    fn annotate_version<K: Kind>(
        &self,
        object: &K,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move { self.set_annotations(object, &[(key, Some(value))]).await }
    }

    /// Writes annotations on exactly this version of an object, and removes those without a value, all at once. One
    /// that was changed since, or another one of its name, is not touched: the answer is [`Fault::Changed`].
    fn set_annotations<K: Kind>(
        &self,
        object: &K,
        annotations: &[Annotation<'_>],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes the owners of exactly this version of an object. One that was changed since, or another one of its name,
    /// is not touched: the answer is [`Fault::Changed`].
    fn set_owners<K: Kind>(
        &self,
        object: &K,
        owners: &[OwnerReference],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Scales exactly this version of a `StatefulSet`, and writes annotations, all at once. One that was changed since,
    /// or another one of its name, is not touched: the answer is [`Fault::Changed`].
    fn scale(
        &self,
        stateful_set: &StatefulSet,
        replicas: i32,
        annotations: &[Annotation<'_>],
    ) -> impl Future<Output = Result<StatefulSet, Fault>> + Send;

    /// Applies a manifest by server-side apply: fields that an earlier apply set and this one does not are removed
    /// afterwards, and what others have written stays.
    ///
    /// The manifest has the uid and the resource version of the object that is meant. One that has come under its name
    /// or was changed since is not touched, and none is made: the answer is [`Fault::Changed`]. Without a resource
    /// version, any version of the object is meant; without a uid, whichever has the name, and one is made where there
    /// is none.
    fn apply<K: Kind>(&self, object: &K) -> impl Future<Output = Result<K, Fault>> + Send;

    /// The object after an [`apply`](Api::apply) of the manifest, in a dry run (`dryRun=All`). A cluster
    /// that has no dry run answers so.
    fn preview<K: Kind>(&self, _object: &K) -> impl Future<Output = Result<K, Fault>> + Send {
        std::future::ready(Err(Fault::no_dry_run()))
    }

    /// Rewrites the managed fields ([`managed_fields`]) of exactly this version of an object. One that has come
    /// under its name or was changed since is not touched: the answer is [`Fault::Changed`].
    fn note_managers<K: Kind>(
        &self,
        object: &K,
        managers: &[ManagedFieldsEntry],
    ) -> impl Future<Output = Result<K, Fault>> + Send;

    /// Lists one chunk of the objects that a selection matches. `token` is that of the chunk before; the first one has
    /// none.
    fn list_chunk<K: Kind>(
        &self,
        selection: &Selection,
        token: Option<&str>,
    ) -> impl Future<Output = Result<Chunk<K>, Fault>> + Send;

    /// Begins a watch over the objects that a selection matches, from the changes after a version on. The watch ends by
    /// itself after a while, and with the first fault.
    ///
    /// [`Fault::Refused`] with the code 410 means that the version is too old.
    fn changes<K: Kind>(
        &self,
        selection: &Selection,
        version: &str,
    ) -> impl Future<Output = Result<Changes<K>, Fault>> + Send;
}

/// Which objects to list and to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The namespace; an empty one stands for all.
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

/// The reports of a watch.
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
