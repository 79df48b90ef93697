//! VRRP messages made byte by byte, without the code under test. Right unless a test says otherwise.

use crate::common::{LINK_LOCAL_VIP, VIP, VIP_V6};
use std::net::{IpAddr, Ipv4Addr};
use vrrp_core::Meta;

/// A VRRPv2 message made without the code under test.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) version_type: u8,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) interval: u8,
    pub(crate) auth_type: u8,
    pub(crate) auth: [u8; 8],
    pub(crate) addresses: Vec<Ipv4Addr>,
}

impl Message {
    pub(crate) fn new(priority: u8) -> Self {
        Self {
            version_type: 0x21,
            vrid: 51,
            priority,
            interval: 1,
            auth_type: 0,
            auth: [0; 8],
            addresses: vec![VIP],
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap();
        let mut bytes = vec![self.version_type, self.vrid, self.priority, count];
        bytes.extend([self.auth_type, self.interval, 0, 0]);
        bytes.extend(self.addresses.iter().flat_map(|address| address.octets()));
        bytes.extend(self.auth);
        let checksum = !sum(&bytes);
        bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

/// What the checksum of a VRRPv3 message covers beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Covers {
    Nothing,
    /// Source and destination of the packet.
    Header,
    /// A header with this destination.
    Destination(IpAddr),
    /// A header with this protocol number.
    Protocol(u8),
}

/// A VRRPv3 message.
#[derive(Clone)]
pub(crate) struct V3 {
    pub(crate) version_type: u8,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    /// With the reserved bits.
    pub(crate) interval: u16,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) covers: Covers,
}

impl V3 {
    /// Plain, 100 centiseconds.
    pub(crate) fn v4(priority: u8) -> Self {
        let addresses = vec![IpAddr::V4(VIP)];
        let covers = Covers::Nothing;
        Self { version_type: 0x31, vrid: 51, priority, interval: 100, addresses, covers }
    }

    pub(crate) fn v6(priority: u8) -> Self {
        let addresses = vec![LINK_LOCAL_VIP.into(), VIP_V6.into()];
        Self { addresses, covers: Covers::Header, ..Self::v4(priority) }
    }

    pub(crate) fn every(self, centis: u16) -> Self {
        Self { interval: centis, ..self }
    }

    pub(crate) fn bytes(&self, meta: &Meta) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap();
        let mut bytes = vec![self.version_type, self.vrid, self.priority, count];
        bytes.extend(self.interval.to_be_bytes());
        bytes.extend([0, 0]);
        for address in &self.addresses {
            bytes.extend(octets(*address));
        }
        let mut all = bytes.clone();
        let header = match self.covers {
            Covers::Nothing => None,
            Covers::Header => Some((meta.destination, 112)),
            Covers::Destination(other) => Some((other, 112)),
            Covers::Protocol(other) => Some((meta.destination, other)),
        };
        if let Some((destination, protocol)) = header {
            all.extend(octets(meta.source));
            all.extend(octets(destination));
            all.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            all.extend([0, 0, 0, protocol]);
        }
        let checksum = !sum(&all);
        bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) * 256 + u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = sum % 0x1_0000 + sum / 0x1_0000;
    }
    u16::try_from(sum).unwrap()
}
