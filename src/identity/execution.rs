//! The run that a service is for, as it is written on the service's objects.
//!
//! Version 2.0 wrote only a sentence for people. It is still read where there is nothing else.

use std::collections::BTreeMap;
use std::fmt;

use super::labels::{
    EXECUTION_ANNOTATION, EXECUTION_DOMAIN_ANNOTATION, EXECUTION_NAME_ANNOTATION, EXECUTION_NODE_ANNOTATION,
    EXECUTION_PROJECT_ANNOTATION,
};

/// An execution of Flyte, or one of its nodes. As text it is a phrase for people, such as `execution f1 of project
/// flytesnacks, domain development, node n0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The project.
    pub project: String,
    /// The domain.
    pub domain: String,
    /// The name of the execution, which is unique in project and domain.
    pub name: String,
    /// The id of the node; `None` for the execution as a whole.
    pub node_id: Option<String>,
}

/// The run that a service is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// An execution of Flyte.
    Flyte(Execution),
    /// Anything else, as a phrase for people.
    Other(String),
}

impl Execution {
    /// The execution that a phrase describes, as [`fmt::Display`] writes it.
    #[must_use]
    pub fn from_sentence(sentence: &str) -> Option<Self> {
        let (name, place) = sentence.strip_prefix("execution ")?.split_once(" of project ")?;
        let (project, rest) = place.split_once(", domain ")?;
        let (domain, node_id) = match rest.split_once(", node ") {
            Some((domain, node_id)) => (domain, Some(node_id).filter(|node_id| !node_id.is_empty())),
            None => (rest, None),
        };
        (!name.is_empty()).then(|| Self {
            project: project.to_owned(),
            domain: domain.to_owned(),
            name: name.to_owned(),
            node_id: node_id.map(ToOwned::to_owned),
        })
    }

    /// Whether both are of one execution, whatever their nodes.
    #[must_use]
    pub fn is_same_execution(&self, other: &Self) -> bool {
        (&self.project, &self.domain, &self.name) == (&other.project, &other.domain, &other.name)
    }

    fn from_annotations(annotations: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key: &str| annotations.get(key).filter(|text| !text.is_empty()).cloned();
        Some(Self {
            name: text(EXECUTION_NAME_ANNOTATION)?,
            project: text(EXECUTION_PROJECT_ANNOTATION).unwrap_or_default(),
            domain: text(EXECUTION_DOMAIN_ANNOTATION).unwrap_or_default(),
            node_id: text(EXECUTION_NODE_ANNOTATION),
        })
    }
}

impl Run {
    /// The run that is written on an object.
    #[must_use]
    pub fn from_annotations(annotations: &BTreeMap<String, String>) -> Self {
        let sentence = || annotations.get(EXECUTION_ANNOTATION).map_or("", String::as_str);
        Execution::from_annotations(annotations).map_or_else(|| Self::from(sentence()), Self::Flyte)
    }

    /// The annotations of an object: a phrase for people, and for an execution of Flyte its parts.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([(EXECUTION_ANNOTATION.to_owned(), self.to_string())]);
        if let Self::Flyte(execution) = self {
            let parts = [
                (EXECUTION_PROJECT_ANNOTATION, Some(&execution.project)),
                (EXECUTION_DOMAIN_ANNOTATION, Some(&execution.domain)),
                (EXECUTION_NAME_ANNOTATION, Some(&execution.name)),
                (EXECUTION_NODE_ANNOTATION, execution.node_id.as_ref()),
            ];
            let given = parts
                .into_iter()
                .filter_map(|(key, part)| Some((key, part.filter(|part| !part.is_empty())?)));
            annotations.extend(given.map(|(key, part)| (key.to_owned(), part.clone())));
        }
        annotations
    }

    /// Whether both are of one execution of Flyte. Of other runs nothing is known but words.
    #[must_use]
    pub fn is_same_execution(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flyte(one), Self::Flyte(other)) => one.is_same_execution(other),
            _ => false,
        }
    }
}

impl From<Execution> for Run {
    fn from(execution: Execution) -> Self {
        Self::Flyte(execution)
    }
}

impl From<&str> for Run {
    fn from(sentence: &str) -> Self {
        Execution::from_sentence(sentence).map_or_else(|| Self::Other(sentence.to_owned()), Self::Flyte)
    }
}

impl From<String> for Run {
    fn from(sentence: String) -> Self {
        Self::from(sentence.as_str())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flyte(execution) => execution.fmt(formatter),
            Self::Other(sentence) => formatter.write_str(sentence),
        }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            project,
            domain,
            name,
            node_id,
        } = self;
        write!(formatter, "execution {name} of project {project}, domain {domain}")?;
        match node_id {
            Some(node_id) => write!(formatter, ", node {node_id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(name: &str, node_id: Option<&str>) -> Execution {
        Execution {
            project: "p".to_owned(),
            domain: "d".to_owned(),
            name: name.to_owned(),
            node_id: node_id.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn the_sentence_of_version_2_0_is_read() {
        for execution in [execution("f1", Some("n0")), execution("f1", None)] {
            assert_eq!(Execution::from_sentence(&execution.to_string()), Some(execution));
        }
        // Of a task whose environment lacked them.
        let bare = "execution f1 of project , domain ";
        assert_eq!(
            Execution::from_sentence(bare).map(|bare| bare.to_string()).as_deref(),
            Some(bare)
        );
    }

    #[test]
    fn other_words_are_no_execution() {
        for sentence in [
            "",
            "a local run",
            "an execution of Flyte that did not say its name",
            "execution f1",
            "execution f1 of project p",
            "execution  of project p, domain d",
            "the execution f1 of project p, domain d",
        ] {
            assert_eq!(Run::from(sentence), Run::Other(sentence.to_owned()));
        }
    }

    #[test]
    fn written_values_can_be_read() {
        for run in [
            Run::from(execution("f1", Some("n0"))),
            Run::from(execution("f1", None)),
            Run::from("a local run"),
        ] {
            assert_eq!(Run::from_annotations(&run.annotations()), run);
        }
        assert_eq!(Run::from("a local run").annotations().len(), 1);
        assert_eq!(Run::from(execution("f1", None)).annotations().len(), 4);
    }

    #[test]
    fn the_parts_count_before_the_sentence() {
        let mut annotations = Run::from(execution("f1", Some("n0"))).annotations();
        annotations.insert(EXECUTION_ANNOTATION.to_owned(), execution("f2", None).to_string());
        assert_eq!(
            Run::from_annotations(&annotations),
            Run::Flyte(execution("f1", Some("n0")))
        );
        annotations.remove(EXECUTION_NAME_ANNOTATION);
        assert_eq!(Run::from_annotations(&annotations), Run::Flyte(execution("f2", None)));
    }

    #[test]
    fn only_the_nodes_of_one_execution_are_of_the_same() {
        let run = Run::from(execution("f1", Some("n0")));
        assert!(run.is_same_execution(&execution("f1", Some("n1")).into()));
        assert!(run.is_same_execution(&"execution f1 of project p, domain d".into()));
        assert!(!run.is_same_execution(&execution("f10", Some("n0")).into()));
        let elsewhere = Execution {
            project: "q".to_owned(),
            ..execution("f1", Some("n0"))
        };
        assert!(!run.is_same_execution(&elsewhere.into()));
        assert!(!Run::from("a local run").is_same_execution(&"a local run".into()));
    }
}
