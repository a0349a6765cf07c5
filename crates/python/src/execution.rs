//! The execution that a service is for, as a frozen Python class.

use std::fmt;

use k8sdataservice::identity::execution::{self, Run};
use k8sdataservice::identity::owner::RunObject;
use pyo3::prelude::*;

/// An execution of Flyte, or one of its nodes.
#[pyclass(frozen, eq, hash, str, get_all, skip_from_py_object, module = "k8sdataservice._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Execution {
    project: String,
    domain: String,
    name: String,
    node_id: Option<String>,
    namespace: Option<String>,
    root: Option<String>,
    action: Option<String>,
}

#[pymethods]
impl Execution {
    #[new]
    #[pyo3(signature = (project, domain, name, node_id=None, *, namespace=None, root=None, action=None))]
    fn new(
        project: String,
        domain: String,
        name: String,
        node_id: Option<String>,
        namespace: Option<String>,
        root: Option<String>,
        action: Option<String>,
    ) -> Self {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            project,
            domain,
            node_id: given(node_id),
            root: given(root).filter(|root| *root != name),
            namespace: given(namespace),
            action: given(action),
            name,
        }
    }

    fn __repr__(&self) -> String {
        let Self {
            project,
            domain,
            name,
            node_id,
            ..
        } = self;
        let node_id = node_id
            .as_ref()
            .map_or_else(|| "None".to_owned(), |id| format!("{id:?}"));
        format!("Execution(project={project:?}, domain={domain:?}, name={name:?}, node_id={node_id})")
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        execution::Execution::from(self).fmt(formatter)
    }
}

impl From<&Execution> for execution::Execution {
    fn from(given: &Execution) -> Self {
        Self {
            project: given.project.clone(),
            domain: given.domain.clone(),
            name: given.name.clone(),
            node_id: given.node_id.clone(),
        }
    }
}

/// The purpose of a service: an execution of Flyte, or a phrase.
#[derive(FromPyObject)]
pub(crate) enum For<'py> {
    /// An execution of Flyte.
    #[pyo3(transparent, annotation = "Execution")]
    Execution(PyRef<'py, Execution>),
    /// A phrase for people. One that describes an execution of Flyte stands for it.
    #[pyo3(transparent, annotation = "str")]
    Phrase(String),
}

impl For<'_> {
    /// The object that shows whether the execution goes on, where its namespace is known.
    pub(crate) fn run_object(&self) -> Option<RunObject> {
        let Self::Execution(execution) = self else { return None };
        let namespace = execution.namespace.clone()?;
        if let Some(name) = execution.action.clone() {
            return Some(RunObject::Action { namespace, name });
        }
        Some(RunObject::Workflow {
            namespace,
            name: execution.name.clone(),
            root: execution.root.clone(),
        })
    }
}

impl From<For<'_>> for Run {
    fn from(given: For<'_>) -> Self {
        match given {
            For::Execution(execution) => execution::Execution::from(&*execution).into(),
            For::Phrase(phrase) => phrase.into(),
        }
    }
}
