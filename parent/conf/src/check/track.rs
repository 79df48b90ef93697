//! `track_script`: which checks protect an instance, and with what weight.

use super::script::{Scripts, weight_of};
use crate::config::Track;
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use crate::tree::Item;
use std::collections::HashSet;
use vipd_types::ScriptId;

/// `who` is not protected by a script that is not there.
pub(super) fn read(
    block: &Item,
    who: &str,
    scripts: &Scripts,
    found: &mut Vec<(Track, Span)>,
    say: &mut Say,
) {
    super::value::no_more_than(block, 0, say);
    let mut seen: HashSet<ScriptId> = found.iter().map(|(track, _)| track.script).collect();
    for line in block.block.as_deref().unwrap_or_default() {
        let Some(track) = track(line, who, scripts, say) else { continue };
        if !seen.insert(track.script) {
            let message =
                format!("`{}` is tracked already, this line is skipped", line.keyword.show());
            say.warn(line.span(), message, "remove it");
            continue;
        }
        found.push((track, line.span()));
    }
}

/// `NAME [weight N [reverse|noreverse]]`
fn track(line: &Item, who: &str, scripts: &Scripts, say: &mut Say) -> Option<Track> {
    let name = line.keyword.show();
    let known = scripts.ids.get(&*String::from_utf8_lossy(&line.keyword.bytes));
    let script = known.and_then(|id| scripts.list.get(usize::from(id.0)).map(|s| (*id, s)));
    let Some((id, script)) = script else {
        let message =
            format!("there is no usable vrrp_script `{name}`: {who} is NOT PROTECTED by it");
        say.warn(line.span(), message, nearest(&line.keyword, scripts));
        return None;
    };
    let mut track = Track { script: id, weight: script.weight, reverse: script.reverse };
    let mut words = line.words.iter();
    while let Some(option) = words.next() {
        match option.bytes.as_slice() {
            b"weight" => match words.next() {
                Some(word) => {
                    if let Some(weight) = weight_of(word, say) {
                        track.weight = weight;
                        track.reverse = false;
                    }
                }
                None => {
                    let message = "`weight` needs a number; the script's own weight is used";
                    say.warn(option.span, message, "write `weight N`");
                }
            },
            b"reverse" => track.reverse = true,
            b"noreverse" => track.reverse = false,
            _ => {
                let message = format!("unknown option `{}`, it is ignored", option.show());
                let remedy = "one name a line, with `weight N` and `reverse` behind it";
                say.warn(option.span, message, remedy);
            }
        }
    }
    Some(track)
}

fn nearest(written: &Word, scripts: &Scripts) -> String {
    let same = |name: &&String| name.as_bytes().eq_ignore_ascii_case(&written.bytes);
    match scripts.ids.keys().find(same) {
        Some(name) => format!("write `{}`", name.escape_debug()),
        None => format!("define `vrrp_script {} {{ … }}`, or remove the line", written.show()),
    }
}
