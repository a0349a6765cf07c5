//! The namespace with the bridge, and the pair of links that leads there.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use nix::sched::{CloneFlags, setns, unshare};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute};
use rtnetlink::{Error, Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};
use rustix::io::Errno;

use super::netlink::{ask, index, is};
use super::plan::{Destination, LENGTH, free};
use crate::node::process::has_ended;

/// How the names of the links begin that this machine has, one for each owner of a network.
const LINK: &str = "kds-";

/// The bridge, and the end of the pair, in their namespace.
const BRIDGE: &str = "pods";
const UPLINK: &str = "machine";

/// The network of a node. Clones are of the same one.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    /// The namespace of the bridge.
    namespace: Arc<File>,
    /// The namespace of this process.
    machine: Arc<File>,
    prefix: [u8; 2],
}

impl Hub {
    /// Makes the network. The thread has to be one of its own.
    ///
    /// The name of the link on this machine is that of its network, so that no other process can have the same.
    pub(super) fn start(owner: &str) -> io::Result<Self> {
        let machine = here()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| explained(error.into()))?;
        let namespace = here()?;
        ask(async |links| {
            let bridge = LinkBridge::new(BRIDGE).up().build();
            links.link().add(bridge).execute().await
        })
        .map_err(explained)?;
        setns(&machine, CloneFlags::CLONE_NEWNET)?;
        let prefix = ask(async |links| {
            remove_leftovers(links).await?;
            connect(links, &namespace, owner).await
        })
        .map_err(explained)?;
        let Some(prefix) = prefix else {
            return Err(io::Error::other(
                "this machine has a route to every private network of which pods could have addresses",
            ));
        };
        let hub = Self {
            namespace: Arc::new(namespace),
            machine: Arc::new(machine),
            prefix,
        };
        hub.enter()?;
        ask(async |links| {
            let uplink = LinkUnspec::new_with_index(index(links, UPLINK).await?);
            let uplink = uplink.controller(index(links, BRIDGE).await?).up().build();
            links.link().set(uplink).execute().await
        })?;
        Ok(hub)
    }

    /// The first two numbers of every address.
    pub(super) fn prefix(&self) -> [u8; 2] {
        self.prefix
    }

    /// Lets this thread make links of the bridge.
    fn enter(&self) -> io::Result<()> {
        Ok(setns(&*self.namespace, CloneFlags::CLONE_NEWNET)?)
    }

    /// Gives a pod's namespace a link of this name to the bridge. The thread is in the namespace of the bridge then.
    pub(super) fn connect(&self, pod: &File, name: &str, address: Ipv4Addr) -> io::Result<()> {
        self.enter()?;
        ask(async |links| {
            // An attempt that has failed may have left it.
            delete(links, link_of(address)).await?;
            // A pod that comes back has the same, so that others need not notice.
            let [first, second, third, fourth] = address.octets();
            let hardware = vec![2, 0, first, second, third, fourth];
            let inner = LinkMessageBuilder::<LinkUnspec>::default().name(name).address(hardware);
            let inner = inner.setns_by_fd(pod.as_raw_fd()).build();
            let outer = LinkVeth::new(&link_of(address), "")
                .set_info_data(InfoData::Veth(InfoVeth::Peer(inner)))
                .controller(index(links, BRIDGE).await?)
                .up();
            links.link().add(outer.build()).execute().await
        })
    }

    /// Removes the link of a pod.
    pub(super) fn disconnect(&self, address: Ipv4Addr) -> io::Result<()> {
        self.enter()?;
        ask(async |links| delete(links, link_of(address)).await)
    }

    /// Removes the link to this machine.
    pub(super) fn remove(&self) -> io::Result<()> {
        setns(&*self.machine, CloneFlags::CLONE_NEWNET)?;
        ask(async |links| delete(links, link_to(self.prefix)).await)
    }
}

/// The network namespace of this thread.
pub(super) fn here() -> io::Result<File> {
    File::open(Path::new("/proc/thread-self/ns/net"))
}

/// The link on this machine to a network.
fn link_to([first, second]: [u8; 2]) -> String {
    format!("{LINK}{first}-{second}")
}

/// The link of the bridge to a pod.
fn link_of(address: Ipv4Addr) -> String {
    let [_, _, service, pod] = address.octets();
    format!("pod-{service}-{pod}")
}

/// Removes a link, unless there is none.
async fn delete(links: &Handle, name: String) -> Result<(), Error> {
    let link = LinkUnspec::new_with_name(&name).build();
    match links.link().del_with_message(link).execute().await {
        Err(error) if is(&error, Errno::NODEV) => Ok(()),
        deleted => deleted,
    }
}

/// Takes a network that nobody has, and connects this machine to it; `None` if there is none.
async fn connect(links: &Handle, hub: &File, owner: &str) -> Result<Option<[u8; 2]>, Error> {
    let routes = routes(links).await?;
    for prefix in free(&routes) {
        let name = link_to(prefix);
        let peer = LinkMessageBuilder::<LinkUnspec>::default().name(UPLINK);
        let peer = peer.setns_by_fd(hub.as_raw_fd()).build();
        let link = LinkVeth::new(&name, "").set_info_data(InfoData::Veth(InfoVeth::Peer(peer)));
        match links.link().add(link.build()).execute().await {
            // It belongs to another process, which may have had no time to set its route.
            Err(error) if is(&error, Errno::EXIST) => continue,
            added => added?,
        }
        let number = index(links, &name).await?;
        let link = LinkUnspec::new_with_index(number).up();
        let link = link.append_extra_attribute(LinkAttribute::IfAlias(owner.to_owned()));
        links.link().set(link.build()).execute().await?;
        let address = IpAddr::from([prefix[0], prefix[1], 0, 1]);
        links.address().add(number, address, LENGTH).execute().await?;
        return Ok(Some(prefix));
    }
    Ok(None)
}

/// Where the routes of this machine lead.
async fn routes(links: &Handle) -> Result<Vec<Destination>, Error> {
    let all = links.route().get(RouteMessageBuilder::<Ipv4Addr>::new().build());
    let all: Vec<_> = all.execute().try_collect().await?;
    let destinations = all.iter().filter_map(|route| {
        let address = route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(*address),
            _ => None,
        });
        Some((address?, route.header.destination_prefix_length))
    });
    Ok(destinations.collect())
}

/// Removes links of processes that have ended. The kernel does that by itself, unless a process that one of them has
/// forked is still there.
async fn remove_leftovers(links: &Handle) -> Result<(), Error> {
    let all: Vec<LinkMessage> = links.link().get().execute().try_collect().await?;
    for link in all
        .iter()
        .filter(|link| link.header.interface_family == AddressFamily::Unspec)
    {
        let name = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) if name.starts_with(LINK) => Some(name),
            _ => None,
        });
        let owner = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::IfAlias(owner) => Some(owner),
            _ => None,
        });
        if let (Some(name), Some(owner)) = (name, owner)
            && has_ended(owner)
        {
            delete(links, name.clone()).await?;
        }
    }
    Ok(())
}

/// What this process lacks for a network.
fn explained(error: io::Error) -> io::Error {
    let reason = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::PERM | Errno::ACCESS) => {
            "this process needs the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN, which root has outside of a container"
        }
        Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => {
            "this kernel has no network namespaces, or no links of the kinds bridge and veth"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{reason} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_processes_that_have_ended_are_removed() {
        // The capabilities that this needs are those of a thread, and so is the namespace.
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            eprintln!("skipped: network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN ({error})");
            return;
        }
        let lives = crate::node::process::owner();
        let [numbering, id, began, node] = lives.split('.').collect::<Vec<_>>()[..] else {
            panic!("{lives}")
        };
        let ended = format!("{numbering}.{id}.{began}0.{node}");
        let left = ask(async |links| {
            for (name, owner) in [("kds-10-77", &ended), ("kds-10-78", &lives), ("other", &ended)] {
                let link = LinkBridge::new(name).build();
                links.link().add(link).execute().await?;
                let link = LinkUnspec::new_with_index(index(links, name).await?);
                let link = link.append_extra_attribute(LinkAttribute::IfAlias(owner.clone()));
                links.link().set(link.build()).execute().await?;
            }
            remove_leftovers(links).await?;
            let mut left = Vec::new();
            for name in ["kds-10-77", "kds-10-78", "other"] {
                if index(links, name).await.is_ok() {
                    left.push(name);
                }
            }
            Ok(left)
        });
        assert_eq!(left.expect("an answer"), ["kds-10-78", "other"]);
    }
}
