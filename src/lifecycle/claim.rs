//! Who may change a service that runs, and as whose it runs on.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::deadline::reference;
use crate::api::managed_fields;
use crate::error::{Error, Result};
use crate::names::{
    ABANDONED_ANNOTATION, ADOPTED_ANNOTATION, APP_LABEL, CALL_ANNOTATION, DELETE_AFTER_ANNOTATION,
    EXECUTION_ANNOTATION, HASH_ANNOTATION, INSTANCE_LABEL, MANAGED_BY_LABEL, OWN_ANNOTATIONS_ANNOTATION,
    OWN_LABELS_ANNOTATION, OWNER_ANNOTATION, OWNS_ANNOTATION,
};
use crate::ownership::{Identity, Maker, Owner, describe, is_of_same_execution, is_owned_by, maker, marks, owner};

/// Labels or annotations.
type Strings = BTreeMap<String, String>;

/// Who asks for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who asks: the service's owner, another node of its execution, or somebody else.
    pub owner: Owner,
    /// Flyte's labels for the execution; those that are there, where there are none.
    pub labels: Option<Strings>,
    /// Flyte's annotations for the execution; those that are there, where there are none.
    pub annotations: Option<Strings>,
    /// Whether a service of another owner is taken over.
    pub adopt: bool,
}

/// The identity under which a service runs on after a change by who asks.
///
/// What was written of its execution stays, unless who asks brings something else: a label that changes is one of the pods'
/// too, and would have all of them replaced.
///
/// # Errors
/// [`Error::NotOwned`] for what somebody else has made, whatever is asked; [`Error::Unchanged`] for what is being deleted and
/// for another owner's service that is not to be taken over.
pub(super) fn permitted(there: &ObjectMeta, namespace: &str, name: &str, claim: &Claim) -> Result<Identity> {
    let object = reference::<StatefulSet>(namespace, name);
    let made_by = maker(there);
    if made_by == Maker::Other {
        return Err(Error::NotOwned {
            object,
            found: marks(there),
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
            "Make it anew once it is gone.",
        ));
    }
    let is_theirs = is_owned_by(there, &claim.owner.id) || is_of_same_execution(there, &claim.owner.description);
    if !is_theirs && !claim.adopt {
        return Err(unchanged(
            "OwnedByAnother",
            format!("it belongs to {}.", describe(there)),
            "Its owner can change it; to take it over, say so with adopt=True (on the command line --adopt). From then on \
             it is yours, and an abort of its former owner leaves it alone.",
        ));
    }
    // What the user asked for is asked for anew, or not.
    let noted = |note: &str| -> Vec<&str> {
        let keys = there.annotations.as_ref().and_then(|all| all.get(note));
        keys.map(|keys| keys.split(' ').collect()).unwrap_or_default()
    };
    let written = |of: &str, values: Option<&Strings>, ours: &[&str], note: &str| -> Strings {
        let keys = managed_fields::keys(there, of);
        let asked_for = noted(note);
        let is_flytes = |key: &str| keys.contains(key) && !ours.contains(&key) && !asked_for.contains(&key);
        let written = values.into_iter().flatten().filter(|(key, _)| is_flytes(key));
        written.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let is_ours = made_by == Maker::Us;
    let labels = || {
        let ours = [INSTANCE_LABEL, APP_LABEL, MANAGED_BY_LABEL];
        written(
            "f:labels",
            there.labels.as_ref().filter(|_| is_ours),
            &ours,
            OWN_LABELS_ANNOTATION,
        )
    };
    let annotations = || {
        let ours = [
            OWNER_ANNOTATION,
            EXECUTION_ANNOTATION,
            HASH_ANNOTATION,
            DELETE_AFTER_ANNOTATION,
            CALL_ANNOTATION,
            ABANDONED_ANNOTATION,
            ADOPTED_ANNOTATION,
            OWN_LABELS_ANNOTATION,
            OWN_ANNOTATIONS_ANNOTATION,
            OWNS_ANNOTATION,
        ];
        let there = there.annotations.as_ref().filter(|_| is_ours);
        written("f:annotations", there, &ours, OWN_ANNOTATIONS_ANNOTATION)
    };
    Ok(Identity {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        owner: if is_theirs { owner(there) } else { claim.owner.clone() },
        labels: claim.labels.clone().unwrap_or_else(labels),
        annotations: claim.annotations.clone().unwrap_or_else(annotations),
    })
}
