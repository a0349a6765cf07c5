//! The Leases of processes that live: in the time that passes at once, they would be renewed again and again.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use std::time::Duration;

use crate::clock::Clock;

/// Renews Leases.
pub(super) struct Leases {
    client: Client,
    clock: Clock,
}

impl Leases {
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// Renews every Lease that counts now, as if this time had passed already.
    pub(super) async fn renew_for(&self, by: Duration) {
        let now = self.clock.now();
        let then = now.saturating_add(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
        let Ok(then) = then else { return };
        let all = Api::<Lease>::all(self.client.clone());
        let leases = all.list(&ListParams::default()).await.map(|list| list.items);
        for lease in leases.unwrap_or_default().iter().filter(|lease| counts(lease, now)) {
            let leases = Api::<Lease>::namespaced(self.client.clone(), &lease.namespace().unwrap_or_default());
            let patch = Patch::Merge(json!({"spec": {"renewTime": MicroTime(then)}}));
            if let Err(error) = leases.patch(&lease.name_any(), &PatchParams::default(), &patch).await {
                tracing::debug!("Lease {} is not renewed: {error}", lease.name_any());
            }
        }
    }
}

/// Whether a Lease was made or renewed not longer ago than it lasts.
fn counts(lease: &Lease, now: Timestamp) -> bool {
    let spec = lease.spec.as_ref();
    let lasts = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
    let renewed = spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0);
    let made = lease.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let ends = renewed
        .or(made)
        .and_then(|since| since.checked_add(SignedDuration::from_secs(lasts.into())).ok());
    ends.is_some_and(|ends| ends > now)
}
