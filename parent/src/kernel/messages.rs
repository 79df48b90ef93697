//! Addresses and links in the words of rtnetlink, and back. Sends nothing, and decides nothing but
//! which flag says what.

use super::paths::PROTOCOL;
use super::{Address, Lifetime, LinkState, Preferred, Present};
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol,
    AddressScope, CacheInfo,
};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use std::net::IpAddr;
use std::sync::LazyLock;

/// Does the kernel keep tags? One that does tells of none where none was given.
static TAGS: LazyLock<bool> = LazyLock::new(|| {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or(true, |release| keeps_tags(&release))
});

/// IFA_PROTO came with Linux 5.18.
fn keeps_tags(release: &str) -> bool {
    let numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 18)
}

/// What names an address, enough to remove it.
pub(super) fn name(address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    (message.header.family, message.header.scope) = match address.ip {
        IpAddr::V4(_) => (AddressFamily::Inet, address.scope.into()),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => (AddressFamily::Inet6, AddressScope::Link),
        IpAddr::V6(_) => (AddressFamily::Inet6, AddressScope::Universe),
    };
    message.header.prefix_len = address.prefix;
    message.header.index = address.index;
    message.attributes.push(AddressAttribute::Local(address.ip));
    message.attributes.push(AddressAttribute::Address(address.peer.unwrap_or(address.ip)));
    message
}

/// With `foreign_route`, the route to the subnet belongs to an address that is not ours.
pub(super) fn whole(address: &Address, lifetime: Lifetime, foreign_route: bool) -> AddressMessage {
    let mut message = name(address);
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
    let wanted = address.flags;
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Nodad, address.nodad && address.ip.is_ipv6());
    flags.set(AddressFlags::Homeaddress, wanted.home);
    flags.set(AddressFlags::Managetempaddr, wanted.mngtmpaddr);
    flags.set(AddressFlags::Noprefixroute, foreign_route || wanted.noprefixroute);
    flags.set(AddressFlags::Mcautojoin, wanted.autojoin);
    if !flags.is_empty() || address.ip.is_ipv6() {
        attributes.push(AddressAttribute::Flags(flags));
    }
    if address.ip.is_ipv4() {
        attributes.extend(address.broadcast.map(AddressAttribute::Broadcast));
        attributes.extend(address.label.clone().map(AddressAttribute::Label));
    }
    let mut cache = CacheInfo::default();
    cache.ifa_valid = lifetime.unwrap_or(u32::MAX);
    cache.ifa_preferred = match address.preferred {
        Preferred::Always => cache.ifa_valid,
        Preferred::Never => 0,
        Preferred::Seconds(seconds) => seconds.min(cache.ifa_valid),
    };
    attributes.push(AddressAttribute::CacheInfo(cache));
    message
}

pub(super) fn present(message: &RouteNetlinkMessage) -> Option<Present> {
    let (RouteNetlinkMessage::NewAddress(message) | RouteNetlinkMessage::DelAddress(message)) =
        message
    else {
        return None;
    };
    let mut ip = None;
    let mut protocol = None;
    let mut leased = false;
    for attribute in &message.attributes {
        if let AddressAttribute::Local(local) = attribute {
            ip = Some(*local);
        } else if let AddressAttribute::Address(address) = attribute {
            ip = ip.or(Some(*address));
        } else if let AddressAttribute::Protocol(tag) = attribute {
            protocol = Some(u8::from(*tag));
        } else if let AddressAttribute::CacheInfo(cache) = attribute {
            leased = cache.ifa_valid != u32::MAX;
        }
    }
    let flag = |flag| message.header.flags.contains(flag);
    Some(Present {
        ip: ip?,
        prefix: message.header.prefix_len,
        index: message.header.index,
        ours: protocol.map_or(leased && !*TAGS, |tag| tag == PROTOCOL),
        secondary: flag(AddressHeaderFlags::Secondary),
        tentative: flag(AddressHeaderFlags::Tentative),
        dadfailed: flag(AddressHeaderFlags::Dadfailed),
        deprecated: flag(AddressHeaderFlags::Deprecated),
    })
}

pub(super) fn link_state(message: &RouteNetlinkMessage) -> Option<(u32, LinkState)> {
    let RouteNetlinkMessage::NewLink(link) = message else { return None };
    let flags = link.header.flags;
    let mac = link.attributes.iter().find_map(|attribute| {
        let LinkAttribute::Address(mac) = attribute else { return None };
        mac.as_slice().try_into().ok()
    });
    let state = LinkState {
        up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        mac,
        resolves: !flags.intersects(LinkFlags::Loopback | LinkFlags::Noarp),
    };
    Some((link.header.index, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_keep_tags() {
        let keep = ["5.18.0", "5.19-rc1", "6.1.0-39-amd64", "10.0"];
        assert!(keep.into_iter().all(keeps_tags));
        let lose = ["5.17.15", "5.10.0-33-amd64", "4.19.0", "5", ""];
        assert!(!lose.into_iter().any(keeps_tags));
    }
}
