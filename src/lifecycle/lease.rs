//! Lease: what shows that a process goes on which holds a service.

use k8s_openapi::api::coordination::v1::Lease;

use super::delete::delete_exactly;
use super::retry::{Deadline, Step, retry};
use crate::cluster::{Api, Fault, server_time};
use crate::error::Result;
use crate::identity::holder::{Holder, LEASE};
use crate::manifests::renewed;

/// Makes a Lease, which is to exist before a service names it as its holder. The call can be retried.
///
/// It is an apply without a uid, which takes both permissions that the Lease needs later, `create` and `patch`: an
/// account that could not renew the Lease must not hold a service that then ends in spite of its use.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected), and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn take_lease<A: Api>(api: &A, mut lease: Lease, deadline: Deadline) -> Result<Lease> {
    let (namespace, name) = place(&lease);
    let step = |verb| Step::new::<Lease>(verb, &namespace, &name).optional();
    let made = retry(deadline, &step("patch"), || api.apply(&lease)).await?;
    let made = made.map_err(|fault| {
        let verb = match &fault {
            Fault::Refused { message, .. } if message.contains(" cannot create ") => "create",
            _ => "patch",
        };
        step(verb).failed(fault)
    })?;
    lease.metadata.uid = made.metadata.uid;
    Ok(lease)
}

/// The holder that a Lease shows.
#[must_use]
pub fn holder_of(lease: &Lease, owner: &str) -> Holder {
    let (namespace, name) = place(lease);
    Holder {
        kind: LEASE.to_owned(),
        namespace,
        name,
        uid: lease.metadata.uid.clone().unwrap_or_default(),
        owner: owner.to_owned(),
        since: server_time::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        identity: lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()),
    }
}

/// Renews exactly the Lease with this uid, and returns it as it is now.
///
/// # Errors
/// [`Fault::Changed`] where it is gone.
pub async fn renew_lease<A: Api>(api: &A, lease: &Lease) -> std::result::Result<Lease, Fault> {
    let lease = renewed(lease.clone(), server_time::now());
    api.apply(&lease).await?;
    Ok(lease)
}

/// Deletes a Lease that its holder needs no more. Where that fails it expires, and goes with its service.
pub async fn drop_lease<A: Api>(api: &A, lease: &Lease, deadline: Deadline) {
    let (namespace, name) = place(lease);
    let uid = lease.metadata.uid.as_deref().unwrap_or_default();
    if let Err(error) = delete_exactly::<Lease, A>(api, &namespace, &name, uid, deadline).await {
        let deleting = Step::new::<Lease>("delete", &namespace, &name);
        deleting.swallow("it is not deleted, and goes with its service", &error);
    }
}

fn place(lease: &Lease) -> (String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&lease.metadata.namespace), text(&lease.metadata.name))
}
