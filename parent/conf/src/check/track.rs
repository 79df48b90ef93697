//! `track_script`, `track_process`, `track_file` and `track_interface`: what an instance depends on, and with what weight.

use super::script::{MOST, Scripts, weight_of};
use super::value::{interface, no_more_than};
use crate::config::{Target, Track};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::suggest;
use crate::tree::Item;
use std::collections::HashSet;
use vipd_types::{CheckId, FileId, IfName, ProcessId, ScriptId, Weight};

/// `who` is not protected by a script that is not there.
pub(super) fn scripts(
    block: &Item,
    who: &str,
    scripts: &Scripts,
    found: &mut Vec<(Track, Span)>,
    say: &mut Say,
) {
    read(block, MOST, found, say, |line, say| {
        if let Some((id, script)) = scripts.scripts.find(&line.keyword) {
            let target = Target::Script(ScriptId(id));
            return Some(Track { target, weight: script.weight, reverse: script.reverse });
        }
        if let Some((id, check)) = scripts.checks.find(&line.keyword) {
            let target = Target::Check(CheckId(id));
            return Some(Track { target, weight: check.weight, reverse: check.reverse });
        }
        let known = scripts.scripts.names().chain(scripts.checks.names());
        missing(line, "vrrp_script", who, known, say);
        None
    });
}

/// As `scripts`, for `vrrp_track_process`.
pub(super) fn processes(
    block: &Item,
    who: &str,
    scripts: &Scripts,
    found: &mut Vec<(Track, Span)>,
    say: &mut Say,
) {
    read(block, MOST, found, say, |line, say| match scripts.processes.find(&line.keyword) {
        Some((id, process)) => {
            let target = Target::Process(ProcessId(id));
            Some(Track { target, weight: process.weight, reverse: process.reverse })
        }
        None => {
            missing(line, "vrrp_track_process", who, scripts.processes.names(), say);
            None
        }
    });
}

/// As `scripts`, for `track_file` at the top level.
pub(super) fn files(
    block: &Item,
    who: &str,
    scripts: &Scripts,
    found: &mut Vec<(Track, Span)>,
    say: &mut Say,
) {
    read(block, Weight::MAX, found, say, |line, say| match scripts.files.find(&line.keyword) {
        Some((id, file)) => {
            let target = Target::File(FileId(id));
            Some(Track { target, weight: file.weight, reverse: file.reverse })
        }
        None => {
            missing(line, "track_file", who, scripts.files.names(), say);
            None
        }
    });
}

fn missing<'a>(
    line: &Item,
    kind: &str,
    who: &str,
    known: impl Iterator<Item = &'a String>,
    say: &mut Say,
) {
    let name = line.keyword.show();
    let message = format!("there is no usable {kind} `{name}`: {who} is NOT PROTECTED by it");
    say.warn(line.span(), message, nearest(&line.keyword, kind, known));
}

/// Whether it exists is seen when the daemon runs; one that does not is down.
pub(super) fn interfaces(block: &Item, who: &str, found: &mut Vec<(Track, Span)>, say: &mut Say) {
    read(block, MOST, found, say, |line, say| {
        let Some(name) = interface(&line.keyword) else {
            let message = format!(
                "`{}` is no name of an interface: {who} is NOT PROTECTED by it",
                line.keyword.show()
            );
            say.warn(line.span(), message, "write one of 1 to 15 bytes, as `ip link` shows it");
            return None;
        };
        let target = Target::Interface(name);
        Some(Track { target, weight: Weight::default(), reverse: false })
    });
}

/// Written out of habit; it says nothing new.
pub(super) fn own_interface(
    tracks: &[(Track, Span)],
    own: IfName,
    track_primary: bool,
    say: &mut Say,
) {
    for (track, at) in tracks.iter().filter(|(track, _)| track.target == Target::Interface(own)) {
        if track_primary && track.weight.get() == 0 {
            let message =
                format!("{own} is the interface of this instance, which is tracked anyway");
            say.hint(*at, message, "remove the line, or keep it for keepalived");
        } else if track_primary {
            let message = format!(
                "{own} is the interface of this instance: without its link the instance is in \
                 FAULT, and the weight means nothing"
            );
            say.warn(*at, message, "remove the weight, or write `dont_track_primary`");
        }
    }
}

/// Kind after kind, whatever the order of the blocks.
pub(super) fn in_order(mut found: Vec<(Track, Span)>) -> (Vec<Track>, Vec<Span>) {
    found.sort_by_key(|(track, _)| match track.target {
        Target::Script(_) => 0,
        Target::Check(_) => 1,
        Target::Process(_) => 2,
        Target::File(_) => 3,
        Target::Interface(_) => 4,
    });
    found.into_iter().unzip()
}

/// `NAME [weight N [reverse|noreverse]]` on each line.
fn read(
    block: &Item,
    most: i16,
    found: &mut Vec<(Track, Span)>,
    say: &mut Say,
    mut target: impl FnMut(&Item, &mut Say) -> Option<Track>,
) {
    no_more_than(block, 0, say);
    let mut seen: HashSet<Target> = found.iter().map(|(track, _)| track.target).collect();
    for line in block.block.as_deref().unwrap_or_default() {
        let Some(mut track) = target(line, say) else { continue };
        options(&mut track, most, line, say);
        if !seen.insert(track.target) {
            let message =
                format!("`{}` is tracked already, this line is skipped", line.keyword.show());
            say.warn(line.span(), message, "remove it");
            continue;
        }
        found.push((track, line.span()));
    }
}

fn options(track: &mut Track, most: i16, line: &Item, say: &mut Say) {
    let mut words = line.words.iter();
    while let Some(option) = words.next() {
        match option.bytes.as_slice() {
            b"weight" => match words.next() {
                Some(word) => {
                    if let Some(weight) = weight_of(word, most, say) {
                        track.weight = weight;
                        track.reverse = false;
                    }
                }
                None => {
                    let message = match track.target {
                        Target::Script(_) => {
                            "`weight` needs a number; the script's own weight is used"
                        }
                        Target::Process(_) | Target::File(_) | Target::Check(_) => {
                            "`weight` needs a number; that of the block is used"
                        }
                        Target::Interface(_) => "`weight` needs a number; 0 is used",
                    };
                    say.warn(option.span, message, "write `weight N`");
                }
            },
            b"reverse" => track.reverse = true,
            b"noreverse" => track.reverse = false,
            _ => {
                let message = format!("unknown option `{}`, it is ignored", option.show());
                let remedy = match suggest::keyword(Context::TrackLine, &option.bytes) {
                    Some(near) => format!("write `{near}` if that was meant"),
                    None => "write one name a line, with `weight N` and `reverse` behind it".into(),
                };
                say.warn(option.span, message, remedy);
            }
        }
    }
}

/// What to write for a name that nothing has.
pub(super) fn nearest<'a>(
    written: &Word,
    kind: &str,
    known: impl Iterator<Item = &'a String>,
) -> String {
    match suggest::name(&written.bytes, known) {
        Some(name) => format!("write `{}` if that was meant", name.escape_debug()),
        None => format!("define `{kind} {} {{ … }}`, or remove the name", written.show()),
    }
}
