//! Whose an object is: what this plugin made, and for whom.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use k8s_openapi::jiff::Timestamp;

use crate::names::{
    APP, APP_LABEL, DELETE_AFTER_ANNOTATION, EXECUTION_ANNOTATION, HASH_ANNOTATION, INSTANCE_LABEL, MANAGED_BY,
    MANAGED_BY_LABEL, OWNER_ANNOTATION,
};

/// What a service is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Equal for each try of one node of one execution, and for nothing else.
    pub id: String,
    /// For people, such as `execution f1 of project flytesnacks, domain development, node n0`.
    pub description: String,
}

/// Everything about a service that differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service's name, that of both its objects.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// What it is made for.
    pub owner: Owner,
    /// Flyte's labels for the execution.
    pub labels: BTreeMap<String, String>,
    /// Flyte's annotations for the execution.
    pub annotations: BTreeMap<String, String>,
}

/// Who made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// This plugin.
    Us,
    /// The plugin of the same name before version 2, which marked its objects with two labels and nothing else. What it
    /// made counts as ours, so that an upgrade strands nothing.
    Predecessor,
    /// Anybody else.
    Other,
}

/// Tells who made an object, from its labels.
#[must_use]
pub fn maker(metadata: &ObjectMeta) -> Maker {
    let none = BTreeMap::new();
    let labels = metadata.labels.as_ref().unwrap_or(&none);
    if labels.get(MANAGED_BY_LABEL).is_some_and(|value| value == MANAGED_BY) {
        return Maker::Us;
    }
    let name = metadata.name.as_deref().unwrap_or_default();
    let predecessors = labels.len() == 2
        && labels.get(APP_LABEL).is_some_and(|value| value == APP)
        && labels.get(INSTANCE_LABEL).is_some_and(|value| value == name);
    if predecessors { Maker::Predecessor } else { Maker::Other }
}

/// Whether the object was made for this owner.
#[must_use]
pub fn is_owned_by(metadata: &ObjectMeta, owner_id: &str) -> bool {
    maker(metadata) == Maker::Us && annotation(metadata, OWNER_ANNOTATION) == Some(owner_id)
}

/// Whether the object was made from a specification of this hash.
#[must_use]
pub fn has_hash(metadata: &ObjectMeta, hash: &str) -> bool {
    maker(metadata) == Maker::Us && annotation(metadata, HASH_ANNOTATION) == Some(hash)
}

/// Whether the object was made by any node of the execution that this description is of.
///
/// The connector describes a node's execution as `execution f1 of project p, domain d, node n0`.
#[must_use]
pub fn is_of_same_execution(metadata: &ObjectMeta, description: &str) -> bool {
    let execution = |description: &'_ str| {
        let execution = description
            .split_once(", node ")
            .map_or(description, |(execution, _)| execution);
        execution.starts_with("execution ").then(|| execution.to_owned())
    };
    let theirs = annotation(metadata, EXECUTION_ANNOTATION).and_then(execution);
    maker(metadata) == Maker::Us && theirs.is_some() && theirs == execution(description)
}

/// The owner that is written on the object.
#[must_use]
pub fn owner(metadata: &ObjectMeta) -> Owner {
    let text = |key| annotation(metadata, key).unwrap_or_default().to_owned();
    Owner {
        id: text(OWNER_ANNOTATION),
        description: text(EXECUTION_ANNOTATION),
    }
}

/// Until when a service that has failed is kept for people to look at, if it is.
#[must_use]
pub fn kept_until(metadata: &ObjectMeta) -> Option<Timestamp> {
    if maker(metadata) != Maker::Us {
        return None;
    }
    annotation(metadata, DELETE_AFTER_ANNOTATION)?.parse().ok()
}

/// Whose the object is, as a phrase that goes after "it belongs to".
#[must_use]
pub fn describe(metadata: &ObjectMeta) -> String {
    match maker(metadata) {
        Maker::Us => annotation(metadata, EXECUTION_ANNOTATION)
            .unwrap_or("another data service task")
            .to_owned(),
        Maker::Predecessor => "a data service task of this plugin before version 2".to_owned(),
        Maker::Other => format!("somebody else ({})", marks(metadata)),
    }
}

/// The labels of an object, as evidence of who made it.
#[must_use]
pub fn marks(metadata: &ObjectMeta) -> String {
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
    fn what_carries_our_mark_is_ours() {
        assert_eq!(
            maker(&labelled(&[(MANAGED_BY_LABEL, MANAGED_BY), ("x", "y")])),
            Maker::Us
        );
    }

    #[test]
    fn the_predecessors_two_labels_count_only_exactly() {
        let two = [(INSTANCE_LABEL, "foo"), (APP_LABEL, APP)];
        assert_eq!(maker(&labelled(&two)), Maker::Predecessor);
        assert_eq!(maker(&labelled(&two[..1])), Maker::Other);
        assert_eq!(maker(&labelled(&[two[0], two[1], ("team", "x")])), Maker::Other);
        assert_eq!(maker(&labelled(&[(INSTANCE_LABEL, "bar"), two[1]])), Maker::Other);
    }

    #[test]
    fn nodes_of_one_execution_are_told_from_those_of_others() {
        let made_by = |description: &str| ObjectMeta {
            annotations: Some([(EXECUTION_ANNOTATION.to_owned(), description.to_owned())].into()),
            ..labelled(&[(MANAGED_BY_LABEL, MANAGED_BY)])
        };
        let of = |execution: &str, node: &str| format!("execution {execution} of project p, domain d{node}");
        let made = made_by(&of("f1", ", node n0"));
        assert!(is_of_same_execution(&made, &of("f1", ", node n1")));
        assert!(is_of_same_execution(&made, &of("f1", "")));
        assert!(!is_of_same_execution(&made, &of("f10", ", node n0")));
        assert!(!is_of_same_execution(&made_by("a local run"), "a local run"));
        assert!(!is_of_same_execution(&ObjectMeta::default(), &of("f1", "")));
    }

    #[test]
    fn another_managers_object_is_not_ours() {
        let helm = labelled(&[(MANAGED_BY_LABEL, "Helm"), (INSTANCE_LABEL, "foo"), (APP_LABEL, APP)]);
        assert_eq!(maker(&helm), Maker::Other);
        assert!(describe(&helm).contains("Helm"));
        assert_eq!(maker(&ObjectMeta::default()), Maker::Other);
    }
}
