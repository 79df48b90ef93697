//! `vrrp_script`: the command, its schedule, and what its result means.

use super::globals::set;
use super::named::Named;
use super::value::{self, flag, number, one, seconds, show_seconds, user};
use super::walk;
use crate::config::{NativeCheck, Script, Target, TrackedFile, TrackedProcess};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::tree::Item;
use crate::{native, shell};
use std::time::Duration;
use vipd_types::Weight;

/// What can be tracked by a name of the file.
pub(super) struct Scripts {
    pub(super) scripts: Named<Script>,
    pub(super) processes: Named<TrackedProcess>,
    pub(super) files: Named<TrackedFile>,
    pub(super) checks: Named<NativeCheck>,
}

impl Scripts {
    /// For messages.
    pub(super) fn name(&self, target: Target) -> String {
        fn nth<T>(list: &[T], id: u16, name: impl Fn(&T) -> &String) -> String {
            let found = list.get(usize::from(id));
            found.map_or_else(String::new, |one| name(one).escape_debug().to_string())
        }
        match target {
            Target::Script(id) => nth(&self.scripts.list, id.0, |one| &one.name),
            Target::Process(id) => nth(&self.processes.list, id.0, |one| &one.name),
            Target::File(id) => nth(&self.files.list, id.0, |one| &one.name),
            Target::Check(id) => nth(&self.checks.list, id.0, |one| &one.name),
            Target::Interface(name) => name.to_string(),
        }
    }
}

pub(super) fn read(blocks: &[&Item], native_checks: bool, say: &mut Say) -> Named<Script> {
    Named::read(blocks, "script", say, |name, block, say| script(name, block, native_checks, say))
}

/// A day, for interval and timeout.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

fn script(name: &Word, block: &Item, native_checks: bool, say: &mut Say) -> Option<Script> {
    let mut s = Script {
        name: value::name(name, say),
        argv: Vec::new(),
        native: None,
        user: None,
        interval: Duration::from_secs(1),
        timeout: Duration::ZERO,
        weight: Weight::default(),
        reverse: false,
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    let items = block.block.as_deref().unwrap_or_default();
    walk(items, Context::Script, say, |keyword, item, say| match keyword {
        "script" => s.argv = command(item, say).unwrap_or_default(),
        "interval" => set(&mut s.interval, time(item, Duration::from_secs(1), say)),
        "timeout" => set(&mut s.timeout, time(item, Duration::ZERO, say)),
        "weight" => (s.weight, s.reverse) = weight(item, say),
        "rise" => set(&mut s.rise, number(item, 1..=i64::from(u16::MAX), 1, say)),
        "fall" => set(&mut s.fall, number(item, 1..=i64::from(u16::MAX), 1, say)),
        "user" => s.user = user(item, say),
        _ => s.init_fail = flag(item, say),
    });
    if s.argv.is_empty() {
        let message = format!("script `{}` has no command and is removed", name.show());
        say.warn(name.span, message, "write `script \"COMMAND ARGUMENTS\"` in it");
        return None;
    }
    if s.timeout.is_zero() {
        s.timeout = s.interval;
    }
    s.native = native::recognise(&s.argv).filter(|_| native_checks);
    Some(s)
}

/// The command of a check: all of it in one pair of quotes.
fn command(item: &Item, say: &mut Say) -> Option<Vec<Vec<u8>>> {
    let word = value::first(item, say)?;
    if item.words.len() > 1 {
        speak_of_missing_quotes(item, 1, "words after the first are not part of it", say);
    }
    split(word, say)
}

/// `part` of the words are a command, a user and so on.
pub(super) fn speak_of_missing_quotes(item: &Item, part: usize, why: &str, say: &mut Say) {
    let (Some(first), Some(second), Some(last)) =
        (item.words.first(), item.words.get(part), item.words.last())
    else {
        return;
    };
    let all: Vec<String> = item.words.iter().map(Word::show).collect();
    let length = last.span.column.saturating_add(last.span.length);
    let rest = Span { length: length.saturating_sub(second.span.column), ..second.span };
    let message = format!(
        "ONLY `{}` WILL BE RUN: without quotes round the whole command the {why} (keepalived does \
         the same)",
        first.show()
    );
    let name = item.keyword.show();
    say.warn(rest, message, format!("write `{name} \"{}\"`", all.join(" ")));
}

/// A command of one word of the file into its arguments.
pub(super) fn split(word: &Word, say: &mut Say) -> Option<Vec<Vec<u8>>> {
    let argv = match shell::split(&word.bytes) {
        Ok(argv) => argv,
        Err(why) => {
            say.error(word.span, why.message(), "write the command so that it splits into words");
            return None;
        }
    };
    if argv.first().is_some_and(|program| program.starts_with(b"<")) {
        let message = "there is no shell to open this: the check fails always (keepalived starts a \
                       shell for a command that begins with `<`)";
        let remedy = format!("write `script \"/bin/bash -c '{}'\"`", word.show());
        say.warn(word.span, message, remedy);
    } else if let Some(sign) = native::shell_sign(&argv) {
        let message = format!(
            "there is no shell: `{}` is handed to the command as an argument, as keepalived does",
            sign.escape_ascii()
        );
        let remedy = "put the line into a script file, or write `/bin/sh -c '…'`";
        say.warn(word.span, message, remedy);
    }
    if word.cut {
        let message = "a comment sign ends the command here";
        say.hint(word.span, message, "put the command in double quotes to keep `#` and `!`");
    }
    Some(argv)
}

/// Seconds; 0 means `zero`.
pub(super) fn time(item: &Item, zero: Duration, say: &mut Say) -> Option<Duration> {
    let word = one(item, say)?;
    let name = item.keyword.show();
    let Some(value) = seconds(word).filter(|value| *value <= LONGEST) else {
        let message = format!("`{name}` wants 0.001 to 86400 seconds, not `{}`", word.show());
        say.warn(word.span, format!("{message}; the default is used"), format!("write `{name} 2`"));
        return None;
    };
    let millis = Duration::from_millis(u64::try_from(value.as_millis()).ok()?);
    if millis.is_zero() && !zero.is_zero() {
        let message = format!("`{name}` of 0: {} second is used", show_seconds(zero));
        say.warn(word.span, message, format!("write `{name} 1`"));
    } else if millis != value {
        let message =
            format!("`{name}` is exact to milliseconds: {} is used", show_seconds(millis));
        say.warn(word.span, message, format!("write `{name} {}`", show_seconds(millis)));
    }
    Some(if millis.is_zero() { zero } else { millis })
}

/// `weight N [reverse]`
pub(super) fn weight(item: &Item, say: &mut Say) -> (Weight, bool) {
    weight_within(MOST, item, say).unwrap_or_default()
}

/// The same, with another range; `None` where the line gives no weight.
pub(super) fn weight_within(most: i16, item: &Item, say: &mut Say) -> Option<(Weight, bool)> {
    value::no_more_than(item, 2, say);
    let weight = weight_of(value::first(item, say)?, most, say)?;
    match item.words.get(1) {
        Some(word) if word.is("reverse") => Some((weight, true)),
        Some(word) if !word.is("noreverse") => {
            let message = format!("`{}` is no option of `weight`; ignored", word.show());
            say.warn(word.span, message, "write `reverse`, or remove it");
            Some((weight, false))
        }
        _ => Some((weight, false)),
    }
}

/// The most that a weight can be; a file's goes further by one.
pub(super) const MOST: i16 = 253;

/// What is beyond the range is cut to it, as keepalived does.
pub(super) fn weight_of(word: &Word, most: i16, say: &mut Say) -> Option<Weight> {
    let max = i64::from(most);
    let Some(value) = value::integer(word) else {
        let message = format!("`{}` is no weight; the default is used", word.show());
        say.warn(word.span, message, format!("write a whole number from -{max} to {max}"));
        return None;
    };
    let cut = value.clamp(max.saturating_neg(), max);
    if cut != value {
        let message = format!("a weight reaches from -{max} to {max}: {cut} is used");
        say.warn(word.span, message, format!("write `weight {cut}`"));
    }
    i16::try_from(cut).ok().and_then(|value| Weight::try_from(value).ok())
}
