//! Addresses of hosts and of multicast groups, as words. Knows which of them can be what; whether
//! one fits an instance is not known here.

use super::value::{one, text};
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use crate::tree::Item;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::Family;

pub(super) fn parse(word: &Word) -> Option<IpAddr> {
    std::str::from_utf8(&word.bytes).ok()?.parse().ok()
}

/// Any address; what is none is spoken of.
pub(super) fn address(word: &Word, say: &mut Say) -> Option<IpAddr> {
    let found = parse(word);
    if found.is_none() {
        let message = format!("`{}` is no address, it is left out", word.show());
        let remedy = if word.bytes.contains(&b'%') {
            "write it without `%`: the interface is that of the instance"
        } else {
            "write an IPv4 or IPv6 address, one a line, without a comma"
        };
        say.warn(word.span, message, remedy);
    }
    found
}

/// Whether adverts may come from it: 0/8, 127/8 and all from 224/4 on are no source.
fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, ..] = a.octets();
            first != 0 && first < 224 && !a.is_loopback()
        }
        IpAddr::V6(_) => can_be_virtual(address),
    }
}

/// Whether an interface can hold it.
pub(super) fn can_be_virtual(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => !a.is_multicast() && !a.is_unspecified() && !a.is_broadcast(),
        IpAddr::V6(a) => {
            let other = a.is_unspecified() || a.is_loopback() || a.to_ipv4_mapped().is_some();
            !a.is_multicast() && !other
        }
    }
}

/// Another node.
pub(super) fn peer(line: &Item, say: &mut Say) -> Option<IpAddr> {
    let address = address(&line.keyword, say)?;
    if !is_host(address) {
        let message = format!("`{address}` cannot be a peer, the line is skipped");
        say.warn(line.span(), message, "write the address of another node");
        return None;
    }
    Some(address)
}

pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    }
}

/// `unicast_src_ip` and `mcast_src_ip`
pub(super) fn source(item: &Item, say: &mut Say) -> Option<(IpAddr, Span)> {
    let word = one(item, say)?;
    let address = address(word, say)?;
    if !is_host(address) {
        let message = format!("`{address}` cannot be a source address, it is ignored");
        say.warn(word.span, message, "write an address of this node");
        return None;
    }
    Some((address, word.span))
}

/// The group of the RFCs (RFC 9568 5.1.1.2, 5.1.2.2).
pub(super) const fn default_group(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
    }
}

/// A multicast group, of the family if one is asked for. An IPv6 group must not reach beyond the
/// link.
pub(super) fn group(item: &Item, family: Option<Family>, say: &mut Say) -> Option<(IpAddr, Span)> {
    let word = one(item, say)?;
    let of_family = |a: &IpAddr| family.is_none_or(|family| Family::from(a) == family);
    let found = parse(word).filter(|a| is_group(*a) && of_family(a));
    if found.is_none() {
        let (kind, remedy) = match family {
            Some(Family::V4) => ("IPv4", V4_GROUPS.to_owned()),
            Some(Family::V6) => ("IPv6 link-local", V6_GROUPS.to_owned()),
            None => ("usable", format!("{V4_GROUPS}, or {V6_GROUPS}")),
        };
        let instead = match family {
            Some(family) => default_group(family).to_string(),
            None => "the default".to_owned(),
        };
        let message = format!("`{}` is no {kind} multicast group; {instead} is used", word.show());
        say.warn(word.span, message, format!("write {remedy}"));
    }
    found.map(|group| (group, word.span))
}

const V4_GROUPS: &str = "an address from 224.0.0.0 to 239.255.255.255";
const V6_GROUPS: &str = "an address that begins with ff02:";

fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_multicast(),
        IpAddr::V6(a) => {
            let [first, second, ..] = a.octets();
            first == 0xff && second & 0xf == 2
        }
    }
}

/// `net_namespace`. Nothing that leads elsewhere than to a name in /run/netns.
pub(super) fn namespace(item: &Item, say: &mut Say) -> Option<String> {
    let word = one(item, say)?;
    let name = text(word, say);
    if name.contains('/') || name == "." || name == ".." {
        let message = format!("`net_namespace` is a name and no path, not `{}`", word.show());
        say.error(word.span, message, "write the name that `ip netns list` shows");
        return None;
    }
    Some(name)
}
