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
        let Self { kind, namespace, name } = self;
        match name.as_str() {
            // All objects of the kind are meant, as by a list.
            "" => formatter.write_str(&plural(kind))?,
            name => write!(formatter, "{kind} {name}")?,
        }
        match namespace.as_str() {
            "" => Ok(()),
            namespace => write!(formatter, " in namespace {namespace}"),
        }
    }
}

/// The plural of a kind, in English.
fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if kind.ends_with("ss") => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

/// One field of a configuration that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The field's path in the configuration, such as `Requests.cpu`.
    pub field: String,
    /// What is wrong with its value, and what to write instead.
    pub problem: String,
}

impl fmt::Display for FieldFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field, self.problem)
    }
}

/// How many faults a message shows, besides the first.
const MOST_SHOWN: usize = 19;

/// Faults, each on a line of its own after the first one.
fn on_lines(faults: &[FieldFault]) -> String {
    let shown = faults.iter().take(MOST_SHOWN).map(|fault| format!("\n{fault}"));
    let rest = faults.len().saturating_sub(MOST_SHOWN);
    let rest = (rest > 0).then(|| format!("\n{rest} more fields are at fault."));
    shown.chain(rest).collect()
}

/// Every error of this crate. The message of each is whole sentences: what happened to which object, why, what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A field of the configuration holds a value that no service can be made from. Nothing was made.
    #[error("{field} {problem}{}", on_lines(more))]
    InvalidSpec {
        /// The field's path in the configuration, such as `Requests.cpu`.
        field: String,
        /// What is wrong with its value, and what to write instead.
        problem: String,
        /// The other faults of the same configuration.
        more: Vec<FieldFault>,
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
            more: Vec::new(),
        }
    }

    /// The faults of a configuration as one [`Error::InvalidSpec`]; `None` where there are none.
    #[must_use]
    pub fn of_faults(faults: Vec<FieldFault>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let FieldFault { field, problem } = faults.next()?;
        Some(Self::InvalidSpec {
            field,
            problem,
            more: faults.collect(),
        })
    }

    /// The faults of a configuration that an error is about.
    ///
    /// # Errors
    /// The error itself, where it is about something else.
    pub fn into_faults(self) -> std::result::Result<Vec<FieldFault>, Self> {
        match self {
            Self::InvalidSpec { field, problem, more } => {
                Ok(std::iter::once(FieldFault { field, problem }).chain(more).collect())
            }
            other => Err(other),
        }
    }

    /// The same error with the paths of its fields changed.
    #[must_use]
    pub fn with_fields(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::InvalidSpec { field, problem, more } => Self::InvalidSpec {
                field: change(&field),
                problem,
                more: more
                    .into_iter()
                    .map(|fault| FieldFault {
                        field: change(&fault.field),
                        ..fault
                    })
                    .collect(),
            },
            other => other,
        }
    }

    /// Why a verb has failed, whether or not it had changed something before.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Partial { error, .. } => error.cause(),
            other => other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_a_name_is_all_of_its_kind() {
        let shown = |kind, namespace, name| ObjectReference::new(kind, namespace, name).to_string();
        assert_eq!(shown("Pod", "flyte", "foo-0"), "Pod foo-0 in namespace flyte");
        assert_eq!(shown("Pod", "", ""), "Pods");
        assert_eq!(
            shown("NetworkPolicy", "flyte", ""),
            "NetworkPolicies in namespace flyte"
        );
        assert_eq!(shown("StorageClass", "", "fast"), "StorageClass fast");
        assert_eq!(shown("PriorityClass", "", ""), "PriorityClasses");
    }

    #[test]
    fn each_fault_of_a_configuration_has_a_line() {
        let fault = |field: &str| FieldFault {
            field: field.to_owned(),
            problem: "is wrong.".to_owned(),
        };
        let error = Error::of_faults(vec![fault("Port"), fault("Replicas")]).expect("an error");
        assert_eq!(error.to_string(), "Port is wrong.\nReplicas is wrong.");
        assert_eq!(error.into_faults().expect("faults").len(), 2);
        assert!(Error::of_faults(Vec::new()).is_none());
        let many = Error::of_faults(vec![fault("Port"); 100])
            .expect("an error")
            .to_string();
        assert_eq!(many.lines().count(), 21);
        assert!(many.ends_with("\n80 more fields are at fault."), "{many}");
    }
}
