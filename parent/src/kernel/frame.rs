//! The two Ethernet frames that tell the neighbours where an address is now. Pure: bytes out.

use std::net::{Ipv4Addr, Ipv6Addr};

const BROADCAST: [u8; 6] = [0xff; 6];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Of ff02::1 (RFC 2464 7).
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ICMPV6: u8 = 58;

pub(super) const ARP: usize = 42;
pub(super) const ADVERTISEMENT: usize = 86;

/// The broadcast request form that keepalived and FRR send: sender and target both the address.
pub(super) fn arp(mac: [u8; 6], ip: Ipv4Addr) -> [u8; ARP] {
    // Ethernet type ARP; hardware Ethernet, protocol IPv4, lengths 6 and 4, operation request.
    const HEADER: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1];
    let ip = ip.octets();
    join(&[&BROADCAST, &mac, &HEADER, &mac, &ip, &BROADCAST, &ip])
}

/// Unsolicited Neighbor Advertisement to all nodes, from the address itself, with the Router and
/// Override flags (RFC 9568 6.4.1, RFC 4861 4.4).
pub(super) fn advertisement(mac: [u8; 6], ip: Ipv6Addr) -> [u8; ADVERTISEMENT] {
    // Type and code; the checksum comes between these and the flags.
    const TYPE: [u8; 2] = [136, 0];
    const FLAGS: [u8; 4] = [0b1010_0000, 0, 0, 0];
    // Target Link-Layer Address, one unit of eight bytes.
    const OPTION: [u8; 2] = [2, 1];
    // Ethernet type IPv6; version 6, payload of 32 bytes, next header, hop limit 255.
    const HEADER: [u8; 10] = [0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, ICMPV6, 255];
    let (from, to) = (ip.octets(), ALL_NODES.octets());
    // RFC 8200 8.1: the pseudo-header, then the message with a checksum of zero.
    let pseudo: [u8; 8] = [0, 0, 0, 32, 0, 0, 0, ICMPV6];
    let sum = checksum(&[&from, &to, &pseudo, &TYPE, &[0, 0], &FLAGS, &from, &OPTION, &mac]);
    join(&[&ALL_NODES_MAC, &mac, &HEADER, &from, &to, &TYPE, &sum, &FLAGS, &from, &OPTION, &mac])
}

/// RFC 1071, over parts of an even length each.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.as_chunks::<2>().0);
    let sum = words.fold(0_u16, |sum, word| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes(*word));
        sum.wrapping_add(carry.into())
    });
    (!sum).to_be_bytes()
}

fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut frame = [0; N];
    for (place, byte) in frame.iter_mut().zip(parts.iter().copied().flatten()) {
        *place = *byte;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(frame: &[u8]) -> String {
        frame.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn gratuitous_arp_is_keepalived_form() {
        let frame = arp([0, 0, 0x5e, 0, 1, 0x33], Ipv4Addr::new(192, 0, 2, 1));
        let expected = "ffffffffffff00005e0001330806000108000604000100005e000133c0000201\
                        ffffffffffffc0000201";
        assert_eq!(hex(&frame), expected);
    }

    #[test]
    fn advertisement_of_a_link_local_address() {
        let frame = advertisement([0, 0, 0x5e, 0, 2, 0x33], "fe80::1".parse().unwrap());
        let expected = "33330000000100005e00023386dd6000000000203afffe8000000000000000000000\
                        00000001ff02000000000000000000000000000188007968a0000000fe8000000000\
                        00000000000000000001020100005e000233";
        assert_eq!(hex(&frame), expected);
    }

    #[test]
    fn advertisement_of_a_global_address() {
        let frame = advertisement([0, 0, 0x5e, 0, 2, 0x33], "2001:db8::1".parse().unwrap());
        let expected = "33330000000100005e00023386dd6000000000203aff20010db80000000000000000\
                        00000001ff02000000000000000000000000000188001af8a000000020010db80000\
                        00000000000000000001020100005e000233";
        assert_eq!(hex(&frame), expected);
    }
}
