//! The Lease that a process holds a service with.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;

use crate::identity::holder::lease_name;
use crate::identity::labels::selector;

/// For how long a Lease holds a service after it was renewed last, in seconds.
pub const LEASE_SECONDS: i32 = 60;

/// Makes the Lease of a process that holds a service, as it is before it is first renewed.
///
/// It has no `renewTime`: the clock of this process may be wrong, and until the API server has answered, nobody knows.
/// The API server itself writes when the Lease was created.
#[must_use]
pub fn lease(namespace: &str, service: &str, owner: &str, identity: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(lease_name(service, owner)),
            namespace: Some(namespace.to_owned()),
            labels: Some(selector(service)),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            ..LeaseSpec::default()
        }),
    }
}

/// The same Lease, which Kubernetes deletes with the `StatefulSet` of this uid.
#[must_use]
pub fn lease_of(mut lease: Lease, stateful_set: &str, uid: &str) -> Lease {
    lease.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: stateful_set.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }]);
    lease
}

/// The same Lease, renewed at this time.
#[must_use]
pub fn renewed(mut lease: Lease, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.acquire_time.get_or_insert(MicroTime(now));
    spec.renew_time = Some(MicroTime(now));
    lease
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::{INSTANCE_LABEL, MANAGED_BY, MANAGED_BY_LABEL};

    #[test]
    fn a_lease_goes_with_the_service_that_it_holds() {
        let made = lease("flyte", "foo", "local-1", "anna@laptop/7");
        assert_eq!(made.metadata.owner_references, None);
        let labels = made.metadata.labels.clone().expect("labels");
        assert_eq!(
            (labels[MANAGED_BY_LABEL].as_str(), labels[INSTANCE_LABEL].as_str()),
            (MANAGED_BY, "foo")
        );
        let owners = lease_of(made, "foo", "u1").metadata.owner_references.expect("an owner");
        assert_eq!((owners[0].name.as_str(), owners[0].uid.as_str()), ("foo", "u1"));
    }

    #[test]
    fn a_renewal_keeps_when_the_lease_was_acquired() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let made = lease("flyte", "foo", "local-1", "anna@laptop/7");
        assert_eq!(made.spec.as_ref().and_then(|spec| spec.renew_time.clone()), None);
        let spec = renewed(renewed(made, at(10)), at(25)).spec.expect("a spec");
        assert_eq!(
            (spec.acquire_time, spec.renew_time),
            (Some(MicroTime(at(10))), Some(MicroTime(at(25))))
        );
    }
}
