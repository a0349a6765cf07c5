//! What can go wrong, as sentences for the person who reads them in Flyte's console.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A Kubernetes object, as messages name it: `StatefulSet foo in namespace flyte`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The object's kind, such as `StatefulSet`.
    pub kind: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The object's own name.
    pub name: String,
}

impl ObjectReference {
    /// Names an object.
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} in namespace {}", self.kind, self.name, self.namespace)
    }
}

/// Every error of this crate. The message of each is whole sentences: what happened to which object, why, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the configuration holds a value that no service can be made from. Nothing was made.
    #[error("{field} {problem}")]
    InvalidSpec {
        /// The field's path in the configuration, such as `Requests.cpu`.
        field: String,
        /// What is wrong with its value, and what to write instead.
        problem: String,
    },
    /// Something that must exist does not.
    #[error("{object} does not exist. {advice}")]
    NotFound {
        /// What is missing.
        object: ObjectReference,
        /// What to do.
        advice: String,
    },
    /// The name is taken by a service that is not the one asked for. Nothing was changed.
    #[error("{object} exists already and is not this service: {difference} {advice}")]
    Conflict {
        /// What holds the name.
        object: ObjectReference,
        /// Whose it is, and in what it differs from the service asked for.
        difference: String,
        /// What to do.
        advice: String,
    },
    /// A service that runs cannot be changed as it was asked for. Nothing was changed.
    #[error("{object} was not changed: {problem} {advice}")]
    Unchanged {
        /// What was to be changed.
        object: ObjectReference,
        /// A stable code for why it cannot be: `OwnedByAnother`, `Immutable` or `Terminating`.
        reason: &'static str,
        /// Why it cannot be.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// The object was not made by a data service task, so it is left alone.
    #[error(
        "{object} was left alone: it was not made by a data service task ({found}). \
         Delete it by hand if it should go, or correct the name."
    )]
    NotOwned {
        /// What was to be deleted.
        object: ObjectReference,
        /// The marks that were found on it.
        found: String,
    },
    /// The account that is in use lacks a right.
    #[error(
        "Kubernetes forbids to {verb} {object}: {message} Give the account in use the verb \"{verb}\" on \
         \"{resource}\" with this line under the rules of its Role in that namespace: \
         `- {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}}`. \
         The README has the whole Role."
    )]
    Forbidden {
        /// The verb as RBAC names it, such as `create`.
        verb: &'static str,
        /// The resource's API group, such as `apps`; the core group is empty.
        group: String,
        /// The resource as RBAC names it, such as `statefulsets`.
        resource: String,
        /// The object concerned.
        object: ObjectReference,
        /// The API server's own words.
        message: String,
    },
    /// The API server did not answer, or not in a way that can be used, until the deadline. Trying again may help.
    #[error("Could not {verb} {object} within {seconds:.1} s: {cause} This may pass; the call can be repeated safely.")]
    Unavailable {
        /// What was attempted, as RBAC names it.
        verb: &'static str,
        /// The object concerned.
        object: ObjectReference,
        /// For how long it was attempted, in seconds.
        seconds: f64,
        /// The last fault seen, as a sentence.
        cause: String,
    },
    /// The service did not get ready in the time that the caller gave it. It is left as it is.
    #[error("{object} is not ready after {seconds:.0} s: {message}")]
    Timeout {
        /// What was waited for.
        object: ObjectReference,
        /// How long it was waited for, in seconds.
        seconds: f64,
        /// What it still waits for.
        message: String,
    },
    /// The API server refused the object as it is. Repeating the call gives the same answer.
    #[error("Kubernetes refused to {verb} {object}: {message}")]
    Rejected {
        /// What was attempted, as RBAC names it.
        verb: &'static str,
        /// The object concerned.
        object: ObjectReference,
        /// The API server's own words.
        message: String,
        /// The machine-readable reason, such as `Invalid`.
        reason: String,
        /// The HTTP status code.
        code: u16,
    },
    /// A verb has failed after it had changed something.
    #[error("{error} {done}")]
    Partial {
        /// Why it has failed.
        error: Box<Error>,
        /// What it had changed by then, as a sentence.
        done: String,
    },
    /// The core panicked.
    #[error(
        "This is a bug in the plugin: {words}. The call may have been carried out in part; it can be repeated. \
         Please report it, with the connector's log."
    )]
    Bug {
        /// What the panic said.
        words: String,
    },
    /// No cluster can be reached with the configuration at hand.
    #[error("{problem}")]
    Cluster {
        /// What is wrong with the configuration, and what to do.
        problem: String,
    },
}

impl Error {
    /// An [`Error::InvalidSpec`] for a field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidSpec {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// A stable `CamelCase` code, for programs: the API server's own where it gave one.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::InvalidSpec { .. } => "InvalidSpec",
            Self::NotFound { .. } => "NotFound",
            Self::Conflict { .. } => "Conflict",
            Self::Unchanged { reason, .. } => reason,
            Self::NotOwned { .. } => "NotOwned",
            Self::Forbidden { .. } => "Forbidden",
            Self::Unavailable { .. } => "Unavailable",
            Self::Timeout { .. } => "Timeout",
            Self::Rejected { reason, .. } => reason,
            Self::Partial { error, .. } => error.reason(),
            Self::Bug { .. } => "Bug",
            Self::Cluster { .. } => "ClusterConfiguration",
        }
    }

    /// The HTTP status code that the API server answered with, where it is known.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::NotFound { .. } => Some(404),
            Self::Conflict { .. } | Self::Unchanged { .. } => Some(409),
            Self::Forbidden { .. } => Some(403),
            Self::Rejected { code, .. } => Some(*code),
            Self::Partial { error, .. } => error.code(),
            _ => None,
        }
    }

    /// The object that the error is about, where there is one.
    #[must_use]
    pub fn object(&self) -> Option<&ObjectReference> {
        match self {
            Self::NotFound { object, .. }
            | Self::Conflict { object, .. }
            | Self::Unchanged { object, .. }
            | Self::NotOwned { object, .. }
            | Self::Forbidden { object, .. }
            | Self::Unavailable { object, .. }
            | Self::Timeout { object, .. }
            | Self::Rejected { object, .. } => Some(object),
            Self::Partial { error, .. } => error.object(),
            Self::InvalidSpec { .. } | Self::Bug { .. } | Self::Cluster { .. } => None,
        }
    }
}
