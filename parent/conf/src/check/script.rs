//! `vrrp_script`: the command, its schedule, and what its result means.

use super::globals::set;
use super::process::Processes;
use super::value::{self, flag, number, one, seconds, show_seconds, user};
use super::walk;
use crate::config::{Script, Target};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::tree::Item;
use crate::{native, shell};
use std::collections::HashMap;
use std::time::Duration;
use vipd_types::{ScriptId, Weight};

/// The scripts of the file, and where each name is defined.
pub(super) struct Scripts {
    pub(super) list: Vec<Script>,
    pub(super) ids: HashMap<String, ScriptId>,
    /// Beside `list`: the names in the file.
    pub(super) places: Vec<Span>,
    /// What else is tracked by a name of the file.
    pub(super) processes: Processes,
}

impl Scripts {
    /// For messages.
    pub(super) fn name(&self, target: Target) -> String {
        match target {
            Target::Script(id) => {
                let script = self.list.get(usize::from(id.0));
                script.map_or_else(String::new, |script| script.name.escape_debug().to_string())
            }
            Target::Process(id) => {
                let process = self.processes.list.get(usize::from(id.0));
                process.map_or_else(String::new, |one| one.name.escape_debug().to_string())
            }
            Target::Interface(name) => name.to_string(),
        }
    }
}

pub(super) fn read(
    blocks: &[&Item],
    processes: Processes,
    native_checks: bool,
    say: &mut Say,
) -> Scripts {
    let (list, ids, places) = (Vec::new(), HashMap::new(), Vec::new());
    let mut found = Scripts { list, ids, places, processes };
    for block in blocks {
        let Some(name) = one(block, say) else { continue };
        let named = String::from_utf8_lossy(&name.bytes).into_owned();
        if found.ids.contains_key(&named) {
            let message = format!("a script named `{}` is already there", name.show());
            say.warn(name.span, format!("{message}; this one is skipped"), "give it another name");
            continue;
        }
        let Ok(id) = u16::try_from(found.list.len()) else {
            say.error(name.span, "more than 65536 scripts", "remove some");
            continue;
        };
        let Some(script) = script(name, block, native_checks, say) else { continue };
        found.ids.insert(named, ScriptId(id));
        found.list.push(script);
        found.places.push(name.span);
    }
    found
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
    value::no_more_than(item, 2, say);
    let Some(word) = value::first(item, say) else { return Default::default() };
    let weight = weight_of(word, say).unwrap_or_default();
    match item.words.get(1) {
        Some(word) if word.is("reverse") => (weight, true),
        Some(word) if !word.is("noreverse") => {
            let message = format!("`{}` is no option of `weight`; ignored", word.show());
            say.warn(word.span, message, "write `reverse`, or remove it");
            (weight, false)
        }
        _ => (weight, false),
    }
}

/// -253 to 253; what is beyond is cut to that, as keepalived does.
pub(super) fn weight_of(word: &Word, say: &mut Say) -> Option<Weight> {
    let max = i64::from(Weight::MAX);
    let Some(value) = value::integer(word) else {
        let message = format!("`{}` is no weight; the default is used", word.show());
        say.warn(word.span, message, "write a whole number from -253 to 253");
        return None;
    };
    let cut = value.clamp(max.saturating_neg(), max);
    if cut != value {
        let message = format!("a weight reaches from -253 to 253: {cut} is used");
        say.warn(word.span, message, format!("write `weight {cut}`"));
    }
    i16::try_from(cut).ok().and_then(|value| Weight::try_from(value).ok())
}
