//! The fields of a message that passed `decode`. Reads only; what they must be is checked elsewhere.

use super::{AUTH_DATA, FIXED, Layout};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use vipd_types::Family;

/// The whole VRRP message, of exactly the length its address count asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    bytes: &'a [u8],
    layout: Layout,
}

impl<'a> Body<'a> {
    pub(super) fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self { bytes, layout }
    }

    /// Max Advertise Interval; zero is possible on the wire. VRRPv2 has whole seconds, VRRPv3
    /// centiseconds in 12 bits behind 4 that are reserved (RFC 9568 5.2.6).
    pub fn interval(self) -> Duration {
        match self.layout {
            Layout::V2 => Duration::from_secs(u64::from(self.byte(5))),
            Layout::V3(_) => {
                let centis = u16::from_be_bytes([self.byte(4), self.byte(5)]) & 0x0fff;
                Duration::from_millis(u64::from(centis).saturating_mul(10))
            }
        }
    }

    pub fn checksum(self) -> u16 {
        u16::from_be_bytes([self.byte(6), self.byte(7)])
    }

    /// How many addresses there are; 1 to 255.
    pub fn count(self) -> usize {
        usize::from(self.byte(3))
    }

    /// In the order of the message, all of the family of its IP header.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> + Clone + 'a {
        let (v4, v6): (&[u8], &[u8]) = match self.layout {
            Layout::V2 | Layout::V3(Family::V4) => (self.list(), &[]),
            Layout::V3(Family::V6) => (&[], self.list()),
        };
        let v4 = v4.as_chunks::<4>().0.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
        let v6 = v6.as_chunks::<16>().0.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)));
        v4.chain(v6)
    }

    /// Type and data of the authentication; VRRPv3 has none.
    pub fn auth(self) -> Option<(u8, [u8; 8])> {
        match self.layout {
            Layout::V2 => Some((self.byte(4), self.bytes.last_chunk().copied()?)),
            Layout::V3(_) => None,
        }
    }

    pub(super) fn len(self) -> usize {
        self.bytes.len()
    }

    fn list(self) -> &'a [u8] {
        let trailer = match self.layout {
            Layout::V2 => AUTH_DATA,
            Layout::V3(_) => 0,
        };
        let end = self.bytes.len().saturating_sub(trailer);
        self.bytes.get(FIXED..end).unwrap_or(&[])
    }

    fn byte(self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }
}

/// Without the authentication data, so that a password never gets into a log.
impl core::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Body({:?}, {} bytes)", self.layout, self.bytes.len())
    }
}
