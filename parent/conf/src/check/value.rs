//! Words to values: numbers, seconds, switches, names. Each says what is wrong with a word and
//! what is used instead; what a keyword does with the value is not known here.

use crate::config::{Lease, ScriptUser};
use crate::diagnostic::Say;
use crate::lex::Word;
use crate::limits::NAME_MAX;
use crate::tree::Item;
use std::ops::RangeInclusive;
use std::time::Duration;
use vipd_types::IfName;

/// The one word behind a keyword. More words are spoken of and ignored.
pub(super) fn one<'a>(item: &'a Item, say: &mut Say) -> Option<&'a Word> {
    no_more_than(item, 1, say);
    first(item, say)
}

/// The first word behind a keyword; without one the line is an error.
pub(super) fn first<'a>(item: &'a Item, say: &mut Say) -> Option<&'a Word> {
    let found = item.words.first().filter(|w| !w.bytes.is_empty());
    if found.is_none() {
        let name = item.keyword.show();
        let what = if item.block.is_some() { "NAME" } else { "VALUE" };
        let message = format!("`{name}` needs a {}", what.to_lowercase());
        let remedy = if item.keyword.commented {
            "`#` and `!` begin a comment: put the value in double quotes if it holds one".to_owned()
        } else {
            format!("write `{name} {what}`, or remove it")
        };
        say.error(item.span(), message, remedy);
    }
    if let Some(word) = found.filter(|word| !word.quoted && word.bytes.ends_with(b";")) {
        let message = "`;` ends nothing in this language, it is part of the word";
        say.hint(word.span, message, "remove it");
    }
    found
}

pub(super) fn no_more_than(item: &Item, count: usize, say: &mut Say) {
    if let Some(extra) = item.words.get(count) {
        // No part of a password goes into a log.
        let secret = item.keyword.is("auth_pass");
        let shown = if secret { "a second word".to_owned() } else { format!("`{}`", extra.show()) };
        let message = format!("{shown} is too much for `{}` and is ignored", item.keyword.show());
        say.warn(extra.span, message, "remove it");
    }
}

/// A whole decimal number, blanks and sign allowed as keepalived does.
pub(super) fn integer(word: &Word) -> Option<i64> {
    let text = std::str::from_utf8(&word.bytes).ok()?.trim();
    text.parse().ok()
}

/// A number in a range; else a warning that names what is used instead.
pub(super) fn number<T: TryFrom<i64> + std::fmt::Display>(
    item: &Item,
    range: RangeInclusive<i64>,
    instead: T,
    say: &mut Say,
) -> Option<T> {
    let word = one(item, say)?;
    let value = integer(word).filter(|v| range.contains(v)).and_then(|v| T::try_from(v).ok());
    if value.is_none() {
        let message = format!(
            "`{}` wants a whole number from {} to {}, not `{}`: {instead} is used",
            item.keyword.show(),
            range.start(),
            range.end(),
            word.show()
        );
        say.warn(word.span, message, format!("write `{} {instead}`", item.keyword.show()));
    }
    Some(value.unwrap_or(instead))
}

/// Seconds with decimals in a range; else a warning that names what is used instead.
pub(super) fn decimal(
    item: &Item,
    range: RangeInclusive<Duration>,
    instead: Duration,
    say: &mut Say,
) -> Option<Duration> {
    let word = one(item, say)?;
    let value = seconds(word).filter(|value| range.contains(value));
    if value.is_none() {
        let (name, instead) = (item.keyword.show(), show_seconds(instead));
        let message = format!(
            "`{name}` wants {} to {} seconds, not `{}`: {instead} is used",
            show_seconds(*range.start()),
            show_seconds(*range.end()),
            word.show()
        );
        say.warn(word.span, message, format!("write `{name} {instead}`"));
    }
    Some(value.unwrap_or(instead))
}

/// Seconds with decimals, exact to the microsecond; further digits are cut.
pub(super) fn seconds(word: &Word) -> Option<Duration> {
    let text = std::str::from_utf8(&word.bytes).ok()?.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if (whole.is_empty() && part.is_empty())
        || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros: String = part.chars().chain("000000".chars()).take(6).collect();
    Duration::from_secs(whole).checked_add(Duration::from_micros(micros.parse().ok()?))
}

/// The way back, in the shortest form.
pub(crate) fn show_seconds(time: Duration) -> String {
    let text = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A switch: on, true, yes, off, false, no; nothing means on.
pub(super) fn switch(item: &Item, say: &mut Say) -> Option<bool> {
    no_more_than(item, 1, say);
    let Some(word) = item.words.first() else { return Some(true) };
    let value = match word.bytes.as_slice() {
        b"on" | b"true" | b"yes" => Some(true),
        b"off" | b"false" | b"no" => Some(false),
        _ => None,
    };
    if value.is_none() {
        let name = item.keyword.show();
        let message = format!("`{name}` wants `on` or `off`, not `{}`; ignored", word.show());
        say.warn(word.span, message, format!("write `{name} on` or `{name} off`"));
    }
    value
}

/// A keyword that takes no word.
pub(super) fn flag(item: &Item, say: &mut Say) -> bool {
    no_more_than(item, 0, say);
    true
}

/// A name as text.
pub(super) fn text(word: &Word, say: &mut Say) -> String {
    match std::str::from_utf8(&word.bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let message = "this name is no UTF-8; the bytes that are none are replaced";
            say.warn(word.span, message, "write the name in UTF-8");
            String::from_utf8_lossy(&word.bytes).into_owned()
        }
    }
}

/// The name of a block.
pub(super) fn name(word: &Word, say: &mut Say) -> String {
    let name = text(word, say);
    if name.len() > NAME_MAX {
        let message = format!("a name has at most {NAME_MAX} bytes, this one has {}", name.len());
        say.error(word.span, message, "write a shorter one");
    }
    name
}

pub(super) fn interface(word: &Word) -> Option<IfName> {
    IfName::new(&word.bytes).ok()
}

/// `USER [[:]GROUP]`
pub(super) fn user(item: &Item, say: &mut Say) -> Option<ScriptUser> {
    no_more_than(item, 2, say);
    let user = text(first(item, say)?, say);
    let group = item.words.get(1).map(|word| {
        let name = text(word, say);
        name.strip_prefix(':').map(str::to_owned).unwrap_or(name)
    });
    Some(ScriptUser { user, group: group.filter(|name| !name.is_empty()) })
}

/// `vip_lease SECONDS|off|default`
pub(super) fn lease(item: &Item, say: &mut Say) -> Option<Lease> {
    let word = one(item, say)?;
    let seconds = integer(word).filter(|v| LEASE.contains(v)).and_then(|v| u32::try_from(v).ok());
    let value = match word.bytes.as_slice() {
        b"off" => Some(Lease::Off),
        b"default" => Some(Lease::Default),
        _ => seconds.map(Lease::Seconds),
    };
    if value.is_none() {
        let message = format!(
            "`vip_lease` wants {} to {} seconds, `off` or `default`, not `{}`; ignored",
            LEASE.start(),
            LEASE.end(),
            word.show()
        );
        say.warn(word.span, message, "write `vip_lease 3`, or remove the line");
    }
    value
}

const LEASE: RangeInclusive<i64> = 1..=3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        let span = crate::diagnostic::Span::default();
        Word { bytes: text.into(), span, quoted: false, cut: false, commented: false }
    }

    #[test]
    fn seconds_are_exact() {
        for (text, micros) in
            [("1", 1_000_000), ("0.25", 250_000), ("1.0000019", 1_000_001), (".5", 500_000)]
        {
            assert_eq!(seconds(&word(text)), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", ".", "-1", "1e3", "1,5", "x", "1.5s", "99999999999999999999"] {
            assert_eq!(seconds(&word(text)), None, "{text}");
        }
        assert_eq!(show_seconds(Duration::from_millis(1500)), "1.5");
        assert_eq!(show_seconds(Duration::from_secs(100)), "100");
    }
}
