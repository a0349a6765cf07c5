//! Lease state: whether a process has renewed its Lease in time. Pure.
//!
//! Only times count that the API server has written, or that were corrected by its clock: the clocks of the process
//! that holds a Lease and of the one that looks at it may both be wrong (ADR 31).

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;

use crate::identity::holder::Holder;
use crate::manifests::LEASE_SECONDS;

/// Whether a Lease holds its service at a time of the API server.
pub(super) fn is_live(lease: &Lease, now: Timestamp) -> bool {
    let spec = lease.spec.as_ref();
    let seconds = spec
        .and_then(|spec| spec.lease_duration_seconds)
        .unwrap_or(LEASE_SECONDS);
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    lease.metadata.deletion_timestamp.is_none() && last_sign(lease).is_some_and(|last| is_within(last, duration, now))
}

/// Whether a holder has joined so recently that its Lease may not be visible yet. Without that time it stays unknown.
pub(super) fn is_recent(holder: &Holder, now: Timestamp) -> bool {
    let duration = Duration::from_secs(u64::try_from(LEASE_SECONDS).unwrap_or_default());
    let since = holder.since.parse::<Timestamp>();
    since.map_or(true, |since| is_within(since, duration, now))
}

/// The latest sign of life: the holder's `renewTime`, and the times that the API server itself has noted of the
/// creation and of the last writes (`managedFields`). A holder whose clock is behind looks no older than it is.
fn last_sign(lease: &Lease) -> Option<Timestamp> {
    let metadata = &lease.metadata;
    let renewed = lease
        .spec
        .iter()
        .filter_map(|spec| spec.renew_time.as_ref())
        .map(|time| time.0);
    let created = metadata.creation_timestamp.iter().map(|time| time.0);
    let entries = metadata.managed_fields.iter().flatten();
    let written = entries.filter_map(|entry| entry.time.as_ref()).map(|time| time.0);
    renewed.chain(created).chain(written).max()
}

fn is_within(moment: Timestamp, span: Duration, now: Timestamp) -> bool {
    moment.checked_add(span).is_ok_and(|end| end > now)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::identity::holder::LEASE;

    const NOON: &str = "2026-01-01T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn lease(created: &str, renewed: &Value, written: &Value) -> Lease {
        serde_json::from_value(json!({
            "metadata": {"creationTimestamp": created, "managedFields": written},
            "spec": {"leaseDurationSeconds": 60, "renewTime": renewed},
        }))
        .expect("a Lease")
    }

    fn written(time: &str) -> Value {
        json!([{"manager": "m", "operation": "Apply", "time": time}])
    }

    #[test]
    fn a_lease_is_live_for_its_duration_after_the_last_renewal() {
        let renewed = lease(
            "2026-01-01T09:00:00Z",
            &json!("2026-01-01T12:00:00.000000Z"),
            &json!([]),
        );
        assert!(is_live(&renewed, at("2026-01-01T12:00:59Z")));
        assert!(!is_live(&renewed, at("2026-01-01T12:01:00Z")));
    }

    #[test]
    fn a_lease_that_was_never_renewed_is_live_for_a_while_after_its_creation() {
        let new = lease(NOON, &Value::Null, &json!([]));
        assert!(is_live(&new, at("2026-01-01T12:00:59Z")));
        assert!(!is_live(&new, at("2026-01-01T12:01:00Z")));
    }

    #[test]
    fn a_holder_whose_clock_is_behind_is_alive_since_the_api_server_has_noted_when_it_wrote() {
        let behind = lease(
            "2026-01-01T09:00:00Z",
            &json!("2026-01-01T11:00:00.000000Z"),
            &written(NOON),
        );
        assert!(is_live(&behind, at("2026-01-01T12:00:59Z")));
        assert!(!is_live(&behind, at("2026-01-01T12:01:00Z")));
    }

    #[test]
    fn a_lease_that_is_being_deleted_or_has_no_times_holds_nothing() {
        let mut going = lease(NOON, &Value::Null, &json!([]));
        going
            .metadata
            .deletion_timestamp
            .clone_from(&going.metadata.creation_timestamp);
        assert!(!is_live(&going, at(NOON)));
        assert!(!is_live(&Lease::default(), at(NOON)));
        let mut negative = lease(NOON, &Value::Null, &json!([]));
        negative.spec.get_or_insert_default().lease_duration_seconds = Some(-5);
        assert!(!is_live(&negative, at(NOON)));
    }

    #[test]
    fn a_holder_is_recent_for_as_long_as_a_lease_lasts() {
        let holder = |since: &str| Holder {
            kind: LEASE.to_owned(),
            namespace: "flyte".to_owned(),
            name: "foo-1".to_owned(),
            uid: "u1".to_owned(),
            owner: "local-1".to_owned(),
            since: since.to_owned(),
            identity: None,
        };
        assert!(is_recent(&holder(NOON), at("2026-01-01T12:00:59Z")));
        assert!(!is_recent(&holder(NOON), at("2026-01-01T12:01:00Z")));
        assert!(is_recent(&holder("some day"), at("2026-01-01T12:01:00Z")));
    }
}
