//! Which network the pods get: a private one to which this machine has no route.

use std::net::Ipv4Addr;

/// The length of the part that the addresses of a network have in common, in bits.
pub(super) const LENGTH: u8 = 16;

/// A destination of a route: an address, and how many of its bits count.
pub(super) type Destination = (Ipv4Addr, u8);

/// The first two numbers of networks to which none of these routes leads, the best one first.
///
/// The default route leads everywhere, and does not count.
pub(super) fn free(routes: &[Destination]) -> impl Iterator<Item = [u8; 2]> {
    let of_ten = (77..=254).chain(1..77).map(|second| [10, second]);
    let others = (16..=31).map(|second| [172, second]).chain([[192, 168]]);
    let all = of_ten.chain(others);
    all.filter(|network| !routes.iter().any(|route| leads_to(*route, *network)))
}

fn leads_to((address, length): Destination, [first, second]: [u8; 2]) -> bool {
    let network = u32::from(Ipv4Addr::new(first, second, 0, 0));
    let different = network ^ u32::from(address);
    length > 0 && different.leading_zeros() >= u32::from(length.min(LENGTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(routes: &[([u8; 4], u8)]) -> Option<[u8; 2]> {
        let routes: Vec<_> = routes
            .iter()
            .map(|(address, length)| ((*address).into(), *length))
            .collect();
        free(&routes).next()
    }

    #[test]
    fn a_network_with_a_route_is_not_taken() {
        assert_eq!(first(&[([0, 0, 0, 0], 0), ([127, 0, 0, 0], 8)]), Some([10, 77]));
        assert_eq!(first(&[([10, 77, 0, 0], 16)]), Some([10, 78]));
        assert_eq!(first(&[([10, 77, 3, 4], 32), ([10, 78, 255, 0], 24)]), Some([10, 79]));
        assert_eq!(first(&[([10, 64, 0, 0], 12)]), Some([10, 80]));
        assert_eq!(first(&[([10, 0, 0, 0], 8)]), Some([172, 16]));
        assert_eq!(first(&[([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12)]), Some([192, 168]));
        assert_eq!(first(&[([0, 0, 0, 0], 1), ([128, 0, 0, 0], 1)]), None);
    }
}
