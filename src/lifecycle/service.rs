//! The Service's part of create.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;

use super::deadline::{Backoff, Deadline, Step, reference, repeat};
use super::delete::delete_exactly;
use crate::api::{Api, Fault};
use crate::error::{Error, Result};
use crate::manifests::service;
use crate::ownership::{Identity, Maker, describe, maker};
use crate::spec::DataServiceSpec;

/// Makes the Service of the `StatefulSet` with this uid, or finds that it is there; `false` if the `StatefulSet` is gone.
pub(super) async fn ensure_service<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<bool> {
    let Identity { namespace, name, .. } = identity;
    let wanted = service(spec, identity, Some(stateful_set_uid));
    let creating = Step::new::<Service>("create", namespace, name);
    let reading = Step::new::<Service>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        let refusal = match repeat(deadline, &creating, || api.create(&wanted)).await? {
            Ok(_) => return Ok(true),
            Err(Fault::AlreadyExists) => None,
            // By a quota, say, which may be filled by the Service that is looked for.
            Err(fault @ Fault::Refused { .. }) => Some(fault),
            Err(fault) => return Err(creating.failed(fault)),
        };
        let there: Option<Service> = match (repeat(deadline, &reading, || api.read(namespace, name)).await?, refusal) {
            (Ok(None) | Err(_), Some(fault)) => return Err(creating.failed(fault)),
            (there, _) => there.map_err(|fault| reading.failed(fault))?,
        };
        if let Some(there) = there {
            if belongs_to(&there, stateful_set_uid) && there.metadata.deletion_timestamp.is_none() {
                return Ok(true);
            }
            if maker(&there.metadata) == Maker::Other {
                return Err(Error::Conflict {
                    object: reference::<Service>(namespace, name),
                    difference: format!("it belongs to {}.", describe(&there.metadata)),
                    advice: "Choose another Name.".to_owned(),
                });
            }
            if !is_there(api, namespace, name, stateful_set_uid, deadline).await? {
                return Ok(false);
            }
            // Ours has been there all along, so this is what a StatefulSet that is gone has left behind. The garbage
            // collector will take it, and must not take it from under the new one, so it makes way now.
            let uid = there.metadata.uid.unwrap_or_default();
            delete_exactly::<Service, A>(api, namespace, name, &uid, deadline).await?;
        }
        if !backoff.wait(deadline, None).await {
            return Err(creating.unavailable(deadline, "a Service of that name is still being deleted"));
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

/// Whether a Service is the property of the `StatefulSet` with this uid.
pub(super) fn belongs_to(service: &Service, stateful_set_uid: &str) -> bool {
    service
        .metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.uid == stateful_set_uid)
}
