//! Adverts to bytes (RFC 3768 5.1): the VRRP message, which the socket puts behind its own IP
//! header. Writes into the caller's buffer and allocates nothing.

use crate::config::{Auth, Config};
use crate::wire;
use core::net::IpAddr;
use vipd_types::Version;

/// `None` if the buffer is too short, there are more than 255 addresses, or the router speaks a
/// version this encoder does not.
pub(crate) fn advert<'b>(config: &Config, priority: u8, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    match config.version {
        Version::V2 => {}
        Version::V3 => return None,
    }
    let addresses = config.addresses.iter().filter_map(|address| match address {
        IpAddr::V4(v4) => Some(v4.octets()),
        IpAddr::V6(_) => None,
    });
    let count = u8::try_from(addresses.clone().count()).ok()?;
    let message = buffer.get_mut(..wire::message_len(usize::from(count)))?;
    let (auth_type, auth_data) = match config.auth {
        Auth::None => (0, [0; 8]),
        Auth::Pass(password) => (1, password),
    };
    let (fixed, rest) = message.split_first_chunk_mut::<8>()?;
    *fixed = [0x21, config.vrid.get(), priority, count, auth_type, interval_secs(config), 0, 0];
    let (list, auth) = rest.split_last_chunk_mut::<8>()?;
    for (place, octets) in list.as_chunks_mut::<4>().0.iter_mut().zip(addresses) {
        *place = octets;
    }
    *auth = auth_data;
    let checksum = (!wire::sum(message)).to_be_bytes();
    message.get_mut(6..8)?.copy_from_slice(&checksum);
    Some(message)
}

/// Advertisement_Interval as it stands in the advert; 1 to 255.
pub(crate) fn interval_secs(config: &Config) -> u8 {
    u8::try_from(config.advert_int.as_secs()).unwrap_or(u8::MAX).max(1)
}
