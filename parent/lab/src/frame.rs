//! Reads Ethernet frames far enough to tell adverts, announcements and group reports apart. Written
//! apart from the daemon's own decoder on purpose: a witness must not share the mistakes of the one
//! it watches.

mod advert;
mod neighbour;

pub use advert::{Advert, Checksum};
pub use neighbour::{Arp, Membership, Neighbour};

use std::fmt;
use std::net::IpAddr;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// RFC 9568 section 7.3: the virtual MAC of a virtual router for IPv4.
    pub const fn virtual4(vrid: u8) -> Self {
        Self([0, 0, 0x5e, 0, 1, vrid])
    }

    /// The same for IPv6.
    pub const fn virtual6(vrid: u8) -> Self {
        Self([0, 0, 0x5e, 0, 2, vrid])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Advert(Advert),
    Arp(Arp),
    Neighbour(Neighbour),
    Membership(Membership),
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub from: Mac,
    pub to: Mac,
    pub content: Content,
}

/// Somebody said, unasked, where an address is: gratuitous ARP, or an unsolicited neighbour
/// advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The Ethernet source.
    pub from: Mac,
    pub address: IpAddr,
    /// Where it is said to be; `None` in a neighbour advertisement that does not say.
    pub at: Option<Mac>,
    pub frame: Frame,
}

impl Frame {
    /// `None` when it is shorter than an Ethernet header.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let to = Mac(*bytes.first_chunk()?);
        let from = Mac(*bytes.get(6..)?.first_chunk()?);
        let body = bytes.get(14..)?;
        let content = match u16_at(bytes, 12)? {
            0x0800 => ipv4(from, body),
            0x0806 => neighbour::arp(body).map(Content::Arp),
            0x86dd => ipv6(from, body),
            _ => None,
        };
        Some(Self { from, to, content: content.unwrap_or(Content::Other) })
    }

    /// The advert in it, if it is one.
    pub fn advert(&self) -> Option<Advert> {
        match &self.content {
            Content::Advert(advert) => Some(advert.clone()),
            Content::Arp(_) | Content::Neighbour(_) | Content::Membership(_) | Content::Other => {
                None
            }
        }
    }

    /// What it announces, if it does.
    pub fn announcement(&self) -> Option<Announcement> {
        let (address, at) = match &self.content {
            Content::Arp(arp) if arp.gratuitous() => (arp.sender.into(), Some(arp.sender_mac)),
            Content::Neighbour(one) if one.advertisement && !one.solicited => {
                (one.target.into(), one.link_layer)
            }
            Content::Arp(_)
            | Content::Neighbour(_)
            | Content::Advert(_)
            | Content::Membership(_)
            | Content::Other => return None,
        };
        Some(Announcement { from: self.from, address, at, frame: self.clone() })
    }
}

fn ipv4(from: Mac, packet: &[u8]) -> Option<Content> {
    match *packet.get(9)? {
        advert::VRRP => advert::over_ipv4(from, packet).map(Content::Advert),
        2 => neighbour::igmp(packet).map(Content::Membership),
        _ => None,
    }
}

fn ipv6(from: Mac, packet: &[u8]) -> Option<Content> {
    match *packet.get(6)? {
        advert::VRRP => advert::over_ipv6(from, packet).map(Content::Advert),
        58 => neighbour::neighbour(packet).map(Content::Neighbour),
        0 => neighbour::mld(packet).map(Content::Membership),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

#[cfg(test)]
mod tests;
