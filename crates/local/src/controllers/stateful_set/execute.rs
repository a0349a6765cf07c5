//! Does what was decided.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::json;

use super::decide::{Decision, Step, is_ordered};
use super::{COMPONENT, claims, identity, pod};
use crate::controllers::cache::key;
use crate::controllers::error::Failure;
use crate::controllers::events::Kind;
use crate::controllers::world::World;

/// Does what was decided, until something fails. The status is then the one after that.
pub(super) async fn execute(world: &mut World, set: &StatefulSet, decision: &mut Decision) -> Result<(), Failure> {
    for stage in &decision.stages {
        // Without an order, more and more pods are dealt with before a failure ends it: 1, 2, 4, ...
        let mut batch = 1;
        let mut rest = stage.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(batch.min(rest.len()));
            let mut result = Ok(());
            for steps in now {
                result = result.and(perform_all(world, set, steps).await);
            }
            result?;
            rest = later;
            batch = if is_ordered(set) { 1 } else { batch * 2 };
        }
    }
    if let Some(pod) = &decision.replace {
        delete(world, set, pod).await?;
        if let Some(current) = &mut decision.status.current_replicas {
            *current -= 1;
        }
    }
    Ok(())
}

async fn perform_all(world: &mut World, set: &StatefulSet, steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        match step {
            Step::Create(pod) => create(world, set, pod).await?,
            Step::CreateClaims(pod) => {
                create_claims(world, set, pod).await?;
                let owned = own_claims(world, set, pod).await;
                record_failure(world, set, pod, "Update", owned).await?;
            }
            Step::Correct(pod) => correct(world, set, pod).await?,
            Step::OwnClaims(pod) => own_claims(world, set, pod).await?,
            Step::Delete(pod) => delete(world, set, pod).await?,
        }
    }
    Ok(())
}

async fn create(world: &mut World, set: &StatefulSet, pod: &Pod) -> Result<(), Failure> {
    let claimed = create_claims(world, set, pod).await;
    record_failure(world, set, pod, "Create", claimed).await?;
    let created = world.create(pod).await.map(drop);
    if created.as_ref().is_err_and(Failure::is_already_exists) {
        // Of another owner, so that it says nothing about this one.
        return created;
    }
    let owned = own_claims(world, set, pod).await;
    record_failure(world, set, pod, "Update", owned).await?;
    record(world, set, pod, "Create", created).await
}

async fn delete(world: &mut World, set: &StatefulSet, pod: &Pod) -> Result<(), Failure> {
    let deleted = world.delete(pod).await;
    record(world, set, pod, "Delete", deleted).await
}

/// Creates the claims of a pod that do not exist.
async fn create_claims(world: &mut World, set: &StatefulSet, pod: &Pod) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for claim in claims::of(set, identity::ordinal(set, pod).unwrap_or_default()) {
        let name = claim.metadata.name.clone().unwrap_or_default();
        if let Some(there) = world.claims.get(&key(&claim.metadata)) {
            if there.metadata.deletion_timestamp.is_some() {
                failures.push(format!("pvc {name} is being deleted"));
            }
            continue;
        }
        let created = world.create(&claim).await;
        if !created.as_ref().is_err_and(Failure::is_already_exists) {
            record_claim(world, set, pod, &claim, created.as_ref().err()).await;
        }
        if let Err(failure) = created {
            failures.push(format!("failed to create PVC {name}: {failure}"));
        }
    }
    match failures.as_slice() {
        [] => Ok(()),
        [failure] => Err(Failure::Other(failure.clone())),
        failures => Err(Failure::Other(format!("[{}]", failures.join(", ")))),
    }
}

/// Gives the claims of a pod the owners that they are to have.
async fn own_claims(world: &mut World, set: &StatefulSet, pod: &Pod) -> Result<(), Failure> {
    for claim in claims::of(set, identity::ordinal(set, pod).unwrap_or_default()) {
        let Some(claim) = world.claims.get(&key(&claim.metadata)).cloned() else {
            continue;
        };
        let name = claim.metadata.name.clone().unwrap_or_default();
        if claims::has_foreign_controller(set, &claim, pod) {
            let message = format!(
                "PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, the \
                 retention policy is ignored for this claim"
            );
            world
                .event(COMPONENT, set, Kind::Warning, "ConflictingController", message)
                .await;
        }
        if let Some(owners) = claims::new_owners(set, &claim, pod) {
            let of = &claim.metadata;
            let patch = json!({"metadata": {
                "uid": of.uid, "resourceVersion": of.resource_version, "ownerReferences": owners,
            }});
            world.patch(&*claim, &patch).await.map_err(|failure| {
                Failure::Other(format!(
                    "could not update claim {name} for delete policy ownerRefs: {failure}"
                ))
            })?;
        }
    }
    Ok(())
}

/// Gives a pod the labels and volumes of its name, and its claims their owners.
async fn correct(world: &mut World, set: &StatefulSet, there: &Arc<Pod>) -> Result<(), Failure> {
    let ordinal = identity::ordinal(set, there).unwrap_or_default();
    let mut pod = (**there).clone();
    if !pod::mounts(set, &pod, ordinal) {
        pod::mount(set, &mut pod, ordinal);
        let claimed = create_claims(world, set, &pod).await;
        record_failure(world, set, &pod, "Update", claimed).await?;
    }
    if !identity::matches(&pod) {
        identity::label(&mut pod, ordinal);
    }
    let owned = own_claims(world, set, &pod).await;
    record_failure(world, set, &pod, "Update", owned).await?;
    if pod == **there {
        return Ok(());
    }
    let updated = world.replace(&pod).await.map(drop);
    record(world, set, &pod, "Update", updated).await
}

async fn record_failure(
    world: &mut World,
    set: &StatefulSet,
    pod: &Pod,
    verb: &str,
    result: Result<(), Failure>,
) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(_) => record(world, set, pod, verb, result).await,
    }
}

/// Writes an event about what was done to a pod, and returns the result.
async fn record(
    world: &mut World,
    set: &StatefulSet,
    pod: &Pod,
    verb: &str,
    result: Result<(), Failure>,
) -> Result<(), Failure> {
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    let what = format!("{verb} Pod {pod} in StatefulSet {}", identity::name(set));
    let (kind, reason, message) = match &result {
        Ok(()) => (Kind::Normal, "Successful", format!("{what} successful")),
        Err(failure) => (Kind::Warning, "Failed", format!("{what} failed error: {failure}")),
    };
    world
        .event(COMPONENT, set, kind, &format!("{reason}{verb}"), message)
        .await;
    result
}

async fn record_claim(
    world: &mut World,
    set: &StatefulSet,
    pod: &Pod,
    claim: &PersistentVolumeClaim,
    failure: Option<&Failure>,
) {
    let claim = claim.metadata.name.as_deref().unwrap_or_default();
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    let set_name = identity::name(set);
    let (kind, reason, message) = match failure {
        None => {
            let message = format!("Create Claim {claim} Pod {pod} in StatefulSet {set_name} success");
            (Kind::Normal, "SuccessfulCreate", message)
        }
        Some(failure) => {
            let message =
                format!("Create Claim {claim} for Pod {pod} in StatefulSet {set_name} failed error: {failure}");
            (Kind::Warning, "FailedCreate", message)
        }
    };
    world.event(COMPONENT, set, kind, reason, message).await;
}
