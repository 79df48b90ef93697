//! The lines of `virtual_ipaddress` and `virtual_ipaddress_excluded`, and what all lines with options have in common. A line that is
//! no address is dropped with a warning.

use super::value::{integer, interface, text};
use super::{host, outcome};
use crate::config::Vip;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Served, find};
use crate::lex::Word;
use crate::suggest;
use crate::tree::Item;
use std::net::{IpAddr, Ipv4Addr};

/// An address, where it stands, and the `track_group` it names.
#[derive(Debug)]
pub(super) struct FoundAddress {
    pub(super) vip: Vip,
    pub(super) at: Span,
    pub(super) group: Option<Word>,
}

/// All lines of such a block.
pub(super) fn read(item: &Item, found: &mut Vec<FoundAddress>, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    for line in lines(item, say) {
        let mut group = None;
        if let Some(vip) = vip(line, &mut group, say) {
            found.push(FoundAddress { vip, at: line.span(), group });
        }
    }
}

/// Those of an instance, which depends on them anyway.
pub(super) fn addresses(item: &Item, found: &mut Vec<(Vip, Span)>, say: &mut Say) {
    let mut all = Vec::new();
    read(item, &mut all, say);
    for FoundAddress { vip, at, group } in all {
        if let Some(group) = group {
            super::route::no_group(&group, say);
        }
        found.push((vip, at));
    }
}

/// The lines of a value block; none of them has a block.
pub(super) fn lines<'a>(item: &'a Item, say: &mut Say) -> impl Iterator<Item = &'a Item> + use<'a> {
    let lines = item.block.as_deref().unwrap_or_default();
    for line in lines.iter().filter(|line| line.block.is_some()) {
        let message = format!("a block inside `{}` is skipped", item.keyword.show());
        say.warn(line.span(), message, "remove the braces");
    }
    lines.iter().filter(|line| line.block.is_none())
}

/// `ADDR[/LEN] {option}`
fn vip(line: &Item, group: &mut Option<Word>, say: &mut Say) -> Option<Vip> {
    let (address, prefix) = address_and_prefix(&line.keyword, say)?;
    let mut vip = Vip {
        address,
        prefix,
        dev: None,
        label: None,
        broadcast: None,
        scope: scope_of(address),
        dad: false,
        preferred_lft: None,
        peer: None,
        home: false,
        mngtmpaddr: false,
        noprefixroute: false,
        autojoin: false,
        track: true,
    };
    let mut words = line.words.iter().peekable();
    while let Some(option) = words.next() {
        match find(Context::AddressLine, &option.bytes).map(|k| (k.served, k.name)) {
            Some((Served::Served, name)) if flag(&mut vip, name, option, say) => {}
            Some((Served::Served, name)) => {
                let Some(value) = words.next() else {
                    let message = format!("`{name}` needs a value; the address is left out");
                    say.warn(option.span, message, format!("write `{name} VALUE`"));
                    return None;
                };
                match name {
                    "track_group" => *group = Some(value.clone()),
                    name => option_of(&mut vip, name, value, say)?,
                }
            }
            Some((_, name)) => {
                speak_of(Context::AddressLine, option, say);
                let is_name = |word: &&Word| find(Context::AddressLine, &word.bytes).is_none();
                if name == "use_vmac" {
                    words.next_if(is_name);
                }
            }
            None => unknown(Context::AddressLine, option, say),
        }
    }
    settle(vip, line, say)
}

/// What options say about each other.
fn settle(mut vip: Vip, line: &Item, say: &mut Say) -> Option<Vip> {
    let at = line.keyword.span;
    if vip.address.is_multicast() && !vip.autojoin {
        let message = format!("`{}` cannot be a virtual address, it is left out", vip.address);
        say.warn(at, message, "write the address that clients use, or `autojoin` behind a group");
        return None;
    }
    if vip.autojoin && !vip.address.is_multicast() {
        vip.autojoin = false;
        let message = "`autojoin` is for the address of a multicast group; it is ignored";
        say.warn(at, message, "remove it");
    }
    if vip.mngtmpaddr && vip.prefix != 64 {
        vip.mngtmpaddr = false;
        let message = "`mngtmpaddr` needs a prefix length of 64 (RFC 8981); it is ignored";
        say.warn(at, message, "write `/64` behind the address");
    }
    Some(vip)
}

fn address_and_prefix(word: &Word, say: &mut Say) -> Option<(IpAddr, u8)> {
    let slash = word.bytes.iter().position(|b| *b == b'/');
    let (host, length) = word.bytes.split_at(slash.unwrap_or(word.bytes.len()));
    let address = host::address(&Word { bytes: host.to_vec(), ..word.clone() }, say)?;
    if !host::can_be_virtual(address) && !address.is_multicast() {
        let message = format!("`{address}` cannot be a virtual address, it is left out");
        say.warn(word.span, message, "write the address that clients use");
        return None;
    }
    let most = if address.is_ipv6() { 128 } else { 32 };
    let prefix = match slash {
        None => most,
        Some(_) => prefix(length.get(1..).unwrap_or(&[]), most, word, say),
    };
    Some((address, prefix))
}

/// `ADDRESS[/LENGTH]`, whatever it is for.
pub(super) fn prefix_of(word: &Word) -> Option<(IpAddr, u8)> {
    let text = std::str::from_utf8(&word.bytes).ok()?;
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let length = length.map_or(Some(most), |length| length.parse().ok());
    length.filter(|length| *length <= most).map(|length| (address, length))
}

/// Beyond the length of an address it is that length, as in keepalived.
fn prefix(digits: &[u8], most: u8, word: &Word, say: &mut Say) -> u8 {
    let length = Word { bytes: digits.to_vec(), ..word.clone() };
    let value = integer(&length).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= most);
    value.unwrap_or_else(|| {
        let shown = length.show();
        let message = format!("a prefix length is 0 to {most}, not `{shown}`: {most} is used");
        say.warn(
            word.span,
            message,
            format!("write for example `/{}`", if most == 32 { 24 } else { 64 }),
        );
        most
    })
}

/// An option without a value: true if it is one.
fn flag(vip: &mut Vip, name: &str, option: &Word, say: &mut Say) -> bool {
    let v6 = vip.address.is_ipv6();
    match name {
        "-nodad" => vip.dad = v6,
        "home" => vip.home = v6,
        "mngtmpaddr" => vip.mngtmpaddr = v6,
        "noprefixroute" => vip.noprefixroute = true,
        "autojoin" => vip.autojoin = true,
        "no_track" => vip.track = false,
        _ => return false,
    }
    if !v6 && matches!(name, "-nodad" | "home" | "mngtmpaddr") {
        let message = format!("`{name}` is for IPv6 only; it is ignored");
        say.warn(option.span, message, "remove it");
    }
    true
}

/// A length behind it is refused, as in keepalived: that of the address counts.
fn peer(vip: &Vip, word: &Word, say: &mut Say) -> Option<IpAddr> {
    let found = std::str::from_utf8(&word.bytes).ok().and_then(|text| text.parse().ok());
    let peer = found.filter(|peer: &IpAddr| peer.is_ipv4() == vip.address.is_ipv4());
    if peer.is_none() {
        let shown = word.show();
        let message = format!("`{shown}` is no peer of {}; the address is left out", vip.address);
        say.warn(
            word.span,
            message,
            "write `peer ADDRESS`, of the same family and without a length",
        );
    }
    peer
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
        "preferred_lft" => vip.preferred_lft = preferred(value, say),
        "peer" => vip.peer = Some(peer(vip, value, say)?),
        "scope" => set_scope(vip, value, say),
        name if vip.address.is_ipv6() => {
            let message = format!("`{name}` is for IPv4 only; it is ignored");
            say.warn(value.span, message, "remove it and its value");
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
        _ => vip.broadcast = broadcast(vip, value, say),
    }
    Some(())
}

fn preferred(word: &Word, say: &mut Say) -> Option<u32> {
    if word.is("forever") {
        return Some(u32::MAX);
    }
    let seconds = integer(word).and_then(|n| u32::try_from(n).ok()).filter(|n| *n < u32::MAX);
    if seconds.is_none() {
        let message = format!("`preferred_lft` wants seconds, not `{}`; ignored", word.show());
        say.warn(word.span, message, "write a whole number, or `forever`");
    }
    seconds
}

fn set_scope(vip: &mut Vip, value: &Word, say: &mut Say) {
    match scope(value) {
        Some(scope) if scope == vip.scope => {}
        Some(_) if vip.address.is_ipv6() => {
            let message = "the kernel derives the scope of an IPv6 address from the address itself";
            say.warn(value.span, message, "remove `scope` and its value");
        }
        Some(scope) => vip.scope = scope,
        None => {
            let message = format!("there is no scope `{}`, global is used", value.show());
            say.warn(value.span, message, "write global, site, link, host or 0 to 255");
        }
    }
}

/// What an address has without `scope`.
fn scope_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V6(a) if a.is_unicast_link_local() => 253,
        IpAddr::V6(a) if a.segments().first().is_some_and(|s| s & 0xffc0 == 0xfec0) => 200,
        IpAddr::V4(_) | IpAddr::V6(_) => 0,
    }
}

pub(super) fn scope(word: &Word) -> Option<u8> {
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

pub(super) fn speak_of(context: Context, option: &Word, say: &mut Say) {
    if let Some(keyword) = find(context, &option.bytes) {
        outcome::of(keyword, option.span, say);
    }
}

pub(super) fn unknown(context: Context, option: &Word, say: &mut Say) {
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
