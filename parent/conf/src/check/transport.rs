//! What an instance sends and to whom: its addresses as far as they must fit into an advert, and the
//! choice between peers and a group.

use super::host::is_link_local;
use super::instance::{Draft, Facts};
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use std::fmt::Display;
use vipd_types::{Family, Peer, Version};

/// The count in an advert is one byte (RFC 9568 5.2.5).
const MOST_V4: usize = 255;
/// (1500 - 40 - 8) / 16: an advert must not be cut into fragments, and Ethernet has 1500 bytes.
const MOST_V6: usize = 90;

impl Draft<'_> {
    /// How many there are, and which is first.
    pub(super) fn addresses(&self, facts: &Facts, strict: Option<Span>, say: &mut Say) {
        let (most, why) = match facts.family {
            Family::V4 => (MOST_V4, "the number of addresses is one byte"),
            Family::V6 => (MOST_V6, "more do not fit into 1500 bytes"),
        };
        if let Some((vip, at)) = self.addresses.get(most) {
            let count = self.addresses.len();
            let message = format!(
                "{count} addresses, but an advert holds {most} ({why}): {} is the first too many \
                 (keepalived would no longer advertise it)",
                vip.address
            );
            say.error(*at, message, "write the rest into `virtual_ipaddress_excluded { … }`");
        }
        let first = self.addresses.first().filter(|_| facts.family == Family::V6);
        if let Some((vip, at)) = first.filter(|(vip, _)| !is_link_local(vip.address)) {
            let message = format!(
                "the first address of an IPv6 router is to be link-local (RFC 9568 5.2.9), and {} \
                 is not",
                vip.address
            );
            let remedy = "write an fe80:: address first, the same on all nodes";
            match strict {
                Some(_) => say.error(*at, message, remedy),
                None => say.hint(*at, message, remedy),
            }
        }
    }

    pub(super) fn transport(&self, name: &Word, facts: &Facts, say: &mut Say) {
        if let Some(at) = self.wants_peers.filter(|_| !facts.unicast) {
            let message = "`unicast_fault_no_peer`: there is no peer, and multicast is not wanted";
            say.error(at, message, "write the other nodes' addresses into `unicast_peer { … }`");
        } else if let Some(peers) = self.peers.as_ref().filter(|_| !facts.unicast) {
            if peers.lines == 0 {
                let message = format!("no peers: instance `{}` uses multicast", name.show());
                say.warn(peers.at, message, "write the other nodes' addresses, one a line");
            } else {
                let message = "no line here is a usable address; adverts would go to multicast";
                say.error(peers.at, message, "write the other nodes' addresses, one a line");
            }
        }
        if let Some((_, at)) = self.group.filter(|_| facts.unicast) {
            let message = "`mcast_dst_ip` has no effect: adverts go to the peers, one by one";
            say.warn(at, message, "remove it, or `unicast_peer`");
        }
        self.source(facts, say);
    }

    fn source(&self, facts: &Facts, say: &mut Say) {
        let Some((address, at, item)) = &self.source else { return };
        if item.keyword.is("unicast_src_ip") && self.peers.is_none() {
            let message = "`unicast_src_ip` without `unicast_peer`: adverts go to multicast, from \
                           this address";
            say.warn(item.span(), message, "add `unicast_peer { … }`, or write `mcast_src_ip`");
        } else if item.keyword.is("mcast_src_ip") && facts.unicast {
            let message = "`mcast_src_ip` with `unicast_peer`: used as the source of unicast";
            say.hint(item.span(), message, "write `unicast_src_ip`");
        }
        if address.is_ipv6() && !facts.unicast && !is_link_local(*address) {
            let message = "multicast adverts over IPv6 come from a link-local address (RFC 9568 \
                           5.1.2.1): vipd and others drop those from this one, and both nodes would \
                           be MASTER";
            say.error(*at, message, "write an fe80:: address of this node, or remove the line");
        }
    }
}

/// RFC 9568 5.2.5: an advert of version 3 without addresses is ignored. Version 2 has no such rule,
/// and `meant` says that the instance holds others, or is to hold none.
pub(super) fn no_address(
    name: &impl Display,
    at: Span,
    version: Version,
    strict: bool,
    meant: bool,
    say: &mut Say,
) {
    let remedy = "write one in `virtual_ipaddress { … }`";
    if version == Version::V3 {
        let message = format!(
            "instance `{name}` has no address, and an advert of VRRPv3 without one is ignored by all \
             others: they would all be MASTER"
        );
        say.error(at, message, remedy);
    } else if strict {
        say.error(at, format!("strict_mode: instance `{name}` has no address"), remedy);
    } else if !meant {
        say.warn(at, format!("instance `{name}` has no address: it moves nothing"), remedy);
    }
}

/// Nodes of one router are configured alike: what is sent here must be accepted here.
pub(super) fn ttl(sent: u8, peers: &[Peer], at: Option<Span>, say: &mut Say) {
    let Some(at) = at else { return };
    let dropped = |peer: &&Peer| sent < peer.min_ttl || sent > peer.max_ttl;
    if let Some(peer) = peers.iter().find(dropped) {
        let range = match (peer.min_ttl, peer.max_ttl) {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let message = format!(
            "adverts leave with TTL {sent}, while those of {} are dropped unless it is {range}: with \
             the same lines on both nodes, both would be MASTER",
            peer.address
        );
        let remedy = "write `min_ttl N` behind the peer, or remove `unicast_ttl`";
        say.warn(at, message, remedy);
    }
}
