//! The metrics of a route: numbers that the kernel's TCP and IP start from. `lock` before the value
//! keeps the kernel from changing it.

use super::words::{Words, unsigned};
use crate::diagnostic::Say;
use crate::lex::Word;
use crate::routing::{CONGESTION, Metric};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Wishes {
    pub(super) values: BTreeMap<Metric, u32>,
    pub(super) locked: u32,
    pub(super) congestion: Option<String>,
}

impl Wishes {
    pub(super) fn keyword(
        &mut self,
        name: &str,
        word: &Word,
        words: &mut Words<'_>,
        say: &mut Say,
    ) -> Option<()> {
        let lock = words.next_if("lock");
        let known = Metric::NUMBERS.iter().find(|(_, known)| *known == name);
        let bit = match known {
            Some((metric, "rtt" | "rttvar" | "rto_min")) => {
                let value = time(name, word, words, say)?;
                self.values.insert(*metric, value);
                metric.bit()
            }
            Some((metric, _)) => {
                let most = match name {
                    "hoplimit" => 255,
                    "quickack" | "fastopen_no_cookie" => 1,
                    _ => u32::MAX.into(),
                };
                self.values.insert(*metric, words.number(word, 0..=most, say)?);
                metric.bit()
            }
            None if name == "features" => {
                words.one_of(word, &[((), "ecn")], say)?;
                self.values.insert(Metric::Features, 1);
                0
            }
            None => {
                let value = words.value(word, say)?;
                let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-".contains(b);
                if value.bytes.len() > 15 || !value.bytes.iter().all(is_name) {
                    let message = format!("`{}` is no congestion control", value.show());
                    return words.bad(value.span, &message, "write for example `cubic`", say);
                }
                self.congestion = Some(String::from_utf8_lossy(&value.bytes).into_owned());
                CONGESTION
            }
        };
        if lock {
            self.locked |= bit;
        }
        Some(())
    }
}

/// As iproute2: a bare number is in the kernel's unit, one with `s` or `ms` is a time.
fn time(name: &str, option: &Word, words: &mut Words<'_>, say: &mut Say) -> Option<u32> {
    let word = words.value(option, say)?;
    let text = std::str::from_utf8(&word.bytes).unwrap_or("");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: Option<u64> = digits.parse().ok();
    let millis = match text.get(digits.len()..) {
        Some("") => return raw(unsigned(word), word, option, words, say),
        Some("s" | "sec" | "secs") => number.and_then(|n| n.checked_mul(1000)),
        Some("ms" | "msec" | "msecs") => number,
        _ => None,
    };
    let unit: u64 = match name {
        "rtt" => 8,
        "rttvar" => 4,
        _ => 1,
    };
    raw(millis.and_then(|n| n.checked_mul(unit)), word, option, words, say)
}

fn raw(
    value: Option<u64>,
    word: &Word,
    option: &Word,
    words: &Words<'_>,
    say: &mut Say,
) -> Option<u32> {
    value.and_then(|n| u32::try_from(n).ok()).or_else(|| {
        let message = format!("`{}` wants a time, not `{}`", option.show(), word.show());
        words.bad(word.span, &message, "write for example `200ms`", say)
    })
}
