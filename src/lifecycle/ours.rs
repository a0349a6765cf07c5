//! Services of ours: read, listed, and marked.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::delete::find;
use super::retry::{Deadline, Step, reference, retry};
use crate::cluster::{Annotation, Api, Fault};
use crate::error::{Error, Result};
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::identity::owner::{ManagedBy, labels_as_evidence, managed_by};

/// Reads the `StatefulSet` of a service, if it is ours and is not being deleted.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn find_ours<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    deadline: Deadline,
) -> Result<Option<StatefulSet>> {
    let there: Option<StatefulSet> = find(api, namespace, name, deadline).await?;
    let ours = |there: &StatefulSet| {
        managed_by(&there.metadata) == ManagedBy::Us && there.metadata.deletion_timestamp.is_none()
    };
    Ok(there.filter(ours))
}

/// Reads the `StatefulSet` of a service that somebody wants to change, by its name.
///
/// # Errors
/// [`Error::NotFound`], [`Error::NotOwned`] for somebody else's object, [`Error::Unchanged`] for one that is being
/// deleted, and as [`delete`](super::delete()).
pub async fn find_to_change<A: Api>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<StatefulSet> {
    let object = reference::<StatefulSet>(namespace, name);
    let Some(there) = find::<StatefulSet, A>(api, namespace, name, deadline).await? else {
        return Err(Error::NotFound {
            object,
            advice: "Run its DataServiceTask to make it, or correct the name or the namespace.".to_owned(),
        });
    };
    if managed_by(&there.metadata) == ManagedBy::Other {
        return Err(Error::NotOwned {
            object,
            found: labels_as_evidence(&there.metadata),
        });
    }
    if there.metadata.deletion_timestamp.is_some() {
        return Err(Error::Unchanged {
            object,
            reason: "Terminating",
            problem: "it is being deleted.".to_owned(),
            advice: "Run its DataServiceTask again once it is gone.".to_owned(),
        });
    }
    Ok(there)
}

/// Lists the `StatefulSet`s of our services in a namespace.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn list_ours<A: Api>(api: &A, namespace: &str, deadline: Deadline) -> Result<Vec<StatefulSet>> {
    list_selected(api, namespace, "", deadline).await
}

/// Lists those of them that a label selector selects; an empty namespace stands for all.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn list_selected<A: Api>(
    api: &A,
    namespace: &str,
    selector: &str,
    deadline: Deadline,
) -> Result<Vec<StatefulSet>> {
    let listing = Step::new::<StatefulSet>("list", namespace, "");
    let mut own = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    if !selector.is_empty() {
        own.push(',');
        own.push_str(selector);
    }
    let selector = own;
    let listed = retry(deadline, &listing, || api.list::<StatefulSet>(namespace, &selector, "")).await?;
    listed.map_err(|fault| listing.failed(fault))
}

/// Writes annotations on a `StatefulSet` at exactly the version that was read; `false` if it was changed since.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn mark<A: Api>(
    api: &A,
    there: &StatefulSet,
    annotations: &[Annotation<'_>],
    deadline: Deadline,
) -> Result<bool> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&there.metadata.namespace), text(&there.metadata.name));
    let patching = Step::new::<StatefulSet>("patch", &namespace, &name);
    match retry(deadline, &patching, || api.set_annotations(there, annotations)).await? {
        Ok(()) => Ok(true),
        Err(Fault::Changed) => Ok(false),
        Err(fault) => Err(patching.failed(fault)),
    }
}
