//! Reads VRRP advertisements of versions 2 and 3 over IPv4 and IPv6, and judges their checksums.
//! Judges nothing else: a wrong TTL or an unknown version is a value, not an error.

use super::{Mac, u16_at};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IP protocol number.
pub(super) const VRRP: u8 = 112;

/// What the checksum of an advert covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// The VRRP message alone: version 2, and version 3 over IPv4 as in RFC 9568.
    Message,
    /// A pseudo-header, too: version 3 over IPv6, and over IPv4 as keepalived and FRR read RFC 5798.
    PseudoHeader,
    /// Nothing that it should.
    Wrong,
}

/// A VRRP advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// The Ethernet source.
    pub mac: Mac,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Or the hop limit.
    pub ttl: u8,
    /// Or the traffic class.
    pub tos: u8,
    pub version: u8,
    pub vrid: u8,
    pub priority: u8,
    /// As sent: seconds in version 2, centiseconds in version 3.
    pub interval: u16,
    pub addresses: Vec<IpAddr>,
    pub checksum: Checksum,
    /// Right in one of the forms that the version and the family know.
    pub checksum_ok: bool,
    /// Of the VRRP message, without the IP header.
    pub length: usize,
}

/// `packet` begins with the IPv4 header.
pub(super) fn over_ipv4(mac: Mac, packet: &[u8]) -> Option<Advert> {
    let header = usize::from(packet.first()? & 0x0f).checked_mul(4)?;
    let total = usize::from(u16_at(packet, 2)?);
    let at = |offset| ipv4_at(packet, offset).map(IpAddr::V4);
    let envelope = Envelope {
        mac,
        source: at(12)?,
        destination: at(16)?,
        ttl: *packet.get(8)?,
        tos: *packet.get(1)?,
    };
    decode(envelope, packet.get(header..total)?)
}

/// `packet` begins with the IPv6 header, which VRRP follows at once.
pub(super) fn over_ipv6(mac: Mac, packet: &[u8]) -> Option<Advert> {
    let length = usize::from(u16_at(packet, 4)?);
    let at = |offset| ipv6_at(packet, offset).map(IpAddr::V6);
    let envelope = Envelope {
        mac,
        source: at(8)?,
        destination: at(24)?,
        ttl: *packet.get(7)?,
        tos: u8::try_from((u16_at(packet, 0)? >> 4) & 0xff).ok()?,
    };
    decode(envelope, packet.get(40..)?.get(..length)?)
}

/// What is outside the message.
struct Envelope {
    mac: Mac,
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    tos: u8,
}

fn decode(envelope: Envelope, message: &[u8]) -> Option<Advert> {
    let Envelope { mac, source, destination, ttl, tos } = envelope;
    let version = message.first()? >> 4;
    let count = usize::from(*message.get(3)?);
    let interval = match version {
        2 => u16::from(*message.get(5)?),
        _ => u16_at(message, 4)? & 0x0fff,
    };
    let list = message.get(8..)?;
    let addresses = match source {
        IpAddr::V4(_) => {
            list.chunks_exact(4).filter_map(|a| ipv4_at(a, 0).map(IpAddr::V4)).collect()
        }
        IpAddr::V6(_) => {
            list.chunks_exact(16).filter_map(|a| ipv6_at(a, 0).map(IpAddr::V6)).collect()
        }
    };
    let mut addresses: Vec<IpAddr> = addresses;
    addresses.truncate(count);
    let checksum = checksum(source, destination, message)?;
    let known = match (version, source) {
        (3, IpAddr::V6(_)) => checksum == Checksum::PseudoHeader,
        (3, IpAddr::V4(_)) => checksum != Checksum::Wrong,
        _ => checksum == Checksum::Message,
    };
    Some(Advert {
        mac,
        source,
        destination,
        ttl,
        tos,
        version,
        vrid: *message.get(1)?,
        priority: *message.get(2)?,
        interval,
        addresses,
        checksum,
        checksum_ok: known,
        length: message.len(),
    })
}

fn checksum(source: IpAddr, destination: IpAddr, message: &[u8]) -> Option<Checksum> {
    if ones_complement(message) == 0xffff {
        return Some(Checksum::Message);
    }
    let mut covered = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            covered.extend(source.octets());
            covered.extend(destination.octets());
            covered.extend([0, VRRP]);
            covered.extend(u16::try_from(message.len()).ok()?.to_be_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            covered.extend(source.octets());
            covered.extend(destination.octets());
            covered.extend(u32::try_from(message.len()).ok()?.to_be_bytes());
            covered.extend([0, 0, 0, VRRP]);
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    }
    covered.extend(message);
    let right = ones_complement(&covered) == 0xffff;
    Some(if right { Checksum::PseudoHeader } else { Checksum::Wrong })
}

/// 0xffff over a message that carries its right checksum.
pub(super) fn ones_complement(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum: u16, pair| {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([high, low]));
        sum.wrapping_add(u16::from(carry))
    })
}

pub(super) fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..)?.first_chunk().map(|four: &[u8; 4]| Ipv4Addr::from(*four))
}

pub(super) fn ipv6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..)?.first_chunk().map(|all: &[u8; 16]| Ipv6Addr::from(*all))
}
