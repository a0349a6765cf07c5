//! The part of create that is about what the `StatefulSet` owns: the Service, and what else the service asks for.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::delete::delete_exactly;
use super::retry::{Backoff, Deadline, Step, reference, retry};
use crate::cluster::{Api, Fault, Kind};
use crate::error::{Error, Result};
use crate::identity::owner::{ManagedBy, belongs_to, describe, managed_by};
use crate::manifests::Dependents;

/// Creates the objects that the `StatefulSet` with this uid owns, unless they exist; `false` if the `StatefulSet` is
/// gone.
///
/// The `NetworkPolicy` comes first: the pods are starting already.
pub(super) async fn ensure_owned<A: Api>(
    api: &A,
    wanted: &Dependents,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<bool> {
    if let Some(policy) = &wanted.network_policy
        && !ensure(api, policy, stateful_set_uid, deadline).await?
    {
        return Ok(false);
    }
    if let Some(budget) = &wanted.pod_disruption_budget
        && !ensure(api, budget, stateful_set_uid, deadline).await?
    {
        return Ok(false);
    }
    ensure(api, &wanted.service, stateful_set_uid, deadline).await
}

/// Creates one such object, unless it exists; `false` if the `StatefulSet` is gone.
pub(super) async fn ensure<A: Api, K: Kind>(
    api: &A,
    wanted: &K,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<bool> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (&text(&wanted.meta().namespace), &text(&wanted.meta().name));
    let creating = Step::new::<K>("create", namespace, name);
    let reading = Step::new::<K>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let refusal = match retry(deadline, &creating, || api.create(wanted)).await? {
            Ok(_) => return Ok(true),
            Err(Fault::AlreadyExists) => None,
            // For example by a quota, which may be filled by the object itself.
            Err(fault @ Fault::Refused { .. }) => Some(fault),
            Err(fault) => return Err(creating.failed(fault)),
        };
        let there: Option<K> = match (retry(deadline, &reading, || api.read(namespace, name)).await?, refusal) {
            (Ok(None) | Err(_), Some(fault)) => return Err(creating.failed(fault)),
            (there, _) => there.map_err(|fault| reading.failed(fault))?,
        };
        if let Some(there) = there {
            let metadata = there.meta();
            if belongs_to(there.meta(), stateful_set_uid) && metadata.deletion_timestamp.is_none() {
                return Ok(true);
            }
            if managed_by(metadata) == ManagedBy::Other {
                return Err(Error::Conflict {
                    object: reference::<K>(namespace, name),
                    difference: format!("it belongs to {}.", describe(metadata)),
                    advice: "Choose another Name.".to_owned(),
                });
            }
            if !is_there(api, namespace, name, stateful_set_uid, deadline).await? {
                return Ok(false);
            }
            // Ours has been there all along, so this is what a StatefulSet that is gone has left behind. The garbage
            // collector will take it, and must not take it from under the new one, so it makes way now.
            let uid = metadata.uid.clone().unwrap_or_default();
            delete_exactly::<K, A>(api, namespace, name, &uid, deadline).await?;
        }
        if !backoff.wait(deadline, None).await {
            let blocked = format!("a {} of that name is still being deleted", K::kind(&()));
            return Err(creating.unavailable(deadline, &blocked));
        }
    }
}

/// Whether the `StatefulSet` with this uid exists.
async fn is_there<A: Api>(api: &A, namespace: &str, name: &str, uid: &str, deadline: Deadline) -> Result<bool> {
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let there: Option<StatefulSet> = retry(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))?;
    Ok(there.is_some_and(|there| there.metadata.uid.as_deref() == Some(uid)))
}
