//! How a request can fail, and what that means for its sender.

use std::time::Duration;

use crate::error::{Error, ObjectReference};
use crate::text::sentence;

/// The reason of a request that was not made, since its credentials cannot be had.
pub(super) const CREDENTIALS: &str = "ClusterConfiguration";

/// Why credentials cannot be had, as the end of a sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unauthenticated(pub(crate) String);

/// Why no request can be answered at the moment, such as a credential that is being renewed, as the end of a sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(pub(super) String);

/// The error of a local cluster whose process has ended, which no repetition changes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the process that had this local cluster has ended, and its services with it")]
pub(super) struct Ended;

/// The reason of a request whose credentials the API server rejects.
pub(super) const UNAUTHORIZED: &str = "Unauthorized";

/// The API server's message about a webhook that does not support dry runs (`NewDryRunUnsupportedErr`).
const NO_DRY_RUN: &str = "does not support dry run";

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
        /// The message, as a sentence.
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

    /// The fault of a dry run that is not supported, in the API server's words for a webhook that has side effects.
    #[must_use]
    pub fn no_dry_run() -> Self {
        Self::Refused {
            code: 400,
            reason: "BadRequest".to_owned(),
            message: NO_DRY_RUN.to_owned(),
        }
    }

    /// Whether the request was refused for being a dry run, which has nothing to do with the object.
    #[must_use]
    pub fn is_no_dry_run(&self) -> bool {
        matches!(self, Self::Refused { code: 400, message, .. } if message.contains(NO_DRY_RUN))
    }

    /// Whether the version that was asked for is too old, so that a list has to come first.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// Whether the account lacks a permission, by the API server's words.
    #[must_use]
    pub fn is_missing_permission(&self) -> bool {
        matches!(self, Self::Refused { code: 403, reason, message } if reason == "Forbidden" && is_missing_permission(message))
    }

    /// Whether the API server rejects the credentials. One that has just started may do so for a moment, and so may one
    /// that asks another service whose they are.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { code: 401, reason, .. } if reason == UNAUTHORIZED)
    }

    /// Says what the fault meant for an attempt to `verb` an object of a resource, which RBAC knows by its API group
    /// and name.
    #[must_use]
    pub fn into_error(self, verb: &'static str, (group, resource): (&str, &str), object: ObjectReference) -> Error {
        match self {
            Self::Refused { message, reason, .. } if reason == CREDENTIALS => Error::Cluster {
                problem: sentence(&message),
            },
            Self::Refused {
                code: 403,
                message,
                reason,
            } if reason == "Forbidden" && is_missing_permission(&message) => Error::Forbidden {
                verb,
                group: group.to_owned(),
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
                object: ObjectReference::new("Namespace", "", &object.namespace),
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

/// Whether a 403 is about the account's permissions. Quota and admission refuse with 403 as well, with other words.
fn is_missing_permission(message: &str) -> bool {
    message.contains(" cannot ") && message.contains(" in API group ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> ObjectReference {
        ObjectReference::new("StatefulSet", "flyte", "foo")
    }

    #[test]
    fn a_missing_right_is_distinguished_from_a_quota_that_is_used_up() {
        let refused = |message: &str| Fault::Refused {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: message.to_owned(),
        };
        let right = refused(
            "statefulsets.apps is forbidden: User \"x\" cannot create resource \"statefulsets\" in API group \"apps\" in the namespace \"flyte\"",
        );
        let error = right.into_error("create", ("apps", "statefulsets"), object());
        assert!(matches!(error, Error::Forbidden { .. }));
        assert!(
            error
                .to_string()
                .contains(r#"`- {apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["create"]}`"#),
            "{error}"
        );
        let quota = refused("services \"foo\" is forbidden: exceeded quota: q, requested: services=1");
        assert!(matches!(
            quota.into_error("create", ("", "services"), object()),
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
        let message = fault
            .into_error("create", ("apps", "statefulsets"), object())
            .to_string();
        assert!(
            message.starts_with("Namespace flyte does not exist. ")
                && message.contains("kubectl create namespace flyte"),
            "{message}"
        );
    }
}
