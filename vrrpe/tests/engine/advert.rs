//! Adverts as bytes, put together without the engine's own code, so that they can witness for it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

use crate::harness::VIP;
use std::net::IpAddr;

/// What a VRRPv3 checksum covers beside the message: these two addresses, or nothing.
pub(crate) type Covered = Option<(IpAddr, IpAddr)>;

/// VRRPv2 with one address, interval 1 s, no authentication.
pub(crate) fn advert_v2(vrid: u8, priority: u8) -> Vec<u8> {
    let mut bytes = vec![0x21, vrid, priority, 1, 0, 1, 0, 0];
    bytes.extend_from_slice(&VIP.octets());
    bytes.extend_from_slice(&[0; 8]);
    sealed(bytes, None)
}

pub(crate) fn advert_v3(
    vrid: u8,
    priority: u8,
    centis: u16,
    addresses: &[IpAddr],
    covered: Covered,
) -> Vec<u8> {
    let [high, low] = centis.to_be_bytes();
    let count = u8::try_from(addresses.len()).unwrap();
    let mut bytes = vec![0x31, vrid, priority, count, high, low, 0, 0];
    for address in addresses {
        octets(*address, &mut bytes);
    }
    sealed(bytes, covered)
}

/// With the checksum in its place.
pub(crate) fn sealed(mut bytes: Vec<u8>, covered: Covered) -> Vec<u8> {
    bytes[6..8].copy_from_slice(&[0, 0]);
    let mut all = bytes.clone();
    if let Some((source, destination)) = covered {
        octets(source, &mut all);
        octets(destination, &mut all);
        all.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        all.extend_from_slice(&[0, 0, 0, 112]);
    }
    let mut sum: u32 = all
        .chunks(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[6..8].copy_from_slice(&(!u16::try_from(sum).unwrap()).to_be_bytes());
    bytes
}

fn octets(address: IpAddr, bytes: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => bytes.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => bytes.extend_from_slice(&v6.octets()),
    }
}
