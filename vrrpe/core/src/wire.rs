//! Bytes to adverts, and the reason for every drop: checks 2 to 8 of the receive order. Total on
//! any input, allocates nothing, and knows nothing about a configured router.

use core::net::{IpAddr, Ipv4Addr};
use vipd_types::Vrid;

/// IP protocol number of VRRP (RFC 3768 5.2.4).
pub const PROTOCOL: u8 = 112;
/// An advert that crossed a router has less (RFC 3768 5.2.3).
pub const TTL: u8 = 255;
/// The group adverts go to (RFC 3768 5.2.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Longest VRRPv2 message: 255 addresses.
pub const MESSAGE_MAX: usize = 1036;

const FIXED: usize = 8;
const AUTH_DATA: usize = 8;

/// What a receive socket knows about a datagram beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
}

/// A well-formed advert: checks 2 to 8 of the receive order are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advert<'a> {
    pub meta: Meta,
    pub vrid: Vrid,
    /// 0 is a good-bye.
    pub priority: u8,
    pub body: Body<'a>,
}

/// The whole VRRP message, of exactly the length its address count asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Body<'a>(pub &'a [u8]);

/// Why a packet was dropped; each reason has a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Not an IPv4 header followed by VRRP.
    Header,
    /// A piece of a datagram; an advert never needs fragments.
    Fragment,
    Ttl,
    Version,
    Type,
    Length,
    Checksum,
    /// VRID 0, or one that is not configured on the interface.
    Vrid,
    /// Not the group, or not a unicast address where peers are configured.
    Destination,
    /// Not a configured peer, or no address a router can have.
    Source,
    /// Our own advert came back, or somebody uses our address.
    OwnAddress,
    /// An authentication type that does not exist.
    AuthType,
    /// An authentication type other than the local one.
    AuthMismatch,
    /// The wrong password.
    AuthFailure,
    /// Another advertisement interval than ours.
    Interval,
    /// The local router owns the addresses and listens to nobody (RFC 3768 7.1).
    Owner,
}

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

/// Checks 3 to 8 of the receive order, in that order, so that one fault moves one counter.
pub fn decode(bytes: &[u8], meta: Meta) -> Result<Advert<'_>, Discard> {
    if meta.ttl != TTL {
        return Err(Discard::Ttl);
    }
    let (fixed, _) = bytes.split_first_chunk::<FIXED>().ok_or(Discard::Length)?;
    let [version_type, vrid, priority, count, ..] = *fixed;
    if version_type >> 4 != 2 || !meta.source.is_ipv4() {
        return Err(Discard::Version);
    }
    if version_type & 0x0f != 1 {
        return Err(Discard::Type);
    }
    if count == 0 || bytes.len() != message_len(usize::from(count)) {
        return Err(Discard::Length);
    }
    if sum(bytes) != 0xffff {
        return Err(Discard::Checksum);
    }
    let vrid = Vrid::try_from(vrid).map_err(|_| Discard::Vrid)?;
    Ok(Advert { meta, vrid, priority, body: Body(bytes) })
}

impl<'a> Body<'a> {
    pub fn auth_type(self) -> u8 {
        self.byte(4)
    }

    /// Advertisement_Interval in seconds.
    pub fn interval_secs(self) -> u8 {
        self.byte(5)
    }

    pub fn checksum(self) -> u16 {
        u16::from_be_bytes([self.byte(6), self.byte(7)])
    }

    pub fn addresses(self) -> impl ExactSizeIterator<Item = Ipv4Addr> + 'a {
        let end = self.0.len().saturating_sub(AUTH_DATA);
        let list = self.0.get(FIXED..end).unwrap_or(&[]);
        list.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets))
    }

    pub fn auth_data(self) -> [u8; 8] {
        self.0.last_chunk::<AUTH_DATA>().copied().unwrap_or([0; 8])
    }

    fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }
}

/// Without the authentication data, so that a password never gets into a log.
impl core::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// The authentication data is there for every type (RFC 3768 5.3.10).
pub(crate) fn message_len(addresses: usize) -> usize {
    FIXED.saturating_add(AUTH_DATA).saturating_add(addresses.saturating_mul(4))
}

/// One's complement sum (RFC 1071), folded; 0xffff over a message with a right checksum.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let odd = rest.first().map_or(0, |last| u16::from_be_bytes([*last, 0]));
    words.iter().map(|word| u16::from_be_bytes(*word)).fold(odd, |total, word| {
        let (sum, carry) = total.overflowing_add(word);
        sum.wrapping_add(u16::from(carry))
    })
}
