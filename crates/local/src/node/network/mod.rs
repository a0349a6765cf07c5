//! A network for pods that have a network namespace each: their own loopback, an address, and the names of the others.
//!
//! The pods are on a bridge, which is in a namespace of its own, and a pair of links leads from there to this machine.
//! Nothing of it has a name that keeps it: when this process ends in whatever way, the kernel removes the namespace of
//! the bridge, with it both links of the pair, and the namespace of a pod with the last of its processes.

#[cfg(target_os = "linux")]
mod hub;
mod names;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(not(target_os = "linux"))]
mod unsupported;

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::oneshot;

#[cfg(target_os = "linux")]
use hub::Hub;
use names::Names;
#[cfg(target_os = "linux")]
pub(super) use sandbox::Sandbox;
#[cfg(not(target_os = "linux"))]
pub(super) use unsupported::{Hub, Sandbox};

/// The network of a node. It is gone when this is dropped, and all pods of it are.
#[derive(Debug)]
pub(super) struct Network {
    hub: Hub,
    names: Names,
}

impl Network {
    /// Makes the network, and removes what is left of those of processes that have ended.
    ///
    /// # Errors
    ///
    /// This process or this system has no network namespaces, or every private network is in use.
    pub(super) async fn start(owner: &str, folder: &Path) -> io::Result<Self> {
        let owner = owner.to_owned();
        let hub = apart(move || Hub::start(&owner)).await.map_err(|error| {
            let advice = "Set K8SDATASERVICE_LOCAL_REACH to \"addresses\" (on macOS to \"ports\"), which need none.";
            let problem = format!("local pods cannot have network namespaces: {error}. {advice}");
            io::Error::new(error.kind(), problem)
        })?;
        let names = Names::new(folder.join("hosts"))?;
        Ok(Self { hub, names })
    }

    /// The first two numbers of every address.
    pub(super) fn prefix(&self) -> [u8; 2] {
        self.hub.prefix()
    }

    /// The address that this machine has in the network.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        let [first, second] = self.prefix();
        Ipv4Addr::new(first, second, 0, 1)
    }

    /// Makes the namespaces of a pod.
    pub(super) async fn join(&self, pod: &Pod, hostname: String, address: Ipv4Addr) -> io::Result<Sandbox> {
        let hosts = self.names.add(pod, address)?;
        let hub = self.hub.clone();
        apart(move || Sandbox::make(&hub, address, &hostname, &hosts)).await
    }

    /// Takes a pod out of the network, so that another one can have its address.
    pub(super) async fn leave(&self, pod: &Pod, address: Ipv4Addr) {
        let hub = self.hub.clone();
        let left = match self.names.remove(pod) {
            Ok(()) => apart(move || hub.disconnect(address)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = left {
            tracing::warn!("a local pod does not leave its network: {error}");
        }
    }

    /// Removes the network, without waiting for the kernel to find that nobody uses it.
    pub(super) async fn stop(&self) {
        let hub = self.hub.clone();
        if let Err(error) = apart(move || hub.remove()).await {
            tracing::warn!("the network of local pods is not removed: {error}");
        }
    }
}

/// Runs this on a thread of its own, which may go to other namespaces.
async fn apart<T: Send + 'static>(run: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("local-network".to_owned());
    thread.spawn(move || drop(done.send(run())))?;
    result.await.map_err(io::Error::other)?
}
