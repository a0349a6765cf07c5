//! Renews the Leases that this process holds services with, for as long as it lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::coordination::v1::Lease;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use crate::cluster::{Api, Fault, Key};
use crate::error::ObjectReference;
use crate::lifecycle::renew_lease;
use crate::swallowed;

/// How often a Lease is renewed: several times while it lasts, so that a fault that passes ends no service.
const RENEWAL: Duration = Duration::from_secs(15);

/// How long one renewal may take.
const REQUEST: Duration = Duration::from_secs(5);

/// How long to wait after a renewal that has failed, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The Leases that this process holds services with.
///
/// They are renewed on the runtime of this process. A child that was forked has none of its threads, and so renews
/// nothing.
#[derive(Default)]
pub struct Pulses {
    running: Mutex<HashMap<Held, Pulse>>,
}

/// The cluster, the namespace and the name of a service.
pub type Service<'a> = (&'a Key, &'a str, &'a str);

/// The cluster, the namespace and the name of a service, and the owner id of a Lease that holds it.
type Held = (Key, String, String, String);

struct Pulse {
    lease: Lease,
    handle: Option<AbortHandle>,
    /// The process that renews the Lease.
    process: u32,
}

impl Pulses {
    /// Notes a Lease that is to be renewed from [`Self::begin`] on.
    pub fn note(&self, service: Service<'_>, owner: &str, lease: Lease) {
        let pulse = Pulse {
            lease,
            handle: None,
            process: std::process::id(),
        };
        self.put(held(service, owner), pulse);
    }

    /// Renews the Lease from now on, as it is given here.
    pub fn begin<A: Api + Clone + 'static>(&self, api: &A, service: Service<'_>, owner: &str, lease: Lease) {
        let renewing = {
            let (api, lease, subject) = (api.clone(), lease.clone(), service.2.to_owned());
            tokio::spawn(async move { renew_until_gone(&api, lease, &subject).await })
        };
        let pulse = Pulse {
            lease,
            handle: Some(renewing.abort_handle()),
            process: std::process::id(),
        };
        self.put(held(service, owner), pulse);
    }

    /// Stops renewing a Lease, and returns it if there was one, so that it can be deleted.
    pub fn end(&self, service: Service<'_>, owner: &str) -> Option<Lease> {
        let pulse = self.running().remove(&held(service, owner))?;
        pulse.stop();
        Some(pulse.lease)
    }

    /// The owner ids of the Leases that this process holds a service with.
    #[must_use]
    pub fn owners(&self, service: Service<'_>) -> Vec<String> {
        let here = std::process::id();
        let running = self.running();
        let of_service = running.iter().filter(|((cluster, namespace, name, _), pulse)| {
            (cluster, namespace.as_str(), name.as_str()) == service && pulse.process == here
        });
        of_service.map(|((_, _, _, owner), _)| owner.clone()).collect()
    }

    fn put(&self, held: Held, pulse: Pulse) {
        if let Some(before) = self.running().insert(held, pulse) {
            before.stop();
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Held, Pulse>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pulses {
    fn drop(&mut self) {
        for pulse in self.running().values() {
            pulse.stop();
        }
    }
}

impl Pulse {
    fn stop(&self) {
        // A child that was forked has none of the runtime's threads.
        if self.process == std::process::id()
            && let Some(handle) = &self.handle
        {
            handle.abort();
        }
    }
}

fn held((cluster, namespace, name): Service<'_>, owner: &str) -> Held {
    (cluster.clone(), namespace.to_owned(), name.to_owned(), owner.to_owned())
}

/// Renews a Lease until it is gone. The first renewal is at once: it writes that the Lease goes with its service.
async fn renew_until_gone<A: Api>(api: &A, mut lease: Lease, service: &str) {
    let name = lease.metadata.name.clone().unwrap_or_default();
    let namespace = lease.metadata.namespace.clone().unwrap_or_default();
    let object = ObjectReference::new("Lease", &namespace, &name);
    let (first, most) = AGAIN;
    let mut pause = first;
    loop {
        let begun = Instant::now();
        let cause = match timeout(REQUEST, renew_lease(api, &lease)).await {
            Ok(Ok(renewed)) => {
                lease = renewed;
                pause = first;
                sleep_until(begun + RENEWAL).await;
                continue;
            }
            Ok(Err(Fault::Changed)) => {
                tracing::info!(
                    namespace,
                    object = format!("Lease {name}"),
                    "Lease {name} in namespace {namespace} is gone, so that this process no longer holds data service {service}."
                );
                return;
            }
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => format!("the API server did not answer within {} s", REQUEST.as_secs()),
        };
        swallowed::log(
            "it could not be renewed, and its service may end while this process uses it",
            &object,
            &cause,
        );
        sleep(pause).await;
        pause = (pause * 2).min(most);
    }
}

#[cfg(test)]
mod tests;
