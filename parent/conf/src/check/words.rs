//! The words of a line with options, one after another, as values. Whatever cannot be read is spoken
//! of, and then the line is left out: half a route is another route.

use super::address::prefix_of;
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::routing::{Prefix, Realms, Table};
use crate::tree::Item;
use std::iter::Peekable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use vipd_types::{Family, IfName};

pub(super) struct Words<'a> {
    words: Peekable<Box<dyn Iterator<Item = &'a Word> + 'a>>,
    pub(super) at: Span,
    /// The keyword of the block.
    block: String,
}

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a Item, block: &Item) -> Self {
        let words: Box<dyn Iterator<Item = &Word>> =
            Box::new(std::iter::once(&line.keyword).chain(&line.words));
        Self { words: words.peekable(), at: line.span(), block: block.keyword.show() }
    }

    pub(super) fn next(&mut self) -> Option<&'a Word> {
        self.words.next()
    }

    pub(super) fn next_if(&mut self, is: &str) -> bool {
        self.words.next_if(|word| word.is(is)).is_some()
    }

    pub(super) fn peek(&mut self) -> Option<&'a Word> {
        self.words.peek().copied()
    }

    /// Says what is wrong; the line is left out.
    pub(super) fn bad<T>(&self, at: Span, message: &str, remedy: &str, say: &mut Say) -> Option<T> {
        say.warn(at, format!("{message}: this line of {} is LEFT OUT", self.block), remedy);
        None
    }

    /// As `bad`, for a word that is none of `context`'s.
    pub(super) fn unknown<T>(&self, word: &Word, context: Context, say: &mut Say) -> Option<T> {
        let message = format!("unknown word `{}`", word.show());
        let near = crate::suggest::keyword(context, &word.bytes);
        let remedy = near.map(|near| format!("write `{near}` if that was meant"));
        self.bad(word.span, &message, remedy.as_deref().unwrap_or("remove it"), say)
    }

    /// `protocol`: ours can be told from others' by theirs. `what` the line is.
    pub(super) fn protocol(&mut self, option: &Word, what: &str, say: &mut Say) -> Option<()> {
        let value = self.value(option, say)?;
        if !value.is("keepalived") && !value.is("18") {
            let message = format!(
                "the {what} gets protocol 18 (keepalived) and not `{}`, so that vipd can tell its \
                 own from others",
                value.show()
            );
            say.hint(value.span, message, "remove `protocol` and its value");
        }
        Some(())
    }

    pub(super) fn value(&mut self, option: &Word, say: &mut Say) -> Option<&'a Word> {
        let name = option.show();
        match self.next() {
            Some(word) => Some(word),
            None => self.bad(
                option.span,
                &format!("`{name}` needs a value"),
                &format!("write `{name} VALUE`"),
                say,
            ),
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        option: &Word,
        range: RangeInclusive<u64>,
        say: &mut Say,
    ) -> Option<T> {
        let word = self.value(option, say)?;
        let found = unsigned(word).filter(|n| range.contains(n)).and_then(|n| T::try_from(n).ok());
        found.or_else(|| {
            let (name, shown) = (option.show(), word.show());
            let (least, most) = (range.start(), range.end());
            let message =
                format!("`{name}` wants a whole number from {least} to {most}, not `{shown}`");
            self.bad(word.span, &message, &format!("write `{name} N`"), say)
        })
    }

    /// `[inet|inet6] ADDRESS`
    pub(super) fn address(&mut self, option: &Word, say: &mut Say) -> Option<IpAddr> {
        let _ = self.next_if("inet") || self.next_if("inet6");
        let word = self.value(option, say)?;
        super::host::parse(word).or_else(|| {
            let message = format!("`{}` is no address", word.show());
            self.bad(word.span, &message, "write an IPv4 or IPv6 address", say)
        })
    }

    /// `ADDRESS[/LENGTH]`, or `default`, which is of `family`.
    pub(super) fn prefix(
        &self,
        word: &Word,
        family: Option<Family>,
        say: &mut Say,
    ) -> Option<Prefix> {
        if matches!(word.bytes.as_slice(), b"default" | b"any" | b"all") {
            let address = match family {
                Some(Family::V6) => Ipv6Addr::UNSPECIFIED.into(),
                Some(Family::V4) | None => Ipv4Addr::UNSPECIFIED.into(),
            };
            return Some(Prefix { address, length: 0 });
        }
        let Some((address, length)) = prefix_of(word) else {
            let message = format!("`{}` is no ADDRESS/LENGTH", word.show());
            return self.bad(word.span, &message, "write for example 10.1.0.0/16, or default", say);
        };
        let prefix = without_host(address, length);
        if prefix.address != address {
            let message = format!("`{}` has bits behind its length: {prefix} is used", word.show());
            say.warn(word.span, message, format!("write {prefix}"));
        }
        Some(prefix)
    }

    pub(super) fn interface(&mut self, option: &Word, say: &mut Say) -> Option<IfName> {
        let word = self.value(option, say)?;
        // It becomes text, and the kernel is asked for it as text.
        let is_text = std::str::from_utf8(&word.bytes).is_ok();
        super::value::interface(word).filter(|_| is_text).or_else(|| {
            let message = format!("`{}` is no interface name", word.show());
            self.bad(word.span, &message, "write the name of an interface", say)
        })
    }

    pub(super) fn table(&mut self, option: &Word, say: &mut Say) -> Option<Table> {
        let word = self.value(option, say)?;
        let known = match word.bytes.as_slice() {
            b"main" => Some(254),
            b"local" => Some(255),
            b"default" => Some(253),
            _ => unsigned(word).and_then(|n| u32::try_from(n).ok()),
        };
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
        let is_name =
            word.bytes.first().is_some_and(u8::is_ascii_alphabetic) && word.bytes.iter().all(plain);
        match known {
            Some(number) if number > 0 => Some(Table::Number(number)),
            None if is_name => Some(Table::Name(String::from_utf8_lossy(&word.bytes).into_owned())),
            Some(_) | None => {
                let message = format!("`{}` is no routing table", word.show());
                self.bad(word.span, &message, "write its number, or its name in rt_tables", say)
            }
        }
    }

    /// `[FROM/]TO`; names of realms are not read.
    pub(super) fn realms(&mut self, option: &Word, say: &mut Say) -> Option<Realms> {
        let word = self.value(option, say)?;
        let text = std::str::from_utf8(&word.bytes).unwrap_or("");
        let (source, destination) = text.split_once('/').unwrap_or(("0", text));
        match (source.parse(), destination.parse()) {
            (Ok(source), Ok(destination)) => Some(Realms { source, destination }),
            _ => {
                let message = format!("`{}` are no realms in numbers", word.show());
                self.bad(word.span, &message, "write `realms FROM/TO` with numbers", say)
            }
        }
    }

    /// One of a few words.
    pub(super) fn one_of<T: Clone>(
        &mut self,
        option: &Word,
        all: &[(T, &str)],
        say: &mut Say,
    ) -> Option<T> {
        let word = self.value(option, say)?;
        let found = all.iter().find(|(_, name)| word.is(name)).map(|(value, _)| value.clone());
        found.or_else(|| {
            let names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
            let message = format!("`{}` does not take `{}`", option.show(), word.show());
            self.bad(word.span, &message, &format!("write one of: {}", names.join(", ")), say)
        })
    }
}

/// Decimal, or hexadecimal with `0x`.
pub(super) fn unsigned(word: &Word) -> Option<u64> {
    let text = std::str::from_utf8(&word.bytes).ok()?;
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn without_host(address: IpAddr, length: u8) -> Prefix {
    let length32 = u32::from(length);
    let address = match address {
        IpAddr::V4(a) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length32)).unwrap_or(0);
            Ipv4Addr::from_bits(a.to_bits() & mask).into()
        }
        IpAddr::V6(a) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length32)).unwrap_or(0);
            Ipv6Addr::from_bits(a.to_bits() & mask).into()
        }
    };
    Prefix { address, length }
}
