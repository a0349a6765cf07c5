//! The part of create that is about what the `StatefulSet` owns: the Service, and what else the service asks for.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
use super::delete::delete_exactly;
use crate::api::{Api, Fault, Kind};
use crate::error::{Error, Result};
use crate::manifests::{network_policy, pod_disruption_budget, service};
use crate::ownership::{Identity, Maker, describe, maker};
use crate::spec::DataServiceSpec;

/// Makes what the `StatefulSet` with this uid owns, or finds that it is there; `false` if the `StatefulSet` is gone.
///
/// Who may talk to the pods comes first: they are on their way already.
pub(super) async fn ensure_owned<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<bool> {
    let uid = Some(stateful_set_uid);
    if let Some(wanted) = network_policy(spec, identity, uid)
        && !ensure(api, &wanted, identity, stateful_set_uid, deadline).await?
    {
        return Ok(false);
    }
    if let Some(wanted) = pod_disruption_budget(spec, identity, uid)
        && !ensure(api, &wanted, identity, stateful_set_uid, deadline).await?
    {
        return Ok(false);
    }
    ensure(api, &service(spec, identity, uid), identity, stateful_set_uid, deadline).await
}

/// Makes one such object, or finds that it is there; `false` if the `StatefulSet` is gone.
pub(super) async fn ensure<A: Api, K: Kind>(
    api: &A,
    wanted: &K,
    identity: &Identity,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<bool> {
    let Identity { namespace, name, .. } = identity;
    let creating = Step::new::<K>("create", namespace, name);
    let reading = Step::new::<K>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let refusal = match repeat(deadline, &creating, || api.create(wanted)).await? {
            Ok(_) => return Ok(true),
            Err(Fault::AlreadyExists) => None,
            // By a quota, say, which may be filled by the object that is looked for.
            Err(fault @ Fault::Refused { .. }) => Some(fault),
            Err(fault) => return Err(creating.failed(fault)),
        };
        let there: Option<K> = match (repeat(deadline, &reading, || api.read(namespace, name)).await?, refusal) {
            (Ok(None) | Err(_), Some(fault)) => return Err(creating.failed(fault)),
            (there, _) => there.map_err(|fault| reading.failed(fault))?,
        };
        if let Some(there) = there {
            let metadata = there.meta();
            if belongs_to(&there, stateful_set_uid) && metadata.deletion_timestamp.is_none() {
                return Ok(true);
            }
            if maker(metadata) == Maker::Other {
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

/// Whether the `StatefulSet` with this uid is there.
async fn is_there<A: Api>(api: &A, namespace: &str, name: &str, uid: &str, deadline: Deadline) -> Result<bool> {
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let there: Option<StatefulSet> = repeat(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))?;
    Ok(there.is_some_and(|there| there.metadata.uid.as_deref() == Some(uid)))
}

/// Whether an object is the property of the `StatefulSet` with this uid.
pub(super) fn belongs_to<K: Kind>(object: &K, stateful_set_uid: &str) -> bool {
    let owners = object.meta().owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.uid == stateful_set_uid)
}
