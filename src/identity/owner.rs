//! The owner of an object: whether this plugin created it, and for which execution.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use k8s_openapi::jiff::Timestamp;

use super::execution::Run;
use super::labels::{
    APP, APP_LABEL, DELETE_AFTER_ANNOTATION, EXECUTION_ANNOTATION, HASH_ANNOTATION, INSTANCE_LABEL, MANAGED_BY,
    MANAGED_BY_LABEL, OWNER_ANNOTATION,
};
use super::names::generate_name;

/// The execution or purpose that a service is created for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Equal for each try of one node of one execution, and for nothing else.
    pub id: String,
    /// The run that it is for.
    pub run: Run,
}

impl Owner {
    /// The execution or purpose that a service is created for. A phrase that describes an execution of Flyte stands for
    /// that execution.
    #[must_use]
    pub fn new(id: impl Into<String>, run: impl Into<Run>) -> Self {
        Self {
            id: id.into(),
            run: run.into(),
        }
    }
}

/// The caller that creates or changes a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The owner of the service.
    pub owner: Owner,
    /// Flyte's labels for the execution; an update leaves those that are there, where there are none.
    pub labels: Option<BTreeMap<String, String>>,
    /// Flyte's annotations for the execution, likewise.
    pub annotations: Option<BTreeMap<String, String>>,
    /// The object that shows whether the caller's run is live, if there is one.
    pub run: Option<RunObject>,
}

/// The object that shows whether the run of a caller is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunObject {
    /// The `FlyteWorkflow` of a run of Flyte 1.
    Workflow {
        /// Its namespace, that of the pods of the run's tasks.
        namespace: String,
        /// Its name, that of the execution.
        name: String,
        /// The name of the execution that this one was launched by, directly or not, if it was.
        root: Option<String>,
    },
    /// The root action of a run of Flyte 2, a `TaskAction`.
    Action {
        /// Its namespace, that of all actions.
        namespace: String,
        /// Its name, that of the run and the action.
        name: String,
    },
    /// A Lease that this process renews for as long as it lives. This is the process for people, such as
    /// `user@host/pid`.
    Process(String),
}

impl Caller {
    /// The identity of a service that the caller creates; without a name, its name is made from its owner.
    #[must_use]
    pub fn identity(self, name: Option<String>, namespace: String) -> Identity {
        Identity {
            name: name.unwrap_or_else(|| generate_name(Some(&self.owner.id))),
            namespace,
            owner: self.owner,
            labels: self.labels.unwrap_or_default(),
            annotations: self.annotations.unwrap_or_default(),
        }
    }
}

/// Everything about a service that differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service's name, that of both its objects.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// Its owner.
    pub owner: Owner,
    /// Flyte's labels for the execution.
    pub labels: BTreeMap<String, String>,
    /// Flyte's annotations for the execution.
    pub annotations: BTreeMap<String, String>,
}

/// The creator of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagedBy {
    /// This plugin.
    Us,
    /// The plugin of the same name before version 2, which marked its objects with two labels and nothing else. What it
    /// made counts as ours, so that an upgrade strands nothing.
    Predecessor,
    /// Anybody else.
    Other,
}

/// Reads from the labels of an object who made it.
#[must_use]
pub fn managed_by(metadata: &ObjectMeta) -> ManagedBy {
    let none = BTreeMap::new();
    let labels = metadata.labels.as_ref().unwrap_or(&none);
    if labels.get(MANAGED_BY_LABEL).is_some_and(|value| value == MANAGED_BY) {
        return ManagedBy::Us;
    }
    let name = metadata.name.as_deref().unwrap_or_default();
    let predecessors = labels.len() == 2
        && labels.get(APP_LABEL).is_some_and(|value| value == APP)
        && labels.get(INSTANCE_LABEL).is_some_and(|value| value == name);
    if predecessors {
        ManagedBy::Predecessor
    } else {
        ManagedBy::Other
    }
}

/// Whether the object is one that Kubernetes deletes with the `StatefulSet` of this uid.
#[must_use]
pub fn belongs_to(metadata: &ObjectMeta, stateful_set_uid: &str) -> bool {
    let mut owners = metadata.owner_references.iter().flatten();
    owners.any(|owner| owner.uid == stateful_set_uid)
}

/// Whether the object was made for this owner.
#[must_use]
pub fn is_owned_by(metadata: &ObjectMeta, owner_id: &str) -> bool {
    managed_by(metadata) == ManagedBy::Us && annotation(metadata, OWNER_ANNOTATION) == Some(owner_id)
}

/// Whether the object was made from a specification of this hash.
#[must_use]
pub fn has_hash(metadata: &ObjectMeta, hash: &str) -> bool {
    managed_by(metadata) == ManagedBy::Us && annotation(metadata, HASH_ANNOTATION) == Some(hash)
}

/// The hash of the specification that the object was created from; empty if the object has none.
#[must_use]
pub fn hash(metadata: &ObjectMeta) -> &str {
    annotation(metadata, HASH_ANNOTATION).unwrap_or_default()
}

/// Whether the object was made by any node of the execution that a run is of.
#[must_use]
pub fn is_of_same_execution(metadata: &ObjectMeta, run: &Run) -> bool {
    managed_by(metadata) == ManagedBy::Us && owner(metadata).run.is_same_execution(run)
}

/// The owner that is written on the object.
#[must_use]
pub fn owner(metadata: &ObjectMeta) -> Owner {
    let none = BTreeMap::new();
    let annotations = metadata.annotations.as_ref().unwrap_or(&none);
    Owner {
        id: annotations.get(OWNER_ANNOTATION).cloned().unwrap_or_default(),
        run: Run::from_annotations(annotations),
    }
}

/// Until when a service that has failed is kept for people to look at, if it is.
#[must_use]
pub fn kept_until(metadata: &ObjectMeta) -> Option<Timestamp> {
    if managed_by(metadata) != ManagedBy::Us {
        return None;
    }
    annotation(metadata, DELETE_AFTER_ANNOTATION)?.parse().ok()
}

/// The owner of the object, as a phrase that goes after "it belongs to".
#[must_use]
pub fn describe(metadata: &ObjectMeta) -> String {
    match managed_by(metadata) {
        ManagedBy::Us => annotation(metadata, EXECUTION_ANNOTATION)
            .unwrap_or("another data service task")
            .to_owned(),
        ManagedBy::Predecessor => "a data service task of this plugin before version 2".to_owned(),
        ManagedBy::Other => format!("somebody else ({})", labels_as_evidence(metadata)),
    }
}

/// The labels of an object, as evidence of who made it.
#[must_use]
pub fn labels_as_evidence(metadata: &ObjectMeta) -> String {
    let labels: Vec<String> = metadata
        .labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if labels.is_empty() {
        return "it has no labels".to_owned();
    }
    format!("its labels are {}", labels.join(", "))
}

fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &[(&str, &str)]) -> ObjectMeta {
        ObjectMeta {
            name: Some("foo".to_owned()),
            labels: Some(labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn objects_with_our_label_are_ours() {
        assert_eq!(
            managed_by(&labelled(&[(MANAGED_BY_LABEL, MANAGED_BY), ("x", "y")])),
            ManagedBy::Us
        );
    }

    #[test]
    fn the_predecessors_two_labels_count_only_exactly() {
        let two = [(INSTANCE_LABEL, "foo"), (APP_LABEL, APP)];
        assert_eq!(managed_by(&labelled(&two)), ManagedBy::Predecessor);
        assert_eq!(managed_by(&labelled(&two[..1])), ManagedBy::Other);
        assert_eq!(
            managed_by(&labelled(&[two[0], two[1], ("team", "x")])),
            ManagedBy::Other
        );
        assert_eq!(
            managed_by(&labelled(&[(INSTANCE_LABEL, "bar"), two[1]])),
            ManagedBy::Other
        );
    }

    #[test]
    fn nodes_of_one_execution_are_distinguished_from_those_of_others() {
        let made_by = |annotations: BTreeMap<String, String>| ObjectMeta {
            annotations: Some(annotations),
            ..labelled(&[(MANAGED_BY_LABEL, MANAGED_BY)])
        };
        let of = |execution: &str, node: &str| Run::from(format!("execution {execution} of project p, domain d{node}"));
        let run = of("f1", ", node n0");
        // Version 2.0 wrote the sentence alone.
        let sentence = BTreeMap::from([(EXECUTION_ANNOTATION.to_owned(), run.to_string())]);
        for annotations in [run.annotations(), sentence] {
            let made = made_by(annotations);
            assert_eq!(owner(&made).run, run);
            assert!(is_of_same_execution(&made, &of("f1", ", node n1")));
            assert!(is_of_same_execution(&made, &of("f1", "")));
            assert!(!is_of_same_execution(&made, &of("f10", ", node n0")));
            let somebody_elses = ObjectMeta { labels: None, ..made };
            assert!(!is_of_same_execution(&somebody_elses, &run));
        }
        let local = Run::from("a local run");
        assert!(!is_of_same_execution(&made_by(local.annotations()), &local));
        assert!(!is_of_same_execution(&ObjectMeta::default(), &run));
    }

    #[test]
    fn words_for_people_give_no_permission_where_the_parts_are_written() {
        let mut annotations = Run::from("execution f1 of project p, domain d, node n0").annotations();
        let others = "execution f2 of project p, domain d";
        annotations.insert(EXECUTION_ANNOTATION.to_owned(), others.to_owned());
        let made = ObjectMeta {
            annotations: Some(annotations),
            ..labelled(&[(MANAGED_BY_LABEL, MANAGED_BY)])
        };
        assert!(!is_of_same_execution(&made, &others.into()));
    }

    #[test]
    fn another_managers_object_is_not_ours() {
        let helm = labelled(&[(MANAGED_BY_LABEL, "Helm"), (INSTANCE_LABEL, "foo"), (APP_LABEL, APP)]);
        assert_eq!(managed_by(&helm), ManagedBy::Other);
        assert!(describe(&helm).contains("Helm"));
        assert_eq!(managed_by(&ObjectMeta::default()), ManagedBy::Other);
    }
}
