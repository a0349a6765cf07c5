//! The result of a plan.

use serde_json::Value;

use super::findings::Problem;

/// The action of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It makes the service.
    Create,
    /// It finds the service that it has made before.
    Unchanged,
    /// It uses the service that another run has made from the same specification.
    Shared,
    /// It is refused, since something else has the name.
    Conflict,
    /// It makes nothing: the configuration names a service that exists.
    Use,
}

impl Action {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Unchanged => "unchanged",
            Self::Shared => "shared",
            Self::Conflict => "conflict",
            Self::Use => "use",
        }
    }
}

/// The objects that a create would make, and their problems.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The action.
    pub action: Action,
    /// The service's name.
    pub name: String,
    /// The namespace it would live in.
    pub namespace: String,
    /// The objects as they would be, with the server's defaults where they are known.
    pub objects: Vec<Value>,
    /// The first pod that Kubernetes would make of them, likewise.
    pub pod: Option<Value>,
    /// The objects that have their names now. Nothing is reported of somebody else's.
    pub running: Vec<Value>,
    /// The problems that keep the service from being created, or its pods from running.
    pub problems: Vec<Problem>,
    /// Other notes, such as checks that could not be made.
    pub notes: Vec<String>,
    /// How many of the pods there is room for, if the nodes may be looked at.
    pub fit: Option<String>,
    /// Whether the cluster answered any of the checks; also where there is no cluster to ask.
    pub checked: bool,
}

impl Plan {
    /// A plan to make nothing.
    #[must_use]
    pub fn of_nothing(action: Action, name: &str, namespace: &str) -> Self {
        Self {
            action,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            objects: Vec::new(),
            pod: None,
            running: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            fit: None,
            checked: true,
        }
    }

    /// A plan to make what cannot be made for these reasons.
    #[must_use]
    pub fn of_problems(name: &str, namespace: &str, problems: Vec<Problem>) -> Self {
        Self {
            problems,
            ..Self::of_nothing(Action::Create, name, namespace)
        }
    }

    /// Whether no check has found a problem, and at least one check was made.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && self.checked
    }
}
