//! Ports that no other server of this machine has.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

/// The ports to choose from, in blocks. No system gives them to connections by default: Linux begins at 32768, and
/// macOS at 49152.
const FIRST: u16 = 20_000;
const BLOCK: u16 = 100;
const BLOCKS: u16 = 100;

/// The blocks of ports that a node has for itself. A listener on the first port of a block, which ends with the process
/// in any case, reserves it against other nodes on this machine.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<(u16, TcpListener)>);

impl Blocks {
    /// A port that is not taken; `None` if no port of this machine is free.
    pub(super) fn take(&mut self, address: Ipv4Addr, taken: &BTreeSet<u16>) -> Option<u16> {
        loop {
            let mut ports = self.0.iter().flat_map(|(first, _)| first + 1..first + BLOCK);
            if let Some(port) = ports.find(|port| !taken.contains(port) && is_free(address, *port)) {
                return Some(port);
            }
            let block = self.reserve(address)?;
            self.0.push(block);
        }
    }

    fn reserve(&self, address: Ipv4Addr) -> Option<(u16, TcpListener)> {
        // Nodes that start at the same time begin at different places.
        let [begin, ..] = *uuid::Uuid::new_v4().as_bytes();
        let blocks = (0..BLOCKS).map(|number| FIRST + (number + u16::from(begin)) % BLOCKS * BLOCK);
        let mut others = blocks.filter(|first| self.0.iter().all(|(own, _)| own != first));
        others.find_map(|first| Some((first, TcpListener::bind((address, first)).ok()?)))
    }
}

fn is_free(address: Ipv4Addr, port: u16) -> bool {
    let addresses = [IpAddr::from(address), IpAddr::from(Ipv4Addr::UNSPECIFIED)];
    addresses
        .iter()
        .all(|address| TcpListener::bind((*address, port)).is_ok() && UdpSocket::bind((*address, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_ports_of_their_own() {
        let (mut one, mut other) = (Blocks::default(), Blocks::default());
        let mut taken = BTreeSet::new();
        for _ in 0..150 {
            for blocks in [&mut one, &mut other] {
                let port = blocks.take(Ipv4Addr::LOCALHOST, &taken).expect("a port");
                assert!(taken.insert(port), "{port}");
            }
        }
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        assert!(!is_free(
            Ipv4Addr::LOCALHOST,
            held.local_addr().expect("an address").port()
        ));
    }
}
