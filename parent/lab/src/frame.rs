//! Reads Ethernet frames far enough to tell adverts and ARP apart. Written apart from the daemon's
//! own decoder on purpose: a witness must not share the mistakes of the one it watches.

use std::fmt;
use std::net::Ipv4Addr;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

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

/// A VRRP advertisement over IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
    pub version: u8,
    pub vrid: u8,
    pub priority: u8,
    /// As sent: seconds in version 2, centiseconds in version 3.
    pub interval: u16,
    pub addresses: Vec<Ipv4Addr>,
    pub checksum_ok: bool,
    /// Of the VRRP message, without the IP header.
    pub length: usize,
}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Advert(Advert),
    Arp(Arp),
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub from: Mac,
    pub to: Mac,
    pub content: Content,
}

impl Frame {
    /// `None` when it is shorter than an Ethernet header.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let to = Mac(*bytes.first_chunk()?);
        let from = Mac(*bytes.get(6..)?.first_chunk()?);
        let body = bytes.get(14..)?;
        let content = match u16_at(bytes, 12)? {
            0x0800 => advert(body).map(Content::Advert),
            0x0806 => arp(body).map(Content::Arp),
            _ => None,
        };
        Some(Self { from, to, content: content.unwrap_or(Content::Other) })
    }
}

fn advert(packet: &[u8]) -> Option<Advert> {
    let header = usize::from(packet.first()? & 0x0f).checked_mul(4)?;
    let total = usize::from(u16_at(packet, 2)?);
    if *packet.get(9)? != 112 {
        return None;
    }
    let (source, destination) = (ipv4_at(packet, 12)?, ipv4_at(packet, 16)?);
    let message = packet.get(header..total)?;
    let version = message.first()? >> 4;
    let count = usize::from(*message.get(3)?);
    let interval = match version {
        2 => u16::from(*message.get(5)?),
        _ => u16_at(message, 4)? & 0x0fff,
    };
    let addresses = message.get(8..)?.chunks_exact(4).take(count);
    let mut pseudo = Vec::new();
    if version == 3 {
        pseudo.extend(source.octets());
        pseudo.extend(destination.octets());
        pseudo.extend([0, 112]);
        pseudo.extend(u16::try_from(message.len()).ok()?.to_be_bytes());
    }
    pseudo.extend(message);
    Some(Advert {
        source,
        destination,
        ttl: *packet.get(8)?,
        version,
        vrid: *message.get(1)?,
        priority: *message.get(2)?,
        interval,
        addresses: addresses.filter_map(|four| ipv4_at(four, 0)).collect(),
        checksum_ok: ones_complement(&pseudo) == 0xffff,
        length: message.len(),
    })
}

fn arp(packet: &[u8]) -> Option<Arp> {
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

/// 0xffff over a message that carries its right checksum.
fn ones_complement(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum: u16, pair| {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([high, low]));
        sum.wrapping_add(u16::from(carry))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..)?.first_chunk().map(|four: &[u8; 4]| Ipv4Addr::from(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An advert for 10.88.88.100 in version 2, priority 111, every second.
    fn example() -> Vec<u8> {
        let mut bytes = vec![1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 1, 8, 0];
        bytes.extend([0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, 112, 0, 0]);
        bytes.extend([10, 88, 88, 20, 10, 88, 88, 30]);
        bytes.extend([0x21, 51, 111, 1, 0, 1, 0, 0, 10, 88, 88, 100]);
        bytes.extend([0; 8]);
        let sum = !ones_complement(&bytes[34..54]);
        bytes[40..42].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn advert_is_decoded() {
        let frame = Frame::decode(&example()).unwrap();
        let Content::Advert(advert) = frame.content else { panic!("{frame:?}") };
        assert_eq!((advert.version, advert.vrid, advert.priority), (2, 51, 111));
        assert_eq!((advert.interval, advert.length, advert.ttl), (1, 20, 255));
        assert_eq!(advert.addresses, [Ipv4Addr::new(10, 88, 88, 100)]);
        assert!(advert.checksum_ok);
    }

    #[test]
    fn wrong_checksum_is_seen() {
        let mut bytes = example();
        bytes[36] = 112;
        let frame = Frame::decode(&bytes).unwrap();
        assert!(matches!(frame.content, Content::Advert(Advert { checksum_ok: false, .. })));
    }

    #[test]
    fn every_cut_is_survived() {
        let bytes = example();
        for length in 0..bytes.len() {
            let _ = Frame::decode(&bytes[..length]);
        }
    }
}
