//! The checksum of a VRRP message (RFC 1071) in its three forms. Only sums; which form is accepted
//! or sent is decided by those who ask.

use super::{GROUP_V4, Layout, Meta, PROTOCOL};
use core::net::IpAddr;
use vipd_types::Family;

/// What a right checksum covered beside the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing: VRRPv2, and VRRPv3 over IPv4 (RFC 9568 5.2.8).
    Plain,
    /// A pseudo-header: VRRPv3 over IPv6, and over IPv4 by a reading of RFC 5798 5.2.8.
    Pseudo,
    /// A pseudo-header with the group as destination although the advert is unicast: keepalived
    /// up to 1.3.6, IPv4 only.
    PseudoMulticast,
}

/// The form in which the checksum is right; plain before the others, where more than one is.
pub(super) fn form(bytes: &[u8], layout: Layout, meta: &Meta) -> Option<Form> {
    let message = sum(bytes);
    let with = |destination| match pseudo_header(meta.source, destination, bytes.len()) {
        Some(pseudo) => is_right(add(message, pseudo)),
        None => false,
    };
    let group = IpAddr::V4(GROUP_V4);
    match layout {
        Layout::V2 => is_right(message).then_some(Form::Plain),
        Layout::V3(Family::V6) => with(meta.destination).then_some(Form::Pseudo),
        Layout::V3(Family::V4) if is_right(message) => Some(Form::Plain),
        Layout::V3(Family::V4) if with(meta.destination) => Some(Form::Pseudo),
        Layout::V3(Family::V4) => with(group).then_some(Form::PseudoMulticast),
    }
}

/// Whether the plain form and that with a pseudo-header are the same number for these addresses.
pub(super) fn forms_agree(meta: &Meta, len: usize) -> bool {
    pseudo_header(meta.source, meta.destination, len).is_some_and(is_right)
}

/// One's complement sum, folded.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let odd = rest.first().map_or(0, |last| u16::from_be_bytes([*last, 0]));
    words.iter().map(|word| u16::from_be_bytes(*word)).fold(odd, add)
}

pub(crate) fn add(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(u16::from(carry))
}

/// The sum of the pseudo-header; `None` for addresses of two families. IPv4 has the length in 16
/// bits, IPv6 (RFC 8200 8.1) in 32; the sum is the same for any length of an advert.
pub(crate) fn pseudo_header(source: IpAddr, destination: IpAddr, len: usize) -> Option<u16> {
    let addresses = match (source, destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => add(sum(&from.octets()), sum(&to.octets())),
        (IpAddr::V6(from), IpAddr::V6(to)) => add(sum(&from.octets()), sum(&to.octets())),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let len = u16::try_from(len).ok()?;
    Some(add(addresses, add(len, u16::from(PROTOCOL))))
}

/// Over everything that is covered, the checksum included: 0x0000 and 0xffff are the same number.
fn is_right(sum: u16) -> bool {
    sum == 0xffff
}
