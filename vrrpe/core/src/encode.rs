//! Adverts to bytes (RFC 3768 5.1, RFC 9568 5.1): the VRRP message, which the socket puts behind
//! its IP header. Writes into the caller's buffer and allocates nothing.

use crate::config::{Auth, Config};
use crate::wire::{self, Layout};
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::{Checksum, Family};

/// `None` if the buffer is too short, there are more than 255 addresses, no such protocol exists,
/// or the checksum needs a source and there is none of the destination's family.
pub(crate) fn advert<'b>(
    config: &Config,
    interval: Duration,
    priority: u8,
    source: Option<IpAddr>,
    destination: IpAddr,
    buffer: &'b mut [u8],
) -> Option<&'b [u8]> {
    let layout = Layout::of(config.version, config.family)?;
    let count = u8::try_from(config.listed().count()).ok()?;
    let message = buffer.get_mut(..layout.len(usize::from(count)))?;
    let (fixed, rest) = message.split_first_chunk_mut::<8>()?;
    let (first, [fifth, sixth]) = match layout {
        Layout::V2 => (0x21, [auth(config).0, seconds(interval)]),
        Layout::V3(_) => (0x31, centiseconds(interval).to_be_bytes()),
    };
    *fixed = [first, config.vrid.get(), priority, count, fifth, sixth, 0, 0];
    let mut rest = &mut *rest;
    for address in config.listed() {
        rest = match address {
            IpAddr::V4(v4) => put(rest, v4.octets())?,
            IpAddr::V6(v6) => put(rest, v6.octets())?,
        };
    }
    if layout == Layout::V2 {
        put(rest, auth(config).1)?;
    }
    let covered = match (layout, config.options.checksum) {
        (Layout::V2, _) | (Layout::V3(Family::V4), Checksum::Plain) => 0,
        (Layout::V3(_), _) => wire::pseudo_header(source?, destination, message.len())?,
    };
    let checksum = (!wire::add(wire::sum(message), covered)).to_be_bytes();
    message.get_mut(6..8)?.copy_from_slice(&checksum);
    Some(message)
}

/// Advertisement_Interval of VRRPv2: whole seconds, 1 to 255.
fn seconds(interval: Duration) -> u8 {
    u8::try_from(interval.as_secs()).unwrap_or(u8::MAX)
}

/// Advertisement_Interval of VRRPv3: centiseconds, 1 to 4095, so that the reserved bits are zero.
fn centiseconds(interval: Duration) -> u16 {
    let centis = interval.as_millis().checked_div(10).unwrap_or_default();
    u16::try_from(centis).unwrap_or(u16::MAX)
}

fn auth(config: &Config) -> (u8, [u8; 8]) {
    match config.auth {
        Auth::None => (0, [0; 8]),
        Auth::Pass(password) => (1, password),
    }
}

/// Writes to the front of `place` and returns what is behind.
fn put<const N: usize>(place: &mut [u8], octets: [u8; N]) -> Option<&mut [u8]> {
    let (front, behind) = place.split_first_chunk_mut::<N>()?;
    *front = octets;
    Some(behind)
}
