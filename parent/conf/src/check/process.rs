//! `vrrp_track_process`: which process is looked for, how many of them there must be, and for how
//! long before it counts.

use super::globals::set;
use super::named::Named;
use super::script::weight;
use super::value::{self, decimal, flag, number, one};
use super::walk;
use crate::config::{ParamMatch, TrackedProcess};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::shell;
use crate::tree::Item;
use std::ops::RangeInclusive;
use std::time::Duration;
use vipd_types::Weight;

const DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
const MOST: i64 = 65_535;

pub(super) fn read(blocks: &[&Item], say: &mut Say) -> Named<TrackedProcess> {
    Named::read(blocks, "tracked process", say, process)
}

fn process(name: &Word, block: &Item, say: &mut Say) -> Option<TrackedProcess> {
    let mut p = TrackedProcess {
        name: value::name(name, say),
        process: Vec::new(),
        arguments: None,
        param_match: ParamMatch::Exact,
        full_command: false,
        weight: Weight::default(),
        reverse: false,
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
    };
    let (mut max, mut match_at) = (None, None);
    let items = block.block.as_deref().unwrap_or_default();
    walk(items, Context::Process, say, |keyword, item, say| match keyword {
        "process" => command(&mut p, item, say),
        "param_match" => {
            match_at = Some(item.span());
            set(&mut p.param_match, param_match(item, say));
        }
        "full_command" => p.full_command = flag(item, say),
        "weight" => (p.weight, p.reverse) = weight(item, say),
        "quorum" => set(&mut p.quorum, number(item, 1..=MOST, 1, say)),
        "quorum_max" => {
            max = number(item, 0..=MOST, MOST, say).map(|max: i64| (max, item.span()));
        }
        "delay" => {
            if let Some(delay) = delay(item, say) {
                (p.fork_delay, p.terminate_delay) = (delay, delay);
            }
        }
        "fork_delay" => set(&mut p.fork_delay, delay(item, say)),
        _ => set(&mut p.terminate_delay, delay(item, say)),
    });
    if p.process.is_empty() {
        let message = format!("`{}` names no process and is removed", name.show());
        say.warn(name.span, message, "write `process NAME` in it");
        return None;
    }
    if let (Some(at), None) = (match_at, &p.arguments) {
        say.warn(
            at,
            "`param_match` without arguments means nothing",
            "write the arguments behind the name, all in one pair of double quotes",
        );
        p.param_match = ParamMatch::Exact;
    }
    quorum_max(&mut p, max, say);
    Some(p)
}

/// `quorum_max` of 0 is for a process that must not be there, which a quorum cannot say.
fn quorum_max(p: &mut TrackedProcess, max: Option<(i64, Span)>, say: &mut Say) {
    let Some((max, at)) = max else { return };
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    if max == 0 {
        p.quorum = 0;
    } else if max < p.quorum {
        let message =
            format!("`quorum_max` {max} is less than `quorum` {}: it is ignored", p.quorum);
        say.warn(at, message, "write a greater number");
        return;
    }
    p.quorum_max = Some(max);
}

/// `NAME` or `"NAME ARGUMENT..."`
fn command(p: &mut TrackedProcess, item: &Item, say: &mut Say) {
    let Some(word) = value::first(item, say) else { return };
    if let Some(second) = item.words.get(1) {
        let all: Vec<String> = item.words.iter().map(Word::show).collect();
        let message = "without quotes round the whole command only its first word counts";
        say.warn(second.span, message, format!("write `process \"{}\"`", all.join(" ")));
    }
    let mut argv = match shell::split(&word.bytes) {
        Ok(argv) => argv.into_iter(),
        Err(why) => {
            say.error(word.span, why.message(), "write the command so that it splits into words");
            return;
        }
    };
    p.process = argv.next().unwrap_or_default();
    let arguments: Vec<Vec<u8>> = argv.collect();
    p.arguments = (!arguments.is_empty()).then_some(arguments);
}

fn param_match(item: &Item, say: &mut Say) -> Option<ParamMatch> {
    let word = one(item, say)?;
    match word.bytes.as_slice() {
        b"exact" => Some(ParamMatch::Exact),
        b"initial" => Some(ParamMatch::Initial),
        b"partial" => Some(ParamMatch::Partial),
        _ => {
            let message =
                format!("`{}` is no `param_match`; all arguments must be equal", word.show());
            say.warn(word.span, message, "write `initial` or `partial`, or remove the line");
            None
        }
    }
}

/// Counted in looks, of which there is one each second.
fn delay(item: &Item, say: &mut Say) -> Option<Duration> {
    let value = decimal(item, DELAY, Duration::ZERO, say)?;
    let whole =
        Duration::from_secs(value.as_secs().saturating_add(u64::from(value.subsec_nanos() > 0)));
    if whole != value {
        let message = format!(
            "`{}` is counted in whole seconds: {} is used",
            item.keyword.show(),
            whole.as_secs()
        );
        say.hint(
            item.span(),
            message,
            format!("write `{} {}`", item.keyword.show(), whole.as_secs()),
        );
    }
    Some(whole)
}
