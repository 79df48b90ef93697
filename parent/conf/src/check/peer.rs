//! `unicast_peer`: who is spoken to directly, and with what TTL they may answer. A line that is no
//! address is dropped with a warning.

use super::address::{lines, speak_of, unknown};
use super::host;
use super::value::integer;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Served, find};
use crate::lex::Word;
use crate::tree::Item;
use std::collections::HashSet;
use std::net::IpAddr;
use vipd_types::Peer;

/// What `unicast_peer` says.
#[derive(Default)]
pub(super) struct Peers {
    pub(super) found: Vec<(Peer, Span)>,
    /// Usable or not.
    pub(super) lines: usize,
    pub(super) at: Span,
}

pub(super) fn peers(item: &Item, peers: &mut Peers, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    peers.at = item.span();
    let mut seen: HashSet<IpAddr> = peers.found.iter().map(|(peer, _)| peer.address).collect();
    for line in lines(item, say) {
        peers.lines = peers.lines.saturating_add(1);
        let Some(address) = host::peer(line, say) else { continue };
        let peer = options(Peer::new(address), line, say);
        if !seen.insert(address) {
            let message = format!("peer `{address}` is here twice, once is enough");
            say.warn(line.span(), message, "remove one of them");
            continue;
        }
        peers.found.push((peer, line.span()));
    }
}

/// Without both, 255 is expected, or at least 64 over IPv6; with one, the other does not limit, as
/// in keepalived.
fn options(peer: Peer, line: &Item, say: &mut Say) -> Peer {
    let (mut least, mut most) = (None, None);
    let mut words = line.words.iter();
    while let Some(option) = words.next() {
        match find(Context::PeerLine, &option.bytes).map(|k| (k.served, k.name)) {
            Some((Served::Served, name)) => {
                let value = ttl(option, words.next(), say);
                let place = if name == "min_ttl" { &mut least } else { &mut most };
                *place = value.or(*place);
            }
            Some(_) => speak_of(Context::PeerLine, option, say),
            None => unknown(Context::PeerLine, option, say),
        }
    }
    let (min_ttl, max_ttl) = match (least, most) {
        (None, None) => return peer,
        (least, most) => (least.unwrap_or(0), most.unwrap_or(255)),
    };
    if min_ttl > max_ttl {
        let message = format!(
            "min_ttl {min_ttl} is above max_ttl {max_ttl}: no advert could be accepted, so both \
             are ignored and {} is expected",
            if peer.min_ttl == 255 { "255" } else { "at least 64" }
        );
        say.warn(line.span(), message, "write a min_ttl of at most max_ttl");
        return peer;
    }
    if min_ttl < 255 {
        let message = format!(
            "adverts of {} with a TTL below 255 are accepted: somebody beyond a router can forge \
             them",
            peer.address
        );
        let remedy = "let a packet filter admit protocol 112 from the peers only";
        say.hint(line.span(), message, remedy);
    }
    Peer { min_ttl, max_ttl, ..peer }
}

fn ttl(option: &Word, value: Option<&Word>, say: &mut Say) -> Option<u8> {
    let name = option.show();
    let Some(word) = value else {
        let message = format!("`{name}` needs a number; it is ignored");
        say.warn(option.span, message, format!("write `{name} N`"));
        return None;
    };
    let found = integer(word).and_then(|n| u8::try_from(n).ok());
    if found.is_none() {
        let message = format!("`{name}` wants 0 to 255, not `{}`; it is ignored", word.show());
        say.warn(word.span, message, format!("write `{name} 254` for one router in between"));
    }
    found
}
