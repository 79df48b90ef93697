//! Addresses: the lines of `virtual_ipaddress` and `unicast_peer`, and source addresses. A line
//! that is no address is dropped with a warning.

use super::value::{integer, interface, one, text};
use crate::config::Vip;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Served, find};
use crate::lex::Word;
use crate::suggest;
use crate::tree::Item;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

/// What `unicast_peer` says.
#[derive(Default)]
pub(super) struct Peers {
    pub(super) found: Vec<(IpAddr, Span)>,
    /// Usable or not.
    pub(super) lines: usize,
    pub(super) at: Span,
}

/// All lines of a `virtual_ipaddress` block.
pub(super) fn addresses(item: &Item, found: &mut Vec<(Vip, Span)>, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    for line in lines(item, say) {
        if let Some(vip) = vip(line, say) {
            found.push((vip, line.span()));
        }
    }
}

pub(super) fn peers(item: &Item, peers: &mut Peers, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    peers.at = item.span();
    let mut seen: HashSet<IpAddr> = peers.found.iter().map(|(address, _)| *address).collect();
    for line in lines(item, say) {
        peers.lines = peers.lines.saturating_add(1);
        let Some(address) = v4(&line.keyword, say) else { continue };
        if !is_host(address) {
            let message = format!("`{address}` cannot be a peer, the line is skipped");
            say.warn(line.span(), message, "write the address of another node");
            continue;
        }
        peer_options(line, say);
        if !seen.insert(IpAddr::V4(address)) {
            let message = format!("peer `{address}` is here twice, once is enough");
            say.warn(line.span(), message, "remove one of them");
            continue;
        }
        peers.found.push((IpAddr::V4(address), line.span()));
    }
}

/// `unicast_src_ip` and `mcast_src_ip`
pub(super) fn source(item: &Item, say: &mut Say) -> Option<IpAddr> {
    let word = one(item, say)?;
    let address = v4(word, say)?;
    if !is_host(address) {
        let message = format!("`{address}` cannot be a source address, it is ignored");
        say.warn(word.span, message, "write an address of this node");
        return None;
    }
    Some(IpAddr::V4(address))
}

/// The lines of a value block; none of them has a block.
fn lines<'a>(item: &'a Item, say: &mut Say) -> impl Iterator<Item = &'a Item> + use<'a> {
    let lines = item.block.as_deref().unwrap_or_default();
    for line in lines.iter().filter(|line| line.block.is_some()) {
        let message = format!("a block inside `{}` is skipped", item.keyword.show());
        say.warn(line.span(), message, "remove the braces");
    }
    lines.iter().filter(|line| line.block.is_none())
}

fn is_host(address: Ipv4Addr) -> bool {
    !address.is_multicast() && !address.is_unspecified() && !address.is_broadcast()
}

fn v4(word: &Word, say: &mut Say) -> Option<Ipv4Addr> {
    match std::str::from_utf8(&word.bytes).ok().and_then(|t| t.parse().ok()) {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(address)) => {
            let message = format!("IPv6 is not served yet: `{address}`");
            say.error(word.span, message, "remove it, or keep this instance on keepalived");
            None
        }
        None => {
            let message = format!("`{}` is no address, it is left out", word.show());
            say.warn(word.span, message, "write an IPv4 address, one a line, without a comma");
            None
        }
    }
}

/// `ADDR[/LEN] {option}`
fn vip(line: &Item, say: &mut Say) -> Option<Vip> {
    let word = &line.keyword;
    let slash = word.bytes.iter().position(|b| *b == b'/');
    let (host, length) = word.bytes.split_at(slash.unwrap_or(word.bytes.len()));
    let address = v4(&Word { bytes: host.to_vec(), ..word.clone() }, say)?;
    if address.is_multicast() || address.is_broadcast() || address.is_unspecified() {
        let message = format!("`{address}` cannot be a virtual address, it is left out");
        say.warn(word.span, message, "write the address that clients use");
        return None;
    }
    let prefix = match slash {
        None => 32,
        Some(_) => prefix(length.get(1..).unwrap_or(&[]), word, say),
    };
    let address = IpAddr::V4(address);
    let mut vip = Vip { address, prefix, dev: None, label: None, broadcast: None, scope: 0 };
    let mut words = line.words.iter();
    while let Some(option) = words.next() {
        match find(Context::AddressLine, &option.bytes).map(|k| (k.served, k.name)) {
            Some((Served::Served, name)) => {
                let Some(value) = words.next() else {
                    let message = format!("`{name}` needs a value; the address is left out");
                    say.warn(option.span, message, format!("write `{name} VALUE`"));
                    return None;
                };
                option_of(&mut vip, name, value, say)?;
            }
            Some((_, name)) => {
                speak_of(Context::AddressLine, option, say);
                if matches!(name, "peer" | "preferred_lft" | "track_group") {
                    words.next();
                }
            }
            None => unknown(Context::AddressLine, option, say),
        }
    }
    Some(vip)
}

/// Beyond 32 is 32, as in keepalived.
fn prefix(digits: &[u8], word: &Word, say: &mut Say) -> u8 {
    let length = Word { bytes: digits.to_vec(), ..word.clone() };
    let value = integer(&length).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 32);
    value.unwrap_or_else(|| {
        let message = format!("a prefix length is 0 to 32, not `{}`: 32 is used", length.show());
        say.warn(word.span, message, "write for example `/24`");
        32
    })
}

/// None if the address must be left out.
fn option_of(vip: &mut Vip, name: &str, value: &Word, say: &mut Say) -> Option<()> {
    match name {
        "dev" => {
            vip.dev = interface(value);
            if vip.dev.is_none() {
                let message = format!("`{}` is no interface name", value.show());
                say.warn(value.span, format!("{message}; the address is left out"), "");
                return None;
            }
        }
        "label" => {
            if value.bytes.len() > 15 || value.bytes.is_empty() {
                let message =
                    "a label has 1 to 15 bytes; the address is left out, as in keepalived";
                say.warn(value.span, message, "shorten the label");
                return None;
            }
            vip.label = Some(text(value, say)).filter(|label| label.len() <= 15);
        }
        "scope" => match scope(value) {
            Some(scope) => vip.scope = scope,
            None => {
                let message = format!("there is no scope `{}`, global is used", value.show());
                say.warn(value.span, message, "write global, site, link, host or 0 to 255");
            }
        },
        _ => vip.broadcast = broadcast(vip, value, say),
    }
    Some(())
}

fn scope(word: &Word) -> Option<u8> {
    match word.bytes.as_slice() {
        b"global" => Some(0),
        b"site" => Some(200),
        b"link" => Some(253),
        b"host" => Some(254),
        b"nowhere" => Some(255),
        _ => integer(word).and_then(|n| u8::try_from(n).ok()),
    }
}

/// An address, or `+` and `-` for the host part all ones and all zeros.
fn broadcast(vip: &Vip, word: &Word, say: &mut Say) -> Option<Ipv4Addr> {
    let IpAddr::V4(address) = vip.address else { return None };
    let host = u32::MAX.checked_shr(u32::from(vip.prefix)).unwrap_or(0);
    let found = match word.bytes.as_slice() {
        b"+" => Some(Ipv4Addr::from_bits(address.to_bits() | host)),
        b"-" => Some(Ipv4Addr::from_bits(address.to_bits() & !host)),
        text => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
    };
    if found.is_none() {
        let message = format!("`{}` is no broadcast address, it is ignored", word.show());
        say.warn(word.span, message, "write `brd +`");
    }
    found
}

fn peer_options(line: &Item, say: &mut Say) {
    let mut words = line.words.iter();
    while let Some(option) = words.next() {
        if find(Context::PeerLine, &option.bytes).is_some() {
            speak_of(Context::PeerLine, option, say);
            words.next();
        } else {
            unknown(Context::PeerLine, option, say);
        }
    }
}

fn speak_of(context: Context, option: &Word, say: &mut Say) {
    if let Some(keyword) = find(context, &option.bytes) {
        let message = format!("`{}` is not served by vipd yet: {}", keyword.name, keyword.summary);
        say.warn(option.span, message, "remove it, or keep it for a later vipd");
    }
}

fn unknown(context: Context, option: &Word, say: &mut Say) {
    let message = format!("unknown option `{}`, it is ignored", option.show());
    let is_address = std::str::from_utf8(&option.bytes).is_ok_and(|text| {
        text.split('/').next().is_some_and(|host| host.parse::<IpAddr>().is_ok())
    });
    let remedy = match suggest::keyword(context, &option.bytes) {
        _ if is_address => "write each address on a line of its own".to_owned(),
        Some(near) => format!("write `{near}` if that was meant"),
        None => "remove it".to_owned(),
    };
    say.warn(option.span, message, remedy);
}
