//! `use_vmac` and what belongs to it: the interface with the virtual MAC. Whether an interface of
//! that name exists is not known here.

use super::address::{speak_of, unknown};
use super::instance::Facts;
use super::value::{interface, one};
use crate::config::Vmac;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Served, find};
use crate::lex::Word;
use crate::tree::Item;
use vipd_types::{Family, IfName, Vrid};

/// What the lines of an instance say.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// `use_vmac`
    at: Option<Span>,
    name: Option<IfName>,
    /// A second name: the interface below.
    below: Option<(IfName, Span)>,
    pub(super) mac: Option<(Mac, Span)>,
    pub(super) xmit_base: Option<Span>,
}

/// A hardware address; with five octets the sixth is the VRID.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mac {
    octets: [u8; 6],
    ends_in_vrid: bool,
}

/// `use_vmac [NAME] [INTERFACE] [MAC] [name NAME] {option}`
pub(super) fn read(item: &Item, wishes: &mut Wishes, say: &mut Say) {
    let xmit_base = wishes.xmit_base;
    *wishes = Wishes { at: Some(item.span()), xmit_base, ..Wishes::default() };
    let mut words = item.words.iter();
    while let Some(word) = words.next() {
        match find(Context::VmacLine, &word.bytes).map(|k| (k.served, k.name)) {
            Some((Served::Served, _)) => match words.next() {
                Some(value) => wishes.name(value, say),
                None => say.warn(word.span, "`name` needs a name; ignored", "write `name NAME`"),
            },
            Some((_, name)) => {
                speak_of(Context::VmacLine, word, say);
                if name == "group" {
                    words.next();
                }
            }
            None if word.bytes.contains(&b':') => wishes.mac(word, say),
            None => {
                speak_of_switch(word, say);
                wishes.name(word, say);
            }
        }
    }
}

fn speak_of_switch(word: &Word, say: &mut Say) {
    if ["on", "off", "true", "false", "yes", "no"].iter().any(|switch| word.is(switch)) {
        let message = format!(
            "`use_vmac` is no switch: an interface named `{}` is made, as in keepalived",
            word.show()
        );
        say.warn(word.span, message, "remove the word, or the line");
    }
}

impl Wishes {
    fn name(&mut self, word: &Word, say: &mut Say) {
        let Some(name) = interface(word) else {
            if self.name.is_some() {
                return unknown(Context::VmacLine, word, say);
            }
            let message = format!("`{}` is no interface name, it is ignored", word.show());
            return say.warn(word.span, message, "write 1 to 15 bytes without `/`");
        };
        if self.name.is_some() {
            self.below = Some((name, word.span));
            return;
        }
        self.name = Some(name);
    }

    fn mac(&mut self, word: &Word, say: &mut Say) {
        let why = match mac(&word.bytes) {
            None => "is no hardware address",
            Some(mac) if mac.octets.first().is_some_and(|b| b & 1 == 1) => "is a group's address",
            Some(mac) => {
                self.mac = Some((mac, word.span));
                return;
            }
        };
        let message = format!("`{}` {why}; that of the RFC is used", word.show());
        say.warn(word.span, message, "write six octets in hexadecimal, or five for PREFIX:VRID");
    }

    /// `vmac_xmit_base` is implied by peers: unicast comes from an address of the interface below.
    pub(super) fn settle(
        &self,
        vrid: Vrid,
        below: IfName,
        prefix: &str,
        facts: &Facts,
        say: &mut Say,
    ) -> Option<Vmac> {
        if self.at.is_none() {
            if let Some(at) = self.xmit_base {
                let message = "`vmac_xmit_base` has no effect without `use_vmac`";
                say.warn(at, message, "add `use_vmac`, or remove the line");
            }
            return None;
        }
        if let Some((other, at)) = self.below.filter(|(name, _)| *name != below) {
            let message = format!(
                "the virtual MAC would be on {other}, while the adverts are on {below}: that is \
                 not served"
            );
            say.error(at, message, format!("write `interface {other}`, or remove the word"));
        }
        let own = default_mac(vrid, facts.family);
        Some(Vmac {
            name: self.name,
            prefix: prefix.to_owned(),
            mac: self.mac.map_or(own, |(mac, at)| chosen(mac, own, vrid, at, say)),
            xmit_base: facts.unicast || self.xmit_base.is_some(),
        })
    }
}

/// 00-00-5E-00-01-VRID, for IPv6 00-00-5E-00-02-VRID (RFC 9568 7.3).
pub(crate) fn default_mac(vrid: Vrid, family: Family) -> [u8; 6] {
    let kind = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [0, 0, 0x5e, 0, kind, vrid.get()]
}

/// The RFC's addresses belong to their VRIDs.
fn chosen(mac: Mac, own: [u8; 6], vrid: Vrid, at: Span, say: &mut Say) -> [u8; 6] {
    let [a, b, c, d, e, f] = mac.octets;
    let octets = [a, b, c, d, e, if mac.ends_in_vrid { vrid.get() } else { f }];
    if octets != own && matches!(octets, [0, 0, 0x5e, 0, 1 | 2, _]) {
        let message = "this is the hardware address of another virtual router; its own is used";
        say.warn(at, message, "choose an address outside 00:00:5e:00:01 and 00:00:5e:00:02");
        return own;
    }
    octets
}

/// Five or six octets of one or two digits between colons.
fn mac(text: &[u8]) -> Option<Mac> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = |part: &str| {
        let fits = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_hexdigit());
        u8::from_str_radix(part, 16).ok().filter(|_| fits)
    };
    let found: Vec<u8> =
        text.trim_end_matches(':').split(':').map(digits).collect::<Option<_>>()?;
    match found.as_slice() {
        [a, b, c, d, e] => Some(Mac { octets: [*a, *b, *c, *d, *e, 0], ends_in_vrid: true }),
        [a, b, c, d, e, f] if !text.ends_with(':') => {
            Some(Mac { octets: [*a, *b, *c, *d, *e, *f], ends_in_vrid: false })
        }
        _ => None,
    }
}

/// `vmac_prefix`: room must be left for a number and the VRID.
pub(super) fn prefix(item: &Item, say: &mut Say) -> Option<String> {
    let word = one(item, say)?;
    let text = std::str::from_utf8(&word.bytes).ok();
    let text = text.filter(|text| text.len() <= 8 && interface(word).is_some());
    if text.is_none() {
        let message = format!("`{}` cannot begin interface names; `vrrp` is used", word.show());
        say.warn(word.span, message, "write 1 to 8 bytes without `/`");
    }
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_or_six_octets() {
        for (text, octets, ends_in_vrid) in [
            ("02:00:5e:10:00:07", [2, 0, 0x5e, 0x10, 0, 7], false),
            ("2:0:5E:10:0:7", [2, 0, 0x5e, 0x10, 0, 7], false),
            ("02:00:5e:10:00", [2, 0, 0x5e, 0x10, 0, 0], true),
            ("02:00:5e:10:00:", [2, 0, 0x5e, 0x10, 0, 0], true),
        ] {
            let found = mac(text.as_bytes()).unwrap();
            assert_eq!((found.octets, found.ends_in_vrid), (octets, ends_in_vrid), "{text}");
        }
        for text in [
            "",
            ":",
            "02:00:5e:10",
            "02:00:5e:10:00:07:01",
            "02:00:5e:10:00:07:",
            "g:0:0:0:0:0",
            "+2:0:0:0:0:0",
            "002:0:0:0:0:0",
        ] {
            assert!(mac(text.as_bytes()).is_none(), "{text}");
        }
    }
}
