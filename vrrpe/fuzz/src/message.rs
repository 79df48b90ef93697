//! Adverts made by hand from what a router is configured to hear, with any field wrong if asked:
//! without the code under test, so that its encoder cannot hide a fault of its decoder.

use crate::bytes::Bytes;
use crate::config::{OURS, group, host};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::{Checksum, Family, Version};
use vrrp_core::wire::{Meta, PROTOCOL};
use vrrp_core::{Auth, Config, Transport};

/// Three bytes: what is wrong, the priority, and the end of the sender's address; then the wrong
/// values themselves.
pub fn advert(config: &Config, bytes: &mut Bytes<'_>) -> (Vec<u8>, Meta) {
    let [vrid, interval, auth, list, destination, ttl, checksum, version] = bytes.flags();
    let [priority, from] = bytes.array();
    let mut odd = |wrong: bool, right: u8| if wrong { bytes.byte() } else { right };
    let family = config.family;
    let to = match &config.transport {
        Transport::Multicast { .. } => group(family),
        Transport::Unicast { .. } => host(family, OURS),
    };
    let meta = Meta {
        source: host(family, from),
        destination: if destination { host(family, odd(true, 0)) } else { to },
        ttl: odd(ttl, 255),
    };
    let mut count = odd(list, u8::try_from(config.addresses.len()).unwrap_or(u8::MAX));
    // What has no address is no advert at all.
    count = count.max(1);
    let v2 = (config.version == Version::V2) != version;
    let mut message =
        vec![if v2 { 0x21 } else { 0x31 }, odd(vrid, config.vrid.get()), priority, count];
    if v2 {
        let secs = u8::try_from(config.advert_int.as_secs()).unwrap_or(u8::MAX);
        message.extend([odd(auth, u8::from(config.auth != Auth::None)), odd(interval, secs)]);
    } else {
        let centis = u16::try_from(config.advert_int.as_millis() / 10).unwrap_or(u16::MAX);
        let [high, low] = centis.to_be_bytes();
        message.extend([odd(interval, high), odd(interval, low)]);
    }
    message.extend([0, 0]);
    for n in 0..usize::from(count) {
        match config.addresses.get(n).copied().unwrap_or(meta.source) {
            IpAddr::V4(v4) => message.extend(v4.octets()),
            IpAddr::V6(v6) => message.extend(v6.octets()),
        }
    }
    if v2 {
        message.extend(match &config.auth {
            Auth::Pass(password) if !auth => *password,
            Auth::Pass(_) | Auth::None => [0; 8],
        });
    }
    let wrong = odd(checksum, 0);
    seal(&mut message, &meta, !v2 && has_pseudo_header(config));
    if let Some(low) = message.get_mut(7) {
        *low ^= wrong;
    }
    (message, meta)
}

fn has_pseudo_header(config: &Config) -> bool {
    config.family == Family::V6 || config.options.checksum == Checksum::Pseudo
}

/// Gives a message the right checksum.
pub fn seal(message: &mut [u8], meta: &Meta, pseudo_header: bool) {
    if let Some(place) = message.get_mut(6..8) {
        place.fill(0);
        let sum = !sum(message, meta, pseudo_header);
        message[6..8].copy_from_slice(&sum.to_be_bytes());
    }
}

/// One's complement sum of RFC 1071.
fn sum(message: &[u8], meta: &Meta, pseudo_header: bool) -> u16 {
    let mut covered = message.to_vec();
    if pseudo_header {
        for address in [meta.source, meta.destination] {
            match address {
                IpAddr::V4(v4) => covered.extend(Ipv4Addr::octets(&v4)),
                IpAddr::V6(v6) => covered.extend(Ipv6Addr::octets(&v6)),
            }
        }
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
        covered.extend([0, PROTOCOL]);
        covered.extend(length);
    }
    let words = covered.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high, ..] => u32::from(u16::from_be_bytes([high, 0])),
        [] => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}
