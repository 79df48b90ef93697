//! Reads what hosts say about addresses and groups: ARP, neighbour discovery, IGMP and MLD reports.
//! Judges nothing: who may say so is the test's business.

use super::advert::{ipv4_at, ipv6_at};
use super::{Mac, u16_at};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arp {
    /// Else a reply.
    pub request: bool,
    pub sender_mac: Mac,
    pub sender: Ipv4Addr,
    pub target_mac: Mac,
    pub target: Ipv4Addr,
}

impl Arp {
    /// An announcement: it asks for, or answers about, its own sender.
    pub fn gratuitous(&self) -> bool {
        self.sender == self.target
    }
}

/// A neighbour solicitation or advertisement (RFC 4861 sections 4.3 and 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Else a solicitation, which has no flags.
    pub advertisement: bool,
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    pub hop_limit: u8,
    pub router: bool,
    pub solicited: bool,
    pub override_flag: bool,
    pub target: Ipv6Addr,
    /// The link-layer address option: the target's in an advertisement, else the source's.
    pub link_layer: Option<Mac>,
}

/// A host tells the switches which groups it wants to hear (IGMP, MLD) or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub source: IpAddr,
    /// The ICMPv6 or IGMP type: 0x12, 0x16, 0x22 are reports and 0x17 a leave of IGMP; 131 and 143
    /// are reports and 132 a done of MLD.
    pub kind: u8,
    pub groups: Vec<IpAddr>,
}

pub(super) fn arp(packet: &[u8]) -> Option<Arp> {
    if (u16_at(packet, 2)?, u16_at(packet, 4)?) != (0x0800, 0x0604) {
        return None;
    }
    Some(Arp {
        request: u16_at(packet, 6)? == 1,
        sender_mac: Mac(*packet.get(8..)?.first_chunk()?),
        sender: ipv4_at(packet, 14)?,
        target_mac: Mac(*packet.get(18..)?.first_chunk()?),
        target: ipv4_at(packet, 24)?,
    })
}

/// `packet` begins with the IPv6 header, which ICMPv6 follows at once.
pub(super) fn neighbour(packet: &[u8]) -> Option<Neighbour> {
    let message = packet.get(40..)?.get(..usize::from(u16_at(packet, 4)?))?;
    let advertisement = match message.first()? {
        135 => false,
        136 => true,
        _ => return None,
    };
    let flags = if advertisement { *message.get(4)? } else { 0 };
    let mut options = message.get(24..)?;
    let mut link_layer = None;
    while let [kind, length, value @ ..] = options {
        if matches!(kind, 1 | 2) {
            link_layer = value.first_chunk().map(|six| Mac(*six));
        }
        let whole = usize::from((*length).max(1)).saturating_mul(8);
        options = options.get(whole..).unwrap_or_default();
    }
    Some(Neighbour {
        advertisement,
        source: ipv6_at(packet, 8)?,
        destination: ipv6_at(packet, 24)?,
        hop_limit: *packet.get(7)?,
        router: flags & 0x80 != 0,
        solicited: flags & 0x40 != 0,
        override_flag: flags & 0x20 != 0,
        target: ipv6_at(message, 8)?,
        link_layer,
    })
}

/// `packet` begins with the IPv4 header and holds IGMP. Queries are `None`.
pub(super) fn igmp(packet: &[u8]) -> Option<Membership> {
    let header = usize::from(packet.first()? & 0x0f).checked_mul(4)?;
    let message = packet.get(header..usize::from(u16_at(packet, 2)?))?;
    let kind = *message.first()?;
    let groups = match kind {
        0x12 | 0x16 | 0x17 => vec![IpAddr::V4(ipv4_at(message, 4)?)],
        0x22 => records(message, 4, |bytes| ipv4_at(bytes, 0).map(IpAddr::V4))?,
        _ => return None,
    };
    Some(Membership { source: ipv4_at(packet, 12)?.into(), kind, groups })
}

/// `packet` begins with the IPv6 header, which a hop-by-hop header follows (RFC 3810 section 5).
/// Queries are `None`.
pub(super) fn mld(packet: &[u8]) -> Option<Membership> {
    let payload = packet.get(40..)?.get(..usize::from(u16_at(packet, 4)?))?;
    let [58, length, ..] = payload else { return None };
    let message = payload.get(usize::from(*length).saturating_add(1).saturating_mul(8)..)?;
    let kind = *message.first()?;
    let groups = match kind {
        131 | 132 => vec![IpAddr::V6(ipv6_at(message, 8)?)],
        143 => records(message, 16, |bytes| ipv6_at(bytes, 0).map(IpAddr::V6))?,
        _ => return None,
    };
    Some(Membership { source: ipv6_at(packet, 8)?.into(), kind, groups })
}

/// The groups of a report of IGMPv3 or MLDv2; `size` is that of an address.
fn records(
    message: &[u8],
    size: usize,
    address: impl Fn(&[u8]) -> Option<IpAddr>,
) -> Option<Vec<IpAddr>> {
    let mut rest = message.get(8..)?;
    let mut groups = Vec::new();
    for _ in 0..u16_at(message, 6)? {
        let words = usize::from(*rest.get(1)?).saturating_mul(4);
        let sources = usize::from(u16_at(rest, 2)?).saturating_mul(size);
        groups.push(address(rest.get(4..)?)?);
        rest = rest.get(size.saturating_add(4).saturating_add(sources).saturating_add(words)..)?;
    }
    Some(groups)
}
