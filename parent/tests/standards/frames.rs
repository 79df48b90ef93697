//! Frames that a neighbour may send: questions for an address, a ping, the start of a connection, a
//! datagram; and what came back. Bytes only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_lab::frame::Mac;

/// From whom to whom, on both layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) from: Mac,
    pub(crate) to: Mac,
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
}

const BROADCAST: Mac = Mac([0xff; 6]);
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Who has `target`?
pub(crate) fn arp_request(from: Mac, source: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = [BROADCAST.0, from.0].concat();
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame.extend(from.0);
    frame.extend(source.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

/// The same over IPv6. From the unspecified address it is a probe of duplicate address detection
/// (RFC 4862 section 5.4.2), which has no link-layer option.
pub(crate) fn solicitation(from: Mac, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., a, b, c] = target.octets();
    let group =
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    if !source.is_unspecified() {
        message.extend([1, 1]);
        message.extend(from.0);
    }
    let to = Mac([0x33, 0x33, 0xff, a, b, c]);
    let ends = Ends { from, to, source: source.into(), target: group.into() };
    packet(ends, ICMPV6, 255, message, 2)
}

impl Ends {
    pub(crate) fn echo(self) -> Vec<u8> {
        let v4 = self.target.is_ipv4();
        let mut message = vec![if v4 { 8 } else { 128 }, 0, 0, 0, 0x12, 0x34, 0, 1];
        message.extend(b"is anybody there");
        packet(self, if v4 { ICMP } else { ICMPV6 }, 64, message, 2)
    }

    /// The start of a TCP connection to `port`.
    pub(crate) fn syn(self, port: u16) -> Vec<u8> {
        let mut message = 40_001_u16.to_be_bytes().to_vec();
        message.extend(port.to_be_bytes());
        message.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x20, 0, 0, 0, 0, 0]);
        packet(self, TCP, 64, message, 16)
    }

    pub(crate) fn datagram(self, port: u16) -> Vec<u8> {
        let mut message = 40_002_u16.to_be_bytes().to_vec();
        message.extend(port.to_be_bytes());
        message.extend([0, 12, 0, 0]);
        message.extend(b"mark");
        packet(self, UDP, 64, message, 6)
    }
}

/// `sum_at` is where the message has its checksum.
fn packet(ends: Ends, protocol: u8, ttl: u8, mut message: Vec<u8>, sum_at: usize) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    let mut pseudo = Vec::new();
    let mut frame = [ends.to.0, ends.from.0].concat();
    match (ends.source, ends.target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let mut header = vec![0x45, 0];
            header.extend((length + 20).to_be_bytes());
            header.extend([0, 1, 0, 0, ttl, protocol, 0, 0]);
            header.extend(source.octets());
            header.extend(target.octets());
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum);
            if protocol != ICMP {
                pseudo = [&source.octets()[..], &target.octets(), &[0, protocol]].concat();
                pseudo.extend(length.to_be_bytes());
            }
            frame.extend([0x08, 0]);
            frame.extend(header);
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            pseudo = [&source.octets()[..], &target.octets(), &[0, 0]].concat();
            pseudo.extend(length.to_be_bytes());
            pseudo.extend([0, 0, 0, protocol]);
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([protocol, ttl]);
            frame.extend([source.octets(), target.octets()].concat());
        }
        (from, to) => panic!("{from} and {to} are of two families"),
    }
    let sum = checksum(&[pseudo, message.clone()].concat());
    message[sum_at..sum_at + 2].copy_from_slice(&sum);
    frame.extend(message);
    frame
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// The IP packet of a frame, without extension headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ip<'a> {
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) message: &'a [u8],
}

pub(crate) fn ip_of(frame: &[u8]) -> Option<Ip<'_>> {
    let packet = frame.get(14..)?;
    let four = |at: usize| packet.get(at..)?.first_chunk().map(|b: &[u8; 4]| IpAddr::from(*b));
    let six = |at: usize| packet.get(at..)?.first_chunk().map(|b: &[u8; 16]| IpAddr::from(*b));
    match frame.get(12..14)? {
        [0x08, 0] => {
            let header = usize::from(packet.first()? & 0x0f) * 4;
            let (source, target) = (four(12)?, four(16)?);
            Some(Ip { source, target, protocol: *packet.get(9)?, message: packet.get(header..)? })
        }
        [0x86, 0xdd] => {
            let (source, target) = (six(8)?, six(24)?);
            Some(Ip { source, target, protocol: *packet.get(6)?, message: packet.get(40..)? })
        }
        _ => None,
    }
}

impl Ip<'_> {
    /// An answer of the kind that a host gives to a ping, a connection or a datagram: the good ones
    /// and the bad ones (reset, unreachable).
    pub(crate) fn is_answer(&self) -> bool {
        let kind = self.message.first();
        match self.protocol {
            ICMP => matches!(kind, Some(0 | 3)),
            ICMPV6 => matches!(kind, Some(1 | 129)),
            TCP => self.message.get(13).is_some_and(|flags| flags & 0x14 != 0),
            _ => false,
        }
    }

    pub(crate) fn is_echo(&self) -> bool {
        let is = |protocol, kind| self.protocol == protocol && self.message.first() == Some(&kind);
        is(ICMP, 8) || is(ICMPV6, 128)
    }

    pub(crate) fn is_redirect(&self) -> bool {
        let is = |protocol, kind| self.protocol == protocol && self.message.first() == Some(&kind);
        is(ICMP, 5) || is(ICMPV6, 137)
    }

    pub(crate) fn is_router_advertisement(&self) -> bool {
        self.protocol == ICMPV6 && self.message.first() == Some(&134)
    }
}
