//! Adverts to order: right ones, and wrong ones in one point each, as a neighbour may send them.
//! Sends through raw IP sockets, so any source address can be claimed; the Ethernet source stays
//! the neighbour's own.

use crate::error::{Context, Result};
use crate::net::INTERFACE;
use crate::node::Node;
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

/// An advert before it becomes bytes. Everything that is not given can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    pub source: IpAddr,
    /// A group or a host; of the same family as `source`.
    pub destination: IpAddr,
    pub ttl: u8,
    /// 2 or 3 decide the layout; other numbers get that of version 3.
    pub version: u8,
    /// 1 is an advert.
    pub kind: u8,
    pub vrid: u8,
    pub priority: u8,
    /// As sent: seconds in version 2 (the low 8 bits), centiseconds in version 3 (the low 12).
    pub interval: u16,
    pub addresses: Vec<IpAddr>,
    /// What the message says of their number, if not the truth.
    pub count: Option<u8>,
    pub auth_type: u8,
    pub authentication: [u8; 8],
    /// Over IPv4 in version 3; over IPv6 there always is one.
    pub pseudo_header: bool,
    /// Added to the right checksum.
    pub checksum_error: u16,
    /// The message ends after so many bytes.
    pub cut_at: Option<usize>,
    /// After the message, inside the IP packet, and not in the checksum.
    pub trailer: Vec<u8>,
}

impl Forged {
    /// A right advert: version 2 every second over IPv4, version 3 every second over IPv6.
    pub fn new(source: IpAddr, destination: IpAddr, vrid: u8, priority: u8, vip: IpAddr) -> Self {
        let version = if source.is_ipv4() { 2 } else { 3 };
        Self {
            source,
            destination,
            ttl: 255,
            version,
            kind: 1,
            vrid,
            priority,
            interval: if version == 2 { 1 } else { 100 },
            addresses: vec![vip],
            count: None,
            auth_type: 0,
            authentication: [0; 8],
            pseudo_header: true,
            checksum_error: 0,
            cut_at: None,
            trailer: Vec::new(),
        }
    }

    /// The VRRP message.
    pub fn message(&self) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let first = (self.version << 4) | (self.kind & 0x0f);
        let mut bytes = vec![first, self.vrid, self.priority, self.count.unwrap_or(count)];
        let [high, low] = self.interval.to_be_bytes();
        bytes.extend(if self.version == 2 { [self.auth_type, low] } else { [high & 0x0f, low] });
        bytes.extend([0, 0]);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        if self.version == 2 {
            bytes.extend(self.authentication);
        }
        let sum = checksum(&self.pseudo(bytes.len()), &bytes).wrapping_add(self.checksum_error);
        if let Some(field) = bytes.get_mut(6..8) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        bytes.truncate(self.cut_at.unwrap_or(usize::MAX));
        bytes.extend(&self.trailer);
        bytes
    }

    fn pseudo(&self, length: usize) -> Vec<u8> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) if self.version != 2 && self.pseudo_header => {
                bytes.extend(from.octets());
                bytes.extend(to.octets());
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                bytes.extend(from.octets());
                bytes.extend(to.octets());
            }
            (IpAddr::V4(_) | IpAddr::V6(_), _) => return bytes,
        }
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 0, 0, 112]);
        bytes
    }

    /// With its IP header. The kernel fills in identification and header checksum of IPv4.
    pub fn packet(&self) -> Vec<u8> {
        self.packet_with(&self.message())
    }

    /// Any message in the IP header of this one.
    pub fn packet_with(&self, message: &[u8]) -> Vec<u8> {
        let size = |header: usize| u16::try_from(message.len().saturating_add(header));
        let mut bytes = Vec::new();
        match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                bytes.extend([0x45, 0xc0]);
                bytes.extend(size(20).unwrap_or(u16::MAX).to_be_bytes());
                bytes.extend([0, 0, 0, 0, self.ttl, 112, 0, 0]);
                bytes.extend(from.octets());
                bytes.extend(to.octets());
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                bytes.extend([0x6c, 0, 0, 0]);
                bytes.extend(size(0).unwrap_or(u16::MAX).to_be_bytes());
                bytes.extend([112, self.ttl]);
                bytes.extend(from.octets());
                bytes.extend(to.octets());
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
        }
        bytes.extend(message);
        bytes
    }
}

/// Sums of 16-bit words do not mind their grouping, so both parts are summed apart.
fn checksum(pseudo: &[u8], message: &[u8]) -> u16 {
    let words = |bytes: &[u8]| -> u64 {
        let word = |pair: &[u8]| match pair {
            [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
            [high] => u64::from(u16::from_be_bytes([*high, 0])),
            _ => 0,
        };
        bytes.chunks(2).map(word).sum()
    };
    let mut sum = words(pseudo).saturating_add(words(message));
    while sum > 0xffff {
        sum = (sum >> 16).saturating_add(sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A raw socket of the calling thread's network namespace that takes whole IP packets.
#[derive(Debug)]
pub struct Sender {
    socket: Socket,
    to: SockAddr,
}

impl Sender {
    /// For packets to `destination` out of `interface`, whose IPv4 address is `own`.
    ///
    /// # Errors
    /// When the socket cannot be made (not root), or there is no such interface.
    pub fn open(interface: &str, own: IpAddr, destination: IpAddr) -> Result<Self> {
        let index = if_nametoindex(interface).during(interface)?;
        let raw = Some(Protocol::from(255));
        let (socket, to) = match (own, destination) {
            (IpAddr::V4(own), IpAddr::V4(to)) => {
                let socket = Socket::new(Domain::IPV4, Type::RAW, raw).during("raw socket")?;
                socket.set_multicast_if_v4(&own).during(own)?;
                socket.set_multicast_loop_v4(false).during("raw socket")?;
                (socket, SockAddr::from(SocketAddrV4::new(to, 0)))
            }
            (_, IpAddr::V6(to)) => {
                let socket = Socket::new(Domain::IPV6, Type::RAW, raw).during("raw socket")?;
                socket.set_multicast_if_v6(index).during(interface)?;
                socket.set_multicast_loop_v6(false).during("raw socket")?;
                (socket, SockAddr::from(SocketAddrV6::new(to, 0, 0, index)))
            }
            (IpAddr::V6(own), IpAddr::V4(_)) => {
                return Err(crate::Error::new(format!("{own} has no IPv4 to send")));
            }
        };
        Ok(Self { socket, to })
    }

    /// # Errors
    /// Those of the socket; without room in its queue, and for a host that nobody knows, too.
    pub fn send(&self, packet: &[u8]) -> std::io::Result<()> {
        self.socket.send_to(packet, &self.to).map(drop)
    }
}

/// Sends each of `packets` once from `node`.
///
/// # Errors
/// When one cannot be sent.
pub fn send(node: &Node, destination: IpAddr, packets: &[Vec<u8>]) -> Result<()> {
    let own = node.address().split('/').next().unwrap_or_default();
    let own: IpAddr = own.parse().during(own)?;
    node.namespace().enter(|| {
        let sender = Sender::open(INTERFACE, own, destination)?;
        packets.iter().try_for_each(|packet| sender.send(packet)).during("a forged packet")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Advert, Checksum, Frame};

    fn decoded(forged: &Forged) -> Advert {
        let kind: [u8; 2] = if forged.source.is_ipv4() { [8, 0] } else { [0x86, 0xdd] };
        let mut bytes = vec![0; 12];
        bytes.extend(kind);
        bytes.extend(forged.packet());
        Frame::decode(&bytes).unwrap().advert().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The witness was written apart from this; both know the worked examples of the RFCs.
    #[test]
    fn the_witness_agrees() {
        let v2 = Forged::new(ip("10.0.0.1"), ip("224.0.0.18"), 51, 100, ip("10.0.0.9"));
        assert_eq!((decoded(&v2).checksum, decoded(&v2).length), (Checksum::Message, 20));
        let v3 = Forged { version: 3, interval: 100, ..v2.clone() };
        assert_eq!(decoded(&v3).checksum, Checksum::PseudoHeader);
        let plain = Forged { pseudo_header: false, ..v3 };
        assert_eq!(decoded(&plain).checksum, Checksum::Message);
        let v6 = Forged::new(ip("fe80::1"), ip("ff02::12"), 51, 100, ip("fe80::9"));
        assert_eq!((decoded(&v6).checksum, decoded(&v6).ttl), (Checksum::PseudoHeader, 255));
        let wrong = Forged { checksum_error: 1, ..v6 };
        assert_eq!(decoded(&wrong).checksum, Checksum::Wrong);
    }
}
