//! Sockets that listen, and the processes that have them.
//!
//! Two sockets listen on the same address and port only if both have `SO_REUSEPORT`. The kernel gives each connection
//! to one of them. Without `/proc` nothing is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::CONTAINER;
use super::leftovers::variable;

/// The state of a socket that listens (Linux, `TCP_LISTEN`).
const LISTENS: &str = "0A";

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Listener {
    pub(in super::super) address: SocketAddr,
    /// Identifies the socket.
    pub(in super::super) inode: u64,
}

/// A process that has a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Holder {
    pub(in super::super) process: i32,
    pub(in super::super) group: i32,
    /// The name of its program.
    pub(in super::super) program: String,
    /// The marker of its container.
    pub(in super::super) container: Option<String>,
}

/// All sockets that listen.
pub(in super::super) fn listeners() -> Vec<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(parse)
        .collect()
}

/// The pairs of sockets that listen on the same port and the same address, or on one that covers the other.
pub(in super::super) fn shared(listeners: &[Listener]) -> Vec<(Listener, Listener)> {
    let mut all = listeners.to_vec();
    all.sort_by_key(|listener| listener.address.port());
    let mut pairs = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let same_port = all[index + 1..]
            .iter()
            .take_while(|other| other.address.port() == one.address.port());
        pairs.extend(
            same_port
                .filter(|other| other.inode != one.inode && overlap(one.address, other.address))
                .map(|other| (*one, *other)),
        );
    }
    pairs
}

/// Whether a connection to one address may reach a socket that listens on the other.
///
/// `[::]` counts for IPv4, too, as it does unless a socket has `IPV6_V6ONLY`.
pub(in super::super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |one: IpAddr, other: IpAddr| match one {
        IpAddr::V4(all) => all.is_unspecified() && other.is_ipv4(),
        IpAddr::V6(all) => all.is_unspecified(),
    };
    one.port() == other.port()
        && (one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

/// A process of each socket, for the processes of this user.
pub(in super::super) fn holders(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
    let mut holders = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let processes = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for process in processes {
        for inode in sockets(process) {
            if inodes.contains(&inode)
                && !holders.contains_key(&inode)
                && let Some(holder) = holder(process)
            {
                holders.insert(inode, holder);
            }
        }
    }
    holders
}

/// The sockets that a process has open.
fn sockets(process: i32) -> impl Iterator<Item = u64> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    files.filter_map(|file| {
        let target = fs::read_link(file.ok()?.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        inode.parse().ok()
    })
}

fn holder(process: i32) -> Option<Holder> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // `1234 (name of the program) S <parent> <group>`
    let (name, rest) = stat.rsplit_once(')')?;
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    let container = variable(&environment, CONTAINER);
    Some(Holder {
        process,
        group: rest.split_whitespace().nth(2)?.parse().ok()?,
        program: name.split_once('(')?.1.to_owned(),
        container: container.map(|container| String::from_utf8_lossy(container).into_owned()),
    })
}

/// A line of the kernel's table: `<number>: <local address>:<port> <other one> <state> ... <inode> ...`.
fn parse(line: &str) -> Option<Listener> {
    let mut fields = line.split_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    fields.nth(1).filter(|state| *state == LISTENS)?;
    let inode = fields.nth(5)?.parse().ok()?;
    let address = SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?);
    Some(Listener { address, inode })
}

/// An address as the kernel prints it: words of 32 bits in the machine's order of bytes.
fn ip(hexadecimal: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let word = hexadecimal.get(8 * index..8 * (index + 1))?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    if hexadecimal.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let words = [word(0)?, word(1)?, word(2)?, word(3)?];
    let bytes = <[u8; 16]>::try_from(words.concat()).ok()?;
    Some(IpAddr::from(Ipv6Addr::from(bytes)).to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_socket_is_found_with_its_process() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(socket) = TcpListener::bind(address) else {
                // A machine without IPv6.
                continue;
            };
            let address = socket.local_addr().expect("an address");
            let found = listeners().into_iter().find(|listener| listener.address == address);
            let inode = found.expect("a listener").inode;
            let holder = holders(&[inode].into()).remove(&inode).expect("a process");
            assert_eq!(u32::try_from(holder.process), Ok(std::process::id()));
        }
    }

    #[test]
    fn an_address_of_all_covers_each() {
        let overlap = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|address| address.parse().expect("an address"));
            assert_eq!(overlap(one, other), overlap(other, one));
            overlap(one, other)
        };
        assert!(overlap("127.77.1.1:1", "127.77.1.1:1"));
        assert!(overlap("0.0.0.0:1", "127.77.1.1:1"));
        assert!(overlap("[::]:1", "127.77.1.1:1"));
        assert!(overlap("[::]:1", "0.0.0.0:1"));
        assert!(!overlap("0.0.0.0:1", "[::1]:1"));
        assert!(!overlap("127.77.1.1:1", "127.77.1.2:1"));
        assert!(!overlap("0.0.0.0:1", "0.0.0.0:2"));
    }
}
