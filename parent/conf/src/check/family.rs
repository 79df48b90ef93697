//! Which family an instance is of, and what in it is of the other. The first virtual address decides,
//! as in keepalived; a stranger among its lines is left out with a warning.

use super::instance::Draft;
use crate::diagnostic::{Say, Span};
use std::net::IpAddr;
use vipd_types::Family;

pub(super) fn settle(draft: &mut Draft, say: &mut Say) -> Family {
    let family = decide(draft);
    if let Some(at) = draft.native_ipv6.filter(|_| family == Family::V4) {
        let message = "`native_ipv6` has no effect: the first address is IPv4, as in keepalived";
        say.warn(at, message, "remove it, or write an IPv6 address first");
    }
    addresses(draft, family, say);
    let source = draft.source.as_ref().map(|(address, at, _)| (*address, *at));
    if stranger(source, family, "the default source is used", say) {
        draft.source = None;
    }
    if stranger(draft.group, family, "the default group is used", say) {
        draft.group = None;
    }
    if let Some(peers) = &mut draft.peers {
        peers.found.retain(|(peer, at)| {
            !stranger(Some((peer.address, *at)), family, "the line is skipped", say)
        });
    }
    family
}

fn decide(draft: &Draft) -> Family {
    let peer = draft.peers.as_ref().and_then(|peers| peers.found.first());
    let first = draft.addresses.first().map(|(vip, _)| vip.address);
    let other = draft.source.as_ref().map(|(address, ..)| *address);
    let other = other.or(peer.map(|(peer, _)| peer.address));
    let other = other.or(draft.group.map(|(group, _)| group));
    match (first, draft.native_ipv6) {
        (Some(address), _) => Family::from(&address),
        (None, Some(_)) => Family::V6,
        (None, None) => other.map_or(Family::V4, |address| Family::from(&address)),
    }
}

/// The node is no less safe without the stranger, which keepalived drops as well.
fn addresses(draft: &mut Draft, family: Family, say: &mut Say) {
    draft.addresses.retain(|(vip, at)| {
        let fits = Family::from(&vip.address) == family;
        if !fits {
            let message = format!(
                "{} is not {}, as the first address of this instance is: it is LEFT OUT, as in \
                 keepalived",
                vip.address,
                show(family)
            );
            let remedy = "write it into `virtual_ipaddress_excluded { … }`, or give it an instance \
                          of its own with the same virtual_router_id, and both a vrrp_sync_group";
            say.warn(*at, message, remedy);
        }
        fits
    });
}

/// True if the address is of the other family; that is then said.
fn stranger(said: Option<(IpAddr, Span)>, family: Family, instead: &str, say: &mut Say) -> bool {
    let Some((address, at)) = said.filter(|(address, _)| Family::from(address) != family) else {
        return false;
    };
    let family = show(family);
    let message = format!("`{address}` is not {family}, as this instance is: {instead}");
    say.warn(at, message, format!("write an {family} address"));
    true
}

fn show(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
