//! `track_file`: where the number is, what it is multiplied with, and whether the file is made.

use super::named::Named;
use super::script::weight_within;
use super::value::{self, first, integer, no_more_than, one};
use super::walk;
use crate::config::{InitFile, TrackedFile};
use crate::diagnostic::Say;
use crate::keywords::Context;
use crate::lex::Word;
use crate::limits::PATH_MAX;
use crate::tree::Item;
use vipd_types::Weight;

pub(super) fn read(blocks: &[&Item], say: &mut Say) -> Named<TrackedFile> {
    Named::read(blocks, "tracked file", say, file)
}

fn file(name: &Word, block: &Item, say: &mut Say) -> Option<TrackedFile> {
    let mut f = TrackedFile {
        name: value::name(name, say),
        path: Vec::new(),
        weight: Weight::try_from(1).unwrap_or_default(),
        reverse: false,
        init: None,
    };
    let mut is_said = false;
    let items = block.block.as_deref().unwrap_or_default();
    walk(items, Context::File, say, |keyword, item, say| match keyword {
        "file" => {
            f.path = path(item, say).unwrap_or_default();
            is_said = true;
        }
        "weight" => {
            if let Some(said) = weight_within(Weight::MAX, item, say) {
                (f.weight, f.reverse) = said;
            }
        }
        _ => f.init = Some(init(item, say)),
    });
    if !is_said {
        let message = format!("`{}` names no file and is removed", name.show());
        say.warn(name.span, message, "write `file /PATH` in it");
    }
    Some(f).filter(|f| !f.path.is_empty())
}

/// Absolute, and in a folder below the root: the checker is shut out of everything but some folders.
pub(super) fn path(item: &Item, say: &mut Say) -> Option<Vec<u8>> {
    let word = one(item, say)?;
    let inside = word.bytes.strip_prefix(b"/").unwrap_or(b"").split(|b| *b == b'/');
    let is_deep = inside.filter(|part| !part.is_empty()).count() > 1;
    let goes_up = word.bytes.split(|b| *b == b'/').any(|part| part == b"..");
    if !word.bytes.starts_with(b"/") || !is_deep || goes_up || word.bytes.ends_with(b"/") {
        let message = format!("`{}` is no path of a file that can be read", word.show());
        let remedy = "write an absolute path without `..` of a file in some folder, such as \
                      `/run/service/state`";
        say.error(word.span, message, remedy);
        return None;
    }
    if word.bytes.len() > PATH_MAX || word.bytes.contains(&0) {
        say.error(word.span, format!("a path has at most {PATH_MAX} bytes"), "write a shorter one");
        return None;
    }
    Some(word.bytes.clone())
}

/// `init_file [VALUE] [overwrite]`
fn init(item: &Item, say: &mut Say) -> InitFile {
    no_more_than(item, 2, say);
    let mut init = InitFile { value: 0, overwrite: false };
    if item.words.is_empty() {
        return init;
    }
    let _ = first(item, say);
    for word in item.words.iter().take(2) {
        if word.is("overwrite") {
            init.overwrite = true;
        } else if let Some(value) = integer(word).and_then(|value| i32::try_from(value).ok()) {
            init.value = value;
        } else {
            let message = format!("`{}` is neither a number nor `overwrite`; ignored", word.show());
            say.warn(word.span, message, "write `init_file VALUE overwrite`, or less of it");
        }
    }
    init
}
