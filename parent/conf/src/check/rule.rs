//! The lines of `virtual_rules` and `static_rules`, in the words of iproute2. A line that cannot be
//! read, or that asks for what is not served, is left out as a whole.

use super::words::{Words, unsigned};
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Served, find};
use crate::lex::Word;
use crate::routing::{Action, Prefix, Rule};
use crate::tree::Item;
use vipd_types::Family;

/// A rule, where it stands, and the `track_group` it names.
#[derive(Debug)]
pub(super) struct FoundRule {
    pub(super) rule: Rule,
    pub(super) at: Span,
    pub(super) group: Option<Word>,
}

/// All lines of such a block.
pub(super) fn rules(item: &Item, found: &mut Vec<FoundRule>, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    for line in super::address::lines(item, say) {
        let mut draft = Draft::new();
        let mut words = Words::of(line, item);
        let rule = draft.read(&mut words, say).and_then(|()| draft.settle(&words, say));
        if let Some(rule) = rule {
            found.push(FoundRule { rule, at: line.span(), group: draft.group });
        }
    }
}

pub(super) fn of_instance(found: Vec<FoundRule>, say: &mut Say) -> (Vec<Rule>, Vec<Span>) {
    let groups = found.iter().filter_map(|one| one.group.as_ref());
    groups.for_each(|group| super::route::no_group(group, say));
    found.into_iter().map(|one| (one.rule, one.at)).unzip()
}

struct Draft {
    family: Option<Family>,
    /// Read when the family is known: `all` is of both.
    from: Option<Word>,
    to: Option<Word>,
    priority: Option<u32>,
    action: Option<Action>,
    /// The rest is filled in at the end.
    rule: Rule,
    group: Option<Word>,
}

impl Draft {
    fn new() -> Self {
        let rule = Rule {
            family: Family::V4,
            invert: false,
            from: None,
            to: None,
            tos: 0,
            fwmark: None,
            iif: None,
            oif: None,
            tunnel: None,
            users: None,
            protocol: None,
            source_ports: None,
            destination_ports: None,
            priority: 0,
            action: Action::Nop,
            realms: None,
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            track: true,
        };
        let (family, from, to, priority, action, group) = Default::default();
        Self { family, from, to, priority, action, rule, group }
    }

    fn read(&mut self, words: &mut Words<'_>, say: &mut Say) -> Option<()> {
        while let Some(word) = words.next() {
            match find(Context::RuleLine, &word.bytes).map(|k| (k.served, k.name)) {
                Some((Served::Served, name)) => {
                    if !self.action(name, word, words, say)? {
                        self.option(name, word, words, say)?;
                    }
                }
                Some((_, name)) => {
                    let message = format!("`{name}` of a rule is not served by vipd");
                    return words.bad(word.span, &message, "write the rule without it", say);
                }
                None => return words.unknown(word, Context::RuleLine, say),
            }
        }
        Some(())
    }

    /// What becomes of a packet. True if that is what the word says.
    fn action(
        &mut self,
        name: &str,
        word: &Word,
        words: &mut Words<'_>,
        say: &mut Say,
    ) -> Option<bool> {
        let simple = [
            (Action::Blackhole, "blackhole"),
            (Action::Unreachable, "unreachable"),
            (Action::Prohibit, "prohibit"),
        ];
        let action = match name {
            "table" | "lookup" => Action::Table(words.table(word, say)?),
            "goto" => Action::Goto(words.number(word, 1..=u32::MAX.into(), say)?),
            "nop" => Action::Nop,
            "l3mdev" => Action::L3mdev,
            "type" => words.one_of(word, &simple, say)?,
            name => match simple.iter().find(|(_, known)| *known == name) {
                Some((action, _)) => action.clone(),
                None => return Some(false),
            },
        };
        if self.action.replace(action).is_some() {
            let remedy = "write one of `table`, `goto`, `blackhole`, …";
            return words.bad(word.span, "the rule has two actions", remedy, say);
        }
        Some(true)
    }

    fn option(
        &mut self,
        name: &str,
        word: &Word,
        words: &mut Words<'_>,
        say: &mut Say,
    ) -> Option<()> {
        let rule = &mut self.rule;
        let any = 0..=u64::from(u32::MAX);
        match name {
            "inet" => self.family = Some(Family::V4),
            "inet6" => self.family = Some(Family::V6),
            "not" => rule.invert = true,
            "from" => self.from = Some(words.value(word, say)?.clone()),
            "to" => self.to = Some(words.value(word, say)?.clone()),
            "preference" | "order" | "priority" => {
                self.priority = Some(words.number(word, 1..=u32::MAX.into(), say)?);
            }
            "tos" | "dsfield" => rule.tos = words.number(word, 0..=255, say)?,
            "fwmark" => rule.fwmark = Some(fwmark(word, words, say)?),
            "realms" => rule.realms = Some(words.realms(word, say)?),
            "suppress_prefixlength" | "sup_pl" => {
                rule.suppress_prefixlength = Some(words.number(word, 0..=128, say)?);
            }
            "suppress_ifgroup" | "sup_group" => {
                rule.suppress_ifgroup = Some(words.number(word, any, say)?);
            }
            "dev" | "iif" => rule.iif = Some(words.interface(word, say)?),
            "oif" => rule.oif = Some(words.interface(word, say)?),
            "tunnel-id" => rule.tunnel = Some(words.number(word, 1..=u64::MAX, say)?),
            "uidrange" => rule.users = Some(range(word, any, words, say)?),
            "ipproto" => rule.protocol = Some(ip_protocol(word, words, say)?),
            "sport" => rule.source_ports = Some(range(word, 1..=65535, words, say)?),
            "dport" => rule.destination_ports = Some(range(word, 1..=65535, words, say)?),
            "protocol" => words.protocol(word, "rule", say)?,
            "no_track" => rule.track = false,
            _ => self.group = Some(words.value(word, say)?.clone()),
        }
        Some(())
    }

    /// A rule without a priority gets one later.
    fn settle(&mut self, words: &Words<'_>, say: &mut Say) -> Option<Rule> {
        let mut rule = self.rule.clone();
        let prefix = |word: &Option<Word>| word.as_ref().and_then(super::address::prefix_of);
        let one = prefix(&self.from).or(prefix(&self.to)).map(|(address, _)| address);
        let family = self.family.or(one.map(|a| Family::from(&a))).unwrap_or(Family::V4);
        let Some(action) = self.action.take() else {
            let remedy = "write `table T`, `goto N`, `blackhole`, `unreachable` or `prohibit`";
            return words.bad(words.at, "the rule has no action", remedy, say);
        };
        for (word, place) in [(&self.from, &mut rule.from), (&self.to, &mut rule.to)] {
            let Some(word) = word else { continue };
            let found: Prefix = words.prefix(word, Some(family), say)?;
            if Family::from(&found.address) != family {
                let message = format!("{found} is not of the family of the rule");
                let remedy = "write one rule for each family";
                return words.bad(word.span, &message, remedy, say);
            }
            // `from all` is what the kernel takes nothing for.
            *place = Some(found).filter(|found| found.length > 0);
        }
        if family == Family::V6 && rule.realms.is_some() {
            let message = "`realms` is for rules of IPv4";
            return words.bad(words.at, message, "write the rule without it", say);
        }
        rule.family = family;
        rule.action = action;
        rule.priority = self.priority.unwrap_or(0);
        if let Action::Goto(to) = rule.action
            && self.priority.is_none_or(|from| to <= from)
        {
            let message = format!("`goto {to}` does not lead forward");
            return words.bad(words.at, &message, "write a lower `priority` with it", say);
        }
        Some(rule)
    }
}

/// `MARK[/MASK]`
fn fwmark(option: &Word, words: &mut Words<'_>, say: &mut Say) -> Option<(u32, Option<u32>)> {
    let word = words.value(option, say)?;
    let slash = word.bytes.iter().position(|b| *b == b'/');
    let (mark, mask) = word.bytes.split_at(slash.unwrap_or(word.bytes.len()));
    let number = |bytes: &[u8]| {
        let part = Word { bytes: bytes.to_vec(), ..word.clone() };
        unsigned(&part).and_then(|n| u32::try_from(n).ok())
    };
    let mask = mask.get(1..).map(number);
    match (number(mark), mask) {
        // Without a mask the kernel would take 0 for any.
        (Some(mark @ 1..), None) => Some((mark, None)),
        (Some(mark), Some(Some(mask))) => Some((mark, Some(mask))),
        _ => {
            let message = format!("`{}` is no mark", word.show());
            words.bad(word.span, &message, "write `fwmark MARK` or `fwmark MARK/MASK`", say)
        }
    }
}

/// `A-B`, or `A` alone.
fn range<T: TryFrom<u64> + PartialOrd + Copy>(
    option: &Word,
    within: std::ops::RangeInclusive<u64>,
    words: &mut Words<'_>,
    say: &mut Say,
) -> Option<(T, T)> {
    let word = words.value(option, say)?;
    let text = std::str::from_utf8(&word.bytes).unwrap_or("");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        let number = text.parse().ok().filter(|n| within.contains(n));
        number.and_then(|n| T::try_from(n).ok())
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        _ => {
            let message = format!("`{}` is no range of numbers", word.show());
            words.bad(word.span, &message, &format!("write `{} A-B`", option.show()), say)
        }
    }
}

fn ip_protocol(option: &Word, words: &mut Words<'_>, say: &mut Say) -> Option<u8> {
    let word = words.value(option, say)?;
    let known = match word.bytes.as_slice() {
        b"icmp" => Some(1),
        b"tcp" => Some(6),
        b"udp" => Some(17),
        b"dccp" => Some(33),
        b"ipv6-icmp" => Some(58),
        b"sctp" => Some(132),
        _ => unsigned(word).and_then(|n| u8::try_from(n).ok()).filter(|n| *n > 0),
    };
    known.or_else(|| {
        let message = format!("`{}` is no protocol over IP", word.show());
        words.bad(word.span, &message, "write tcp, udp, icmp, sctp or a number", say)
    })
}
