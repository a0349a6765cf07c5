//! The namespaces of one pod: its network, its file of names, and its name.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use rtnetlink::LinkUnspec;

use super::hub::{Hub, here};
use super::names::HOSTS;
use super::netlink::{ask, index};
use super::plan::LENGTH;

/// The link of a pod, as containers have it.
const LINK: &str = "eth0";

/// The number of the loopback in every network namespace.
const LOOPBACK: u32 = 1;

/// The namespaces of a pod. They are gone when this is dropped and no process is left in them.
#[derive(Debug)]
pub(in super::super) struct Sandbox {
    network: File,
    mounts: File,
    name: File,
}

impl Sandbox {
    /// Makes the namespaces of a pod. The thread has to be one of its own.
    ///
    /// It has no default route: this machine would drop what goes elsewhere, so that programs would wait for answers,
    /// those of name servers first of all. Without a route they have an error at once.
    pub(super) fn make(hub: &Hub, address: Ipv4Addr, name: &str, hosts: &Path) -> io::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)?;
        // What is mounted here is not to be mounted elsewhere, but what is mounted elsewhere is to be mounted here.
        let down = MsFlags::MS_SLAVE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, down, None::<&str>)?;
        mount(Some(hosts), HOSTS, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        nix::unistd::sethostname(name)?;
        let sandbox = Self {
            network: here()?,
            mounts: File::open("/proc/thread-self/ns/mnt")?,
            name: File::open("/proc/thread-self/ns/uts")?,
        };
        hub.connect(&sandbox.network, LINK, address)?;
        setns(&sandbox.network, CloneFlags::CLONE_NEWNET)?;
        ask(async |links| {
            let loopback = LinkUnspec::new_with_index(LOOPBACK).up().build();
            links.link().set(loopback).execute().await?;
            let link = index(links, LINK).await?;
            links
                .link()
                .set(LinkUnspec::new_with_index(link).up().build())
                .execute()
                .await?;
            links.address().add(link, address.into(), LENGTH).execute().await
        })?;
        Ok(sandbox)
    }

    /// Moves this thread, and what it starts from now on, into the namespaces.
    pub(in super::super) fn enter(&self) -> io::Result<()> {
        // A thread that has its working folder in common with others cannot change its mounts.
        unshare(CloneFlags::CLONE_FS)?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)?;
        setns(&self.network, CloneFlags::CLONE_NEWNET)?;
        setns(&self.name, CloneFlags::CLONE_NEWUTS)?;
        Ok(())
    }
}
