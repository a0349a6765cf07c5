//! The errors, as sentences for the person who reads them in Flyte's console.

use std::fmt;

/// The reason of [`Error::Rejected`] where an object is larger than what Kubernetes stores.
pub const TOO_LARGE: &str = "RequestEntityTooLarge";

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of objects in use here that live in no namespace.
const CLUSTER_SCOPED: [&str; 9] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
];

/// A Kubernetes object, as messages name it: `StatefulSet foo in namespace flyte`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The object's kind, such as `StatefulSet`.
    pub kind: String,
    /// The namespace it lives in; empty for an object of the whole cluster.
    pub namespace: String,
    /// The object's own name.
    pub name: String,
}

impl ObjectReference {
    /// Names an object. One of the whole cluster has no namespace, whatever the caller gives.
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let namespace = if CLUSTER_SCOPED.contains(&kind) { "" } else { namespace };
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
    /// The fault of its value, and what to write instead.
    pub problem: String,
}

impl FieldFault {
    /// The fault of a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
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
        /// The fault of its value, and what to write instead.
        problem: String,
        /// The other faults of the same configuration.
        more: Vec<FieldFault>,
    },
    /// Something that must exist does not.
    #[error("{object} does not exist. {advice}")]
    NotFound {
        /// The missing object.
        object: ObjectReference,
        /// The advice.
        advice: String,
    },
    /// The name is taken by a service that is not the one asked for. Nothing was changed.
    #[error("{object} exists already and is not this service: {difference} {advice}")]
    Conflict {
        /// The object that has the name.
        object: ObjectReference,
        /// Its owner, and its differences from the requested service.
        difference: String,
        /// The advice.
        advice: String,
    },
    /// A service that runs cannot be changed as it was asked for. Nothing was changed.
    #[error("{object} was not changed: {problem} {advice}")]
    Unchanged {
        /// The object to change.
        object: ObjectReference,
        /// A stable code for why it cannot be: `OwnedByAnother`, `Immutable`, `Terminating`, `InUse`, `NoReplicas` or
        /// `ClaimsWouldBeDeleted`.
        reason: &'static str,
        /// Why it cannot be.
        problem: String,
        /// The advice.
        advice: String,
    },
    /// The object was not made by a data service task, so it is left alone.
    #[error(
        "{object} was left alone: it was not made by a data service task ({found}). \
         Delete it by hand if it should go, or correct the name."
    )]
    NotOwned {
        /// The object to delete.
        object: ObjectReference,
        /// The marks that were found on it.
        found: String,
    },
    /// The account in use lacks a permission.
    #[error(
        "Not allowed to {verb} {object} (Forbidden): {message} Give the account in use the verb \"{verb}\" on \
         \"{resource}\" with this line under the rules of its Role in that namespace: \
         `- {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}}`. \
         {} has the whole Role.",
        example(role_file(group))
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
    #[error(
        "Could not {verb} {object} within {seconds:.1} s: {cause} This may be temporary; you can safely retry the call."
    )]
    Unavailable {
        /// The verb that was attempted, as RBAC names it.
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
        /// The object that the call waited for.
        object: ObjectReference,
        /// How long it was waited for, in seconds.
        seconds: f64,
        /// The condition that it still waits for.
        message: String,
    },
    /// The API server refused the object as it is. Repeating the call gives the same answer.
    #[error("Kubernetes refused to {verb} {object}: {message}")]
    Rejected {
        /// The verb that was attempted, as RBAC names it.
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
        /// The changes that it had made by then, as a sentence.
        done: String,
    },
    /// The core panicked.
    #[error(
        "This is a bug in the plugin: {words}. The call may have been carried out in part; you can retry it. \
         Please report it, with the connector's log."
    )]
    Bug {
        /// The message of the panic.
        words: String,
    },
    /// No cluster can be reached with the configuration at hand.
    #[error("{problem}")]
    Cluster {
        /// The fault of the configuration, and what to do.
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

/// The example that has the permissions for the resources of an API group.
fn role_file(group: &str) -> &'static str {
    match group {
        "coordination.k8s.io" => "rbac-local.yaml",
        _ => "rbac.yaml",
    }
}

/// The project's pages, as the metadata of its packages have them.
const REPOSITORY: &str = "https://github.com/flyteorg/flytekitplugins-k8sdataservice";

/// The address of an example, which no package has.
pub(crate) fn example(file: &str) -> String {
    format!("{REPOSITORY}/blob/main/examples/{file}")
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
        assert_eq!(shown("Namespace", "flyte", "flyte"), "Namespace flyte");
        assert_eq!(shown("Node", "flyte", "node-0"), "Node node-0");
    }

    #[test]
    fn a_message_gives_the_address_of_an_example_since_no_package_has_it() {
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let metadata = std::fs::read_to_string(project.join("pyproject.toml")).expect("pyproject.toml");
        assert!(
            metadata.contains(&format!("\nRepository = \"{REPOSITORY}\"\n")),
            "{metadata}"
        );
        for (group, file) in [("apps", "rbac.yaml"), ("coordination.k8s.io", "rbac-local.yaml")] {
            let error = Error::Forbidden {
                verb: "get",
                group: group.to_owned(),
                resource: "things".to_owned(),
                object: ObjectReference::new("Thing", "flyte", "foo"),
                message: "no.".to_owned(),
            };
            let address = format!("{REPOSITORY}/blob/main/examples/{file}");
            assert!(
                error.to_string().ends_with(&format!(" {address} has the whole Role.")),
                "{error}"
            );
            assert!(project.join("examples").join(file).is_file());
        }
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
