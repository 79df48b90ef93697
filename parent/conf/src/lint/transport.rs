//! Whether two nodes of one virtual router hear each other: multicast or unicast, the group, the
//! peers, the TTL.

use super::{Findings, Router, there};
use crate::config::Instance;
use vipd_types::Peer;

pub(super) fn check(our: &Router, their: &Router, found: &mut Findings) {
    let unicast = |router: &Router| !router.i.peers.is_empty();
    match (unicast(our), unicast(their)) {
        (false, false) => group(our, their, found),
        (true, true) => {
            if !same_source(our, their, found) {
                peers(our, their, found);
                peers(their, our, found);
            }
        }
        (here, _) => {
            let keywords = ["unicast_peer", "mcast_dst_ip"];
            let how = |unicast| if unicast { "unicast" } else { "multicast" };
            let message = format!(
                "adverts are {} here and {} at {}: neither hears the other, both would be MASTER",
                how(here),
                how(!here),
                there(their.near(&keywords))
            );
            let remedy = "write `unicast_peer` on both nodes, or on neither";
            found.warn(our.near(&keywords), message, remedy);
        }
    }
}

fn group(our: &Router, their: &Router, found: &mut Findings) {
    if our.i.group != their.i.group {
        let message = format!(
            "adverts go to {} here and to {} at {}: neither hears the other, both would be MASTER",
            our.i.group,
            their.i.group,
            there(their.near(&["mcast_dst_ip"]))
        );
        found.warn(our.near(&["mcast_dst_ip"]), message, "write the same group on both nodes");
    }
}

const SOURCE: [&str; 2] = ["unicast_src_ip", "mcast_src_ip"];

fn same_source(our: &Router, their: &Router, found: &mut Findings) -> bool {
    let same = our.i.source.filter(|source| their.i.source == Some(*source));
    if let Some(source) = same {
        let at = there(their.near(&SOURCE));
        let message = format!("{source} is the source here and at {at}: one of the files is wrong");
        found.warn(our.near(&SOURCE), message, "write the own address of each node");
    }
    same.is_some()
}

/// Whether `here` speaks to the other and hears it.
fn peers(here: &Router, other: &Router, found: &mut Findings) {
    let at = here.near(&["unicast_peer"]);
    let Some(source) = other.i.source else {
        let message = format!(
            "no unicast_src_ip at {}: whether one of the peers here is that node cannot be told",
            there(&other.block.at)
        );
        return found.hint(at, message, "write `unicast_src_ip` there");
    };
    let Some(peer) = here.i.peers.iter().find(|peer| peer.address == source) else {
        let message = format!(
            "{source}, the source at {}, is no peer here: {}",
            there(other.near(&SOURCE)),
            deaf(here.i)
        );
        let remedy = format!("write `{source}` into `unicast_peer`");
        return found.warn(at, message, &remedy);
    };
    ttl(here, other, peer, found);
}

fn deaf(here: &Instance) -> &'static str {
    if here.check_unicast_src {
        "nothing is sent to it and its adverts are dropped, both would be MASTER"
    } else {
        "nothing is sent to it, both would be MASTER"
    }
}

fn ttl(here: &Router, other: &Router, peer: &Peer, found: &mut Findings) {
    let sent = other.i.options.unicast_ttl;
    if !(peer.min_ttl..=peer.max_ttl).contains(&sent) {
        let range = match (peer.min_ttl, peer.max_ttl) {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let message = format!(
            "adverts leave with TTL {sent} at {}, and {range} is accepted here: they are dropped, \
             both would be MASTER",
            there(other.near(&["unicast_ttl"]))
        );
        let at = here.block.item("unicast_peer", peer.address.to_string().as_bytes());
        let remedy = "write `min_ttl N` behind the peer here, or remove `unicast_ttl` there";
        found.warn(at.unwrap_or(&here.block.at), message, remedy);
    }
}
