//! Bytes to adverts, and the reason for every drop: checks 2 to 8 of the receive order, for VRRPv2
//! (RFC 3768 5.1) and VRRPv3 (RFC 9568 5.1). Total on any input, allocates nothing, and knows
//! nothing about a configured router.

mod body;
mod checksum;
mod ip;

pub use body::Body;
pub use checksum::Form;
pub use ip::ipv4;

pub(crate) use checksum::{add, pseudo_header, sum};

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::{Checksum, Family, Version, Vrid};

/// IP protocol number of VRRP, and Next Header value (RFC 9568 5.1.1.4, 5.1.2.4).
pub const PROTOCOL: u8 = 112;
/// An advert that crossed a router has less (RFC 9568 5.1.1.3, 5.1.2.3).
pub const TTL: u8 = 255;
/// The groups adverts go to (RFC 9568 5.1.1.2, 5.1.2.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// Longest message: VRRPv3 with 255 IPv6 addresses.
pub const MESSAGE_MAX: usize = 4088;

/// Everything before the addresses.
const FIXED: usize = 8;
const AUTH_DATA: usize = 8;

/// What a receive socket knows about a datagram beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Or Hop Limit.
    pub ttl: u8,
}

/// A well-formed advert: checks 2 to 8 of the receive order are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advert<'a> {
    pub meta: Meta,
    pub version: Version,
    pub vrid: Vrid,
    /// 0 is a good-bye.
    pub priority: u8,
    /// In which form the checksum is right.
    pub form: Form,
    pub body: Body<'a>,
}

/// Why a packet was dropped; each reason has a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Not an IP header followed by VRRP.
    Header,
    /// A piece of a datagram; an advert never needs fragments.
    Fragment,
    Ttl,
    Version,
    Type,
    Length,
    Checksum,
    /// VRID 0, or one that is not configured on the interface for the address family.
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
    /// Another advertisement interval than ours in VRRPv2, or none in VRRPv3.
    Interval,
    /// The first IPv6 address is not link-local, and ours is (RFC 9568 7.1, erratum 8300).
    FirstAddress,
    /// The local router owns the addresses and listens to nobody (RFC 3768 7.1).
    Owner,
    /// Another address list than ours, where VRRPv2 is told to drop for it.
    AddressList,
}

/// The two versions as they lie in memory; VRRPv2 is IPv4 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    V2,
    V3(Family),
}

impl Layout {
    /// `None` where there is no such protocol.
    pub(crate) fn of(version: Version, family: Family) -> Option<Self> {
        match (version, family) {
            (Version::V2, Family::V4) => Some(Self::V2),
            (Version::V2, Family::V6) => None,
            (Version::V3, family) => Some(Self::V3(family)),
        }
    }

    /// The authentication data is there for every type (RFC 3768 5.3.10).
    pub(crate) fn len(self, addresses: usize) -> usize {
        let (trailer, width) = match self {
            Self::V2 => (AUTH_DATA, 4),
            Self::V3(Family::V4) => (0, 4),
            Self::V3(Family::V6) => (0, 16),
        };
        FIXED.saturating_add(trailer).saturating_add(addresses.saturating_mul(width))
    }
}

/// Checks 3 to 8 of the receive order, in that order, so that one fault moves one counter. A TTL
/// below `least_ttl` is dropped; a router may want more of a peer.
pub fn decode(bytes: &[u8], meta: Meta, least_ttl: u8) -> Result<Advert<'_>, Discard> {
    let family = Family::from(&meta.source);
    if family != Family::from(&meta.destination) {
        return Err(Discard::Header);
    }
    if meta.ttl < least_ttl {
        return Err(Discard::Ttl);
    }
    let (fixed, _) = bytes.split_first_chunk::<FIXED>().ok_or(Discard::Length)?;
    let [version_type, vrid, priority, count, ..] = *fixed;
    let version = match version_type >> 4 {
        2 => Version::V2,
        3 => Version::V3,
        _ => return Err(Discard::Version),
    };
    let layout = Layout::of(version, family).ok_or(Discard::Version)?;
    if version_type & 0x0f != 1 {
        return Err(Discard::Type);
    }
    if count == 0 || bytes.len() != layout.len(usize::from(count)) {
        return Err(Discard::Length);
    }
    let form = checksum::form(bytes, layout, &meta).ok_or(Discard::Checksum)?;
    let vrid = Vrid::try_from(vrid).map_err(|_| Discard::Vrid)?;
    Ok(Advert { meta, version, vrid, priority, form, body: Body::new(bytes, layout) })
}

impl Advert<'_> {
    /// Whether the checksum is right in the form `wanted`; with a pseudo-header it does not matter
    /// which.
    pub(crate) fn fits(&self, wanted: Checksum) -> bool {
        match (wanted, self.form) {
            (Checksum::Plain, Form::Plain)
            | (Checksum::Pseudo, Form::Pseudo | Form::PseudoMulticast) => true,
            (Checksum::Plain, Form::Pseudo | Form::PseudoMulticast) => false,
            (Checksum::Pseudo, Form::Plain) => checksum::forms_agree(&self.meta, self.body.len()),
        }
    }
}
