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

/// What a `StatefulSet` has.
pub(super) enum Companion {
    /// Its Service.
    Service,
    /// None: the `StatefulSet` itself is gone, and another one may have its name.
    Orphaned,
}

/// Makes the Service of the `StatefulSet` with this uid, or finds that it is there.
pub(super) async fn ensure_service<A: Api>(
    api: &A,
    spec: &DataServiceSpec,
    identity: &Identity,
    stateful_set_uid: &str,
    deadline: Deadline,
) -> Result<Companion> {
    let Identity { namespace, name, .. } = identity;
    let wanted = service(spec, identity, Some(stateful_set_uid));
    let creating = Step::new::<Service>("create", namespace, name);
    let reading = Step::new::<Service>("get", namespace, name);
    let checking = Step::new::<StatefulSet>("get", namespace, name);
    let mut backoff = Backoff::new();
    loop {
        match repeat(deadline, &creating, || api.create(&wanted)).await? {
            Ok(_) => return Ok(Companion::Service),
            Err(Fault::AlreadyExists) => {}
            Err(fault) => return Err(creating.failed(fault)),
        }
        let there: Option<Service> = repeat(deadline, &reading, || api.read(namespace, name))
            .await?
            .map_err(|fault| reading.failed(fault))?;
        if let Some(there) = there {
            if belongs_to(&there, stateful_set_uid) && there.metadata.deletion_timestamp.is_none() {
                return Ok(Companion::Service);
            }
            if maker(&there.metadata) == Maker::Other {
                return Err(Error::Conflict {
                    object: reference::<Service>(namespace, name),
                    difference: format!("it belongs to {}.", describe(&there.metadata)),
                    advice: "Choose another Name.".to_owned(),
                });
            }
            // Either its StatefulSet is gone, or ours is, and this is the Service of the one that came after.
            let owner: Option<StatefulSet> = repeat(deadline, &checking, || api.read(namespace, name))
                .await?
                .map_err(|fault| checking.failed(fault))?;
            if owner.is_none_or(|owner| owner.metadata.uid.as_deref() != Some(stateful_set_uid)) {
                return Ok(Companion::Orphaned);
            }
            // The garbage collector will take it, and must not take it from under the new one, so it makes way now.
            let uid = there.metadata.uid.unwrap_or_default();
            delete_exactly::<Service, A>(api, namespace, name, &uid, deadline).await?;
        }
        if !backoff.wait(deadline, None).await {
            return Err(creating.unavailable(deadline, "a Service of that name is still being deleted"));
        }
    }
}

/// Whether the Service is the property of the `StatefulSet` with this uid.
pub(super) fn belongs_to(service: &Service, stateful_set_uid: &str) -> bool {
    service
        .metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.uid == stateful_set_uid)
}
