//! The few things the lifecycle asks of a cluster, as a trait, and the Kubernetes client as its implementation.
//!
//! The lifecycle is written against [`Api`] alone, so that the same code can also be run against a cluster in memory
//! which steps through every interleaving and every lost reply.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use kube::Resource;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ObjectReference};
use crate::wording::sentence;

/// The name under which Kubernetes notes who wrote a field.
const FIELD_MANAGER: &str = "flytekitplugins-k8sdataservice";

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

/// A cluster, as the lifecycle sees it. Each call is one request; none is repeated in here.
pub trait Api: Send + Sync {
    /// Reads an object; `None` where there is none of that name.
    fn read<K: Kind>(&self, namespace: &str, name: &str) -> impl Future<Output = Result<Option<K>, Fault>> + Send;

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
}

/// How one request can fail.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// An object of that name exists.
    #[error("an object of that name exists already")]
    AlreadyExists,
    /// The object is not the one that was meant: it was re-made or changed since it was read.
    #[error("the object has changed in between")]
    Changed,
    /// The cluster is away, overloaded or in trouble; the request may or may not have been carried out.
    #[error("{message}")]
    Transient {
        /// What happened, as a sentence.
        message: String,
        /// How long the API server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The API server gave an answer that repeating will not change.
    #[error("{message}")]
    Refused {
        /// The HTTP status code.
        code: u16,
        /// The machine-readable reason, such as `Invalid`.
        reason: String,
        /// The API server's own words.
        message: String,
    },
}

impl Fault {
    /// A fault that may pass.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient {
            message: message.into(),
            retry_after: None,
        }
    }

    /// Says what the fault meant for an attempt to `verb` an object.
    #[must_use]
    pub fn into_error(self, verb: &'static str, resource: &str, object: ObjectReference) -> Error {
        match self {
            Self::Refused {
                code: 403,
                message,
                reason,
            } if reason == "Forbidden" && is_missing_right(&message) => Error::Forbidden {
                verb,
                resource: resource.to_owned(),
                object,
                message: sentence(&message),
            },
            // The object itself is asked for with `read`, which answers `None`, so only its namespace can be missing.
            Self::Refused { code: 404, .. } => Error::NotFound {
                advice: format!(
                    "Create it with `kubectl create namespace {}`, or choose another namespace.",
                    object.namespace
                ),
                object: ObjectReference {
                    kind: "Namespace".to_owned(),
                    name: object.namespace.clone(),
                    ..object
                },
            },
            Self::Refused { code, reason, message } => Error::Rejected {
                verb,
                object,
                message: sentence(&message),
                reason,
                code,
            },
            Self::AlreadyExists | Self::Changed | Self::Transient { .. } => Error::Rejected {
                verb,
                object,
                message: sentence(&self.to_string()),
                reason: "Conflict".to_owned(),
                code: 409,
            },
        }
    }
}

/// Whether a 403 is about the account's rights. Quota and admission refuse with 403 as well, and say so differently.
fn is_missing_right(message: &str) -> bool {
    message.contains(" cannot ") && message.contains(" in API group ")
}

/// A cluster, through the Kubernetes client.
#[derive(Clone)]
pub struct KubeApi {
    client: kube::Client,
}

impl KubeApi {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self { client }
    }

    fn of<K: Kind>(&self, namespace: &str) -> kube::Api<K> {
        kube::Api::namespaced(self.client.clone(), namespace)
    }
}

impl Api for KubeApi {
    async fn read<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, Fault> {
        self.of::<K>(namespace).get_opt(name).await.map_err(fault)
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        self.of::<K>(&namespace).create(&params, object).await.map_err(fault)
    }

    async fn delete<K: Kind>(&self, namespace: &str, name: &str, uid: &str) -> Result<Deleted, Fault> {
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(uid.to_owned()),
            ..Preconditions::default()
        });
        match self.of::<K>(namespace).delete(name, &params).await {
            Ok(answer) => {
                // The object comes back only while a finalizer holds it; otherwise a status says that it is gone.
                let held = answer.left().is_some_and(|object| {
                    object
                        .meta()
                        .finalizers
                        .as_ref()
                        .is_some_and(|finalizers| !finalizers.is_empty())
                });
                Ok(if held { Deleted::Terminating } else { Deleted::Gone })
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Deleted::Gone),
            Err(error) => Err(fault(error)),
        }
    }
}

/// Sorts an error of the client by what it means for the caller.
fn fault(error: kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) => from_status(*status),
        // A credential that cannot be had or a request that cannot be built stays so, however often it is repeated.
        kube::Error::Auth(source) => Fault::Refused {
            code: 401,
            reason: "Unauthorized".to_owned(),
            message: format!("the credentials of the cluster's configuration cannot be used: {source}"),
        },
        kube::Error::BuildRequest(source) => Fault::Refused {
            code: 400,
            reason: "BadRequest".to_owned(),
            message: source.to_string(),
        },
        other => Fault::transient(format!("the API server could not be reached ({}).", innermost(&other))),
    }
}

fn from_status(status: kube::core::Status) -> Fault {
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Fault::AlreadyExists,
        (409, _) => Fault::Changed,
        // 429 and 5xx: Kubernetes API conventions, "HTTP Status codes"; 408 comes from proxies in front of it.
        (408 | 429 | 500..=599, _) => Fault::Transient {
            retry_after: status
                .details
                .as_ref()
                .filter(|details| details.retry_after_seconds > 0)
                .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds))),
            message: format!("the API server answered {} ({})", status.code, status.message),
        },
        (code, _) => Fault::Refused {
            code,
            reason: status.reason,
            message: status.message,
        },
    }
}

/// The innermost cause of an error, which is the one that says what happened.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn object() -> ObjectReference {
        ObjectReference::new("StatefulSet", "flyte", "foo")
    }

    #[test]
    fn a_full_api_server_is_worth_another_try_and_a_refusal_is_not() {
        for code in [408, 429, 500, 503, 504] {
            let fault = from_status(Status::failure("busy", "").with_code(code));
            assert!(matches!(fault, Fault::Transient { .. }), "{code}");
        }
        for code in [400, 401, 403, 404, 422] {
            let fault = from_status(Status::failure("no", "").with_code(code));
            assert!(matches!(fault, Fault::Refused { .. }), "{code}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_told_from_an_object_that_changed() {
        let fault = |reason| from_status(Status::failure("x", reason).with_code(409));
        assert!(matches!(fault("AlreadyExists"), Fault::AlreadyExists));
        assert!(matches!(fault("Conflict"), Fault::Changed));
    }

    #[test]
    fn a_missing_right_is_told_from_a_quota_that_is_used_up() {
        let refused = |message: &str| Fault::Refused {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: message.to_owned(),
        };
        let right = refused(
            "statefulsets.apps is forbidden: User \"x\" cannot create resource \"statefulsets\" in API group \"apps\" in the namespace \"flyte\"",
        );
        let error = right.into_error("create", "statefulsets", object());
        assert!(matches!(error, Error::Forbidden { .. }));
        assert!(
            error.to_string().contains("the verb \"create\" on \"statefulsets\""),
            "{error}"
        );
        let quota = refused("services \"foo\" is forbidden: exceeded quota: q, requested: services=1");
        assert!(matches!(
            quota.into_error("create", "services", object()),
            Error::Rejected { code: 403, .. }
        ));
    }

    #[test]
    fn a_missing_namespace_is_named() {
        let fault = Fault::Refused {
            code: 404,
            reason: "NotFound".to_owned(),
            message: "namespaces \"flyte\" not found".to_owned(),
        };
        let message = fault.into_error("create", "statefulsets", object()).to_string();
        assert!(
            message.starts_with("Namespace flyte") && message.contains("kubectl create namespace flyte"),
            "{message}"
        );
    }
}
