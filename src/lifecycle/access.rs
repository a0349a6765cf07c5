//! Which callers may change a running service, and who owns it afterwards.

use std::collections::BTreeMap;

use super::retry::reference;
use crate::cluster::managed_fields;
use crate::error::{Error, Result};
use crate::identity::labels::{
    APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL, OWN_ANNOTATIONS_ANNOTATION, OWN_LABELS_ANNOTATION, is_own_annotation,
};
use crate::identity::owner::{
    Caller, Identity, ManagedBy, describe, is_of_same_execution, is_owned_by, labels_as_evidence, managed_by, owner,
};
use k8s_openapi::api::apps::v1::StatefulSet;

/// Labels or annotations.
type Strings = BTreeMap<String, String>;

/// The caller of a change, and how far the change may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The caller: the service's owner, another node of its execution, or somebody else.
    pub caller: Caller,
    /// Whether a service of another owner is taken over.
    pub adopt: bool,
}

/// The identity of a service after a change by the caller.
///
/// The labels and annotations of its execution stay, unless the caller passes others: a label that changes is one of
/// the pods' too, and would have all of them replaced.
///
/// # Errors
/// [`Error::NotOwned`] for somebody else's object in any case; [`Error::Unchanged`] for one that is being deleted, and
/// for another owner's service that is not to be taken over.
pub(super) fn permitted(set: &StatefulSet, namespace: &str, name: &str, access: &Access) -> Result<Identity> {
    let caller = &access.caller;
    let there = &set.metadata;
    let object = reference::<StatefulSet>(namespace, name);
    let made_by = managed_by(there);
    if made_by == ManagedBy::Other {
        return Err(Error::NotOwned {
            object,
            found: labels_as_evidence(there),
        });
    }
    let unchanged = |reason, problem: String, advice: &str| Error::Unchanged {
        object,
        reason,
        problem,
        advice: advice.to_owned(),
    };
    if there.deletion_timestamp.is_some() {
        return Err(unchanged(
            "Terminating",
            "it is being deleted.".to_owned(),
            "Create it again once it is deleted.",
        ));
    }
    let is_theirs = is_owned_by(there, &caller.owner.id) || is_of_same_execution(there, &caller.owner.run);
    if !is_theirs && !access.adopt {
        return Err(unchanged(
            "OwnedByAnother",
            format!("it belongs to {}.", describe(there)),
            "Its owner can change it; pass adopt=True to take it over (on the command line --adopt). From then on \
             it is yours, and an abort of its former owner leaves it alone.",
        ));
    }
    // The user's own labels follow the new configuration.
    let noted = |note: &str| -> Vec<&str> {
        let keys = there.annotations.as_ref().and_then(|all| all.get(note));
        keys.map(|keys| keys.split(' ').collect()).unwrap_or_default()
    };
    // The execution's labels are on the pods, too; a label that is not was added to the StatefulSet by a webhook.
    let of_pods = set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let written = |of: &str, values: Option<&Strings>, of_pods: Option<&Strings>, note: &str| -> Strings {
        let keys = managed_fields::keys(there, of);
        let asked_for = noted(note);
        let is_flytes = |key: &String, value: &String| {
            let is_of_pods = of_pods.and_then(|all| all.get(key)) == Some(value);
            keys.contains(key.as_str()) && is_of_pods && !is_ours(key) && !asked_for.contains(&key.as_str())
        };
        let values = values.filter(|_| made_by == ManagedBy::Us).into_iter().flatten();
        let written = values.filter(|(key, value)| is_flytes(key, value));
        written.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let labels = || {
        let of_pods = of_pods.and_then(|metadata| metadata.labels.as_ref());
        written("f:labels", there.labels.as_ref(), of_pods, OWN_LABELS_ANNOTATION)
    };
    let annotations = || {
        let of_pods = of_pods.and_then(|metadata| metadata.annotations.as_ref());
        written(
            "f:annotations",
            there.annotations.as_ref(),
            of_pods,
            OWN_ANNOTATIONS_ANNOTATION,
        )
    };
    Ok(Identity {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        owner: if is_theirs { owner(there) } else { caller.owner.clone() },
        labels: caller.labels.clone().unwrap_or_else(labels),
        annotations: caller.annotations.clone().unwrap_or_else(annotations),
    })
}

/// Whether a label or an annotation is the plugin's own.
fn is_ours(key: &str) -> bool {
    [INSTANCE_LABEL, APP_LABEL, MANAGED_BY_LABEL].contains(&key) || is_own_annotation(key)
}
