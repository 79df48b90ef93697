//! The names that are defined beforehand: folder, node, environment, random numbers, comment signs.
//! What they stand for is the same in every process that reads the same.

use super::define::Reference;
use super::{Here, Reader};
use crate::bytes::name_at;
use crate::diagnostic::Span;
use crate::digest::Digest;
use crate::lex::Word;
use std::os::unix::ffi::OsStrExt;

#[derive(Default)]
pub(super) struct Random {
    /// `random_seed`
    pub(super) seed: Option<u64>,
    /// How many numbers there were.
    count: u64,
}

impl Random {
    /// The same in every process that reads the same: no clock, no entropy.
    fn next(&mut self, id: &str) -> u64 {
        self.count = self.count.wrapping_add(1);
        let by_name = || {
            let mut digest = Digest::default();
            digest.add(id.as_bytes());
            digest.value()
        };
        let mut z = self.seed.unwrap_or_else(by_name);
        // The output function of SplitMix64.
        z = z.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

pub(super) fn seed(word: &Word) -> Option<u64> {
    std::str::from_utf8(&word.bytes).ok()?.trim().parse().ok()
}

pub(super) fn is_predefined(name: &[u8]) -> bool {
    matches!(name, b"_PWD" | b"_INSTANCE" | b"_RANDOM" | b"_ENV" | b"_HASH" | b"_BANG")
}

impl Reader<'_> {
    /// The value of a name that nobody needs to define, each byte with whether it is protected.
    pub(super) fn predefined(
        &mut self,
        here: &Here,
        found: &Reference,
        (at, quoted): (Span, bool),
    ) -> Option<Vec<(u8, bool)>> {
        let arguments = found.arguments.as_slice();
        let protected = |text: &[u8]| {
            let is_sign = |b: u8| matches!(b, b'#' | b'!');
            text.iter().map(|b| (*b, is_sign(*b))).collect::<Vec<_>>()
        };
        match (found.name.as_slice(), arguments) {
            (b"_HASH", b"") => Some(protected(self.sign(b"#", quoted, at))),
            (b"_BANG", b"") => Some(protected(self.sign(b"!", quoted, at))),
            (b"_PWD", b"") => Some(protected(here.folder.as_os_str().as_bytes())),
            (b"_INSTANCE", b"") => {
                let id = self.around.config_id().as_bytes().to_vec();
                self.digest.mark("config-id", &id);
                Some(protected(&id))
            }
            (b"_RANDOM", arguments) => Some(protected(self.random(arguments, at).as_bytes())),
            (b"_ENV", name) => {
                // As written by keepalived: a comment sign in the value begins a comment.
                let value = self.variable(name, at);
                Some(value.into_iter().map(|b| (b, false)).collect())
            }
            _ => None,
        }
    }

    /// Its manual says what vipd does; keepalived 2.2.7 begins a comment with it.
    fn sign(&mut self, sign: &'static [u8], quoted: bool, at: Span) -> &'static [u8] {
        if !quoted {
            let message = "keepalived begins a comment here, but between double quotes";
            self.say.warn(at, message, "write the whole word between double quotes");
        }
        sign
    }

    fn random(&mut self, arguments: &[u8], at: Span) -> String {
        let words: Vec<Option<u32>> = String::from_utf8_lossy(arguments)
            .split_whitespace()
            .map(|word| word.parse().ok())
            .collect();
        let range = match words.as_slice() {
            [] => Some((0, 32767)),
            [Some(min)] => Some((*min, 32767)),
            [Some(min), Some(max)] => Some((*min, *max)),
            _ => None,
        };
        let number = self.definitions.random.next(self.around.config_id());
        if self.definitions.random.seed.is_none() {
            self.digest.mark("config-id", self.around.config_id().as_bytes());
        }
        let Some((min, max)) = range.filter(|(min, max)| min <= max) else {
            let message = "`${_RANDOM}` wants a least and a greatest number, in this order";
            self.say.error(at, message, "write `${_RANDOM MIN MAX}`");
            return "0".to_owned();
        };
        let many = u64::from(max.saturating_sub(min)).saturating_add(1);
        let offset = number.checked_rem(many).unwrap_or(0);
        u64::from(min).saturating_add(offset).to_string()
    }

    fn variable(&mut self, name: &[u8], at: Span) -> Vec<u8> {
        let name = std::str::from_utf8(name).unwrap_or("");
        if name_at(name.as_bytes()).is_none_or(|whole| whole.len() != name.len()) {
            let message = "`${_ENV NAME}` needs the name of a variable";
            self.say.error(at, message, "write letters, digits and `_`");
            return Vec::new();
        }
        let value = self.around.variable(name);
        self.digest.mark("env", format!("{name}={value:?}").as_bytes());
        match value {
            Some(value) if value.iter().any(|b| matches!(b, b'\n' | b'\r' | 0)) => {
                let message = format!("the variable {name} of the environment has several lines");
                self.say.error(at, message, "give it one line");
                Vec::new()
            }
            Some(value) => value,
            None => {
                let message = format!(
                    "the environment that vipd was started with has no {name}: nothing stands here"
                );
                self.say.warn(at, message, "set it where vipd is started, and start vipd again");
                Vec::new()
            }
        }
    }
}
