//! The IP header of a received datagram: check 2 of the receive order. IPv4 only; an IPv6 raw socket
//! hands out the message alone, and what its header said beside it.

use super::{Discard, Meta, PROTOCOL};
use core::net::{IpAddr, Ipv4Addr};

/// Splits a raw socket's datagram into what its IP header says and the message: honours IHL, cuts
/// at the total length (Ethernet pads short frames), refuses fragments.
pub fn ipv4(bytes: &[u8]) -> Result<(Meta, &[u8]), Discard> {
    let (header, _) = bytes.split_first_chunk::<20>().ok_or(Discard::Header)?;
    let [vihl, _, len_hi, len_lo, _, _, frag_hi, frag_lo, ttl, protocol, _, _, addresses @ ..] =
        *header;
    let header_len = usize::from(vihl & 0x0f).saturating_mul(4);
    let total = usize::from(u16::from_be_bytes([len_hi, len_lo]));
    if vihl >> 4 != 4 || header_len < header.len() || protocol != PROTOCOL {
        return Err(Discard::Header);
    }
    // More fragments, or an offset.
    if u16::from_be_bytes([frag_hi, frag_lo]) & 0x3fff != 0 {
        return Err(Discard::Fragment);
    }
    let message = bytes.get(header_len..total).ok_or(Discard::Header)?;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let source = IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3));
    let destination = IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3));
    Ok((Meta { source, destination, ttl }, message))
}
