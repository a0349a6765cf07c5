//! Binds claims: each gets a volume of the size that it asks for at once, since a volume is a folder here.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use super::cache::Key;
use super::error::Failure;
use super::world::World;

/// Binds one claim that is not bound.
pub(super) async fn sync(world: &mut World, of: &Key) -> Result<(), Failure> {
    let Some(claim) = world.claims.get(of).cloned().filter(|claim| is_unbound(claim)) else {
        return Ok(());
    };
    let uid = claim.metadata.uid.as_deref().unwrap_or_default();
    let volume = json!({"metadata": {"uid": uid}, "spec": {"volumeName": format!("pvc-{uid}")}});
    let bound = async {
        world.patch(&*claim, &volume).await?;
        world.patch_status(&*claim, &status(&claim)).await
    };
    match bound.await {
        Err(failure) if !failure.is_not_found() => Err(failure),
        _ => Ok(()),
    }
}

fn is_unbound(claim: &PersistentVolumeClaim) -> bool {
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
    phase != Some("Bound") && claim.metadata.deletion_timestamp.is_none()
}

/// The status of a claim that is bound.
fn status(claim: &PersistentVolumeClaim) -> Value {
    let spec = claim.spec.as_ref();
    let requests = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    json!({"metadata": {"uid": claim.metadata.uid}, "status": {
        "phase": "Bound",
        "accessModes": spec.and_then(|spec| spec.access_modes.as_ref()),
        "capacity": {"storage": requests.and_then(|requests| requests.get("storage"))},
    }})
}
