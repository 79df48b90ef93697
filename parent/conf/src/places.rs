//! Where in the file each block, each line of it and each item of a list stands. Made from the tree
//! alone; knows nothing of values but whether a switch is off.

use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, find};
use crate::lex::Word;
use crate::tree::Item;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

/// Line and column from 1, column and length in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Rc<str>,
    /// Which of the texts that were read `file` is; 0 is the main file.
    pub text: usize,
    pub line: usize,
    pub column: usize,
    pub length: usize,
}

/// A line of a block.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) at: Place,
    /// Its value is a switch that is off.
    pub(crate) off: bool,
}

/// One block of the top level. Of `global_defs`, which may stand more than once, there is one.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Its name, or its keyword if it has none.
    pub(crate) at: Place,
    /// By the keyword; the last one counts.
    lines: HashMap<&'static str, Line>,
    /// By the keyword of the list and the first word of the item.
    items: HashMap<(&'static str, Vec<u8>), Place>,
}

impl Block {
    pub(crate) fn line(&self, keyword: &str) -> Option<&Line> {
        self.lines.get(keyword)
    }

    /// `word` as it is printed.
    pub(crate) fn item(&self, list: &str, word: &[u8]) -> Option<&Place> {
        let list = self.lines.get_key_value(list)?.0;
        self.items.get(&(*list, key(word)))
    }

    /// The first of these lines that there is, else the block.
    pub(crate) fn near(&self, keywords: &[&str]) -> &Place {
        keywords.iter().find_map(|keyword| self.line(keyword)).map_or(&self.at, |line| &line.at)
    }
}

/// All blocks of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Places {
    blocks: HashMap<(&'static str, Vec<u8>), Block>,
    held: HashMap<Vec<u8>, Place>,
}

/// Addresses, routes and rules as they are printed: no two are the same, and of many the first word
/// is.
pub(crate) type HeldLines = Vec<(Vec<u8>, Span)>;

impl Places {
    pub(crate) fn block(&self, keyword: &str, name: &[u8]) -> Option<&Block> {
        let (keyword, _) = KINDS.iter().find(|(kind, _)| *kind == keyword)?;
        self.blocks.get(&(*keyword, name.to_vec()))
    }

    pub(crate) fn held(&self, printed: &[u8]) -> Option<&Place> {
        self.held.get(printed)
    }

    pub(crate) fn globals(&self) -> Option<&Block> {
        self.block("global_defs", b"")
    }
}

/// The blocks whose lines are looked for, and what these are.
const KINDS: [(&str, Context); 8] = [
    ("global_defs", Context::Globals),
    ("vrrp_script", Context::Script),
    ("vrrp_track_process", Context::Process),
    ("vrrp_check", Context::Check),
    // Also `vrrp_track_file`.
    ("track_file", Context::File),
    ("vrrp_instance", Context::Instance),
    ("vrrp_sync_group", Context::SyncGroup),
    ("track_group", Context::TrackGroup),
];

pub(crate) fn of(items: &[Item], held: &HeldLines, say: &Say) -> Places {
    let held = held.iter().map(|(text, at)| (text.clone(), say.place(*at))).collect();
    let mut places = Places { blocks: HashMap::new(), held };
    for item in items {
        let Some((kind, context)) = KINDS.iter().find(|(kind, _)| is_of(item, kind)) else {
            continue;
        };
        let is_globals = *context == Context::Globals;
        let name = item.words.first().filter(|_| !is_globals);
        let known = String::from_utf8_lossy(name.map_or(&[], |word| &word.bytes)).into_owned();
        let at = say.place(name.map_or(item.span(), |word| word.span));
        let new = Block { at, lines: HashMap::new(), items: HashMap::new() };
        let entry = places.blocks.entry((*kind, known.into_bytes()));
        // Of two blocks with one name the second is skipped.
        if is_globals || matches!(entry, std::collections::hash_map::Entry::Vacant(_)) {
            fill(entry.or_insert(new), item, *context, say);
        }
    }
    places
}

/// Whatever name the keyword has in the file.
fn is_of(item: &Item, kind: &str) -> bool {
    item.keyword.is(kind) || kind == "track_file" && item.keyword.is("vrrp_track_file")
}

fn fill(block: &mut Block, item: &Item, context: Context, say: &Say) {
    for line in item.block.iter().flatten() {
        let Some(keyword) = find(context, &line.keyword.bytes) else { continue };
        let off =
            line.words.first().is_some_and(|w| ["off", "false", "no"].iter().any(|o| w.is(o)));
        block.lines.insert(keyword.name, Line { at: say.place(line.span()), off });
        for inner in line.block.iter().flatten() {
            let words: Vec<&Word> = match keyword.name {
                "group" => std::iter::once(&inner.keyword).chain(&inner.words).collect(),
                _ => vec![&inner.keyword],
            };
            for word in words {
                let at = Span { length: word.span.length, ..word.span };
                block.items.entry((keyword.name, key(&word.bytes))).or_insert(say.place(at));
            }
        }
    }
}

/// An address without its length, in one spelling; anything else as it is.
fn key(word: &[u8]) -> Vec<u8> {
    let host = word.split(|b| *b == b'/').next().unwrap_or(word);
    let address = std::str::from_utf8(host).ok().and_then(|text| text.parse::<IpAddr>().ok());
    address.map_or_else(|| word.to_vec(), |address| address.to_string().into_bytes())
}
