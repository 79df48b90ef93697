//! A virtual router's configuration out of bytes: the only place that builds one. Within what the
//! configuration's checks let through, since the core relies on them.

use crate::bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use vipd_types::{Checksum, Family, Options, Peer, Priority, Version, Vrid};
use vrrp_core::wire::GROUP_V4;
use vrrp_core::{Auth, Config, Transport};

/// Four bytes: flags, priority, interval, and how many addresses and peers; then, if the last flag
/// is set, the options.
pub fn config(bytes: &mut Bytes<'_>) -> Config {
    let [v3, v6, unicast, nopreempt, rfc_timers, pass, any_source, odd] = bytes.flags();
    let [priority, interval, counts] = bytes.array();
    let (version, family) = match (v3, v6) {
        (false, _) => (Version::V2, Family::V4),
        (true, false) => (Version::V3, Family::V4),
        (true, true) => (Version::V3, Family::V6),
    };
    // All of them, or a few; a router without addresses is possible.
    let addresses = if counts >> 4 == 15 { 255 } else { counts >> 4 & 3 };
    let options = if odd { options(bytes, family) } else { Options::default() };
    let peers = (0..=counts & 3).map(|n| Peer {
        min_ttl: options.unicast_ttl,
        ..Peer::new(host(family, n.saturating_add(PEER)))
    });
    let transport = if unicast {
        Transport::Unicast { peers: peers.collect(), check_source: !any_source }
    } else {
        Transport::Multicast { group: group(family) }
    };
    Config {
        vrid: Vrid::try_from(VRID).unwrap(),
        version,
        family,
        priority: Priority::try_from(priority).unwrap_or(Priority::DEFAULT),
        advert_int: match version {
            Version::V2 => Duration::from_secs(u64::from(interval.max(1))),
            // 10 ms to 40.95 s; the longest for 255.
            Version::V3 => Duration::from_millis(match interval {
                255 => 40_950,
                n => u64::from(n).saturating_add(1).saturating_mul(10),
            }),
        },
        preempt: !nopreempt,
        fast_handover: !rfc_timers,
        options,
        auth: if pass && version == Version::V2 { Auth::Pass(PASSWORD) } else { Auth::None },
        transport,
        addresses: (0..addresses).map(|n| virtual_address(family, n)).collect(),
    }
}

fn options(bytes: &mut Bytes<'_>, family: Family) -> Options {
    let [no_answer, send_first, deaf_owner, skip, drop, plain, strict, capped] = bytes.flags();
    let [delay, adverts, ttl] = bytes.array();
    Options {
        preempt_delay: Duration::from_secs(u64::from(delay)),
        down_timer_adverts: adverts.clamp(1, 100),
        lower_prio_no_advert: no_answer,
        higher_prio_send_advert: send_first,
        owner_ignore_adverts: deaf_owner,
        skip_check_adv_addr: skip,
        drop_adv_addr_mismatch: drop,
        checksum: if plain && family == Family::V4 { Checksum::Plain } else { Checksum::Pseudo },
        strict_checksum: strict,
        max_learned_interval: capped.then(|| Duration::from_secs(2)),
        unicast_ttl: ttl,
    }
}

pub const VRID: u8 = 51;
pub const PASSWORD: [u8; 8] = *b"secret12";
/// Hosts by the end of their addresses: ours, another of ours, and the first of the peers.
pub const OURS: u8 = 3;
pub const OURS_TOO: u8 = 9;
pub const PEER: u8 = 4;

pub fn host(family: Family, last: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(last))),
    }
}

/// The first over IPv6 is link-local, as RFC 9568 5.2.9 wants it.
pub fn virtual_address(family: Family, n: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, n.wrapping_add(100))),
        Family::V6 if n == 0 => host(family, 100),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(n))),
    }
}

pub fn group(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(GROUP_V4),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
    }
}
