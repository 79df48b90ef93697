//! Words and braces to items and blocks. Mends what a reader can mend (a brace too many, one too
//! few) and says so; knows keywords only where they show that a brace is missing.

use crate::diagnostic::{Say, Span};
use crate::lex::{Piece, Word};

/// One line: a keyword or a value, its words, and the block that follows.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) keyword: Word,
    pub(crate) words: Vec<Word>,
    pub(crate) block: Option<Vec<Item>>,
}

impl Item {
    /// The place of the keyword.
    pub(crate) fn span(&self) -> Span {
        self.keyword.span
    }
}

/// Deeper than any keyword of the language goes.
const MAX_DEPTH: usize = 12;

/// These open a block at top level only: inside another block they show that it was not closed.
const TOP_LEVEL: [&str; 11] = [
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "vrrp_track_process",
    "vrrp_track_file",
    "vrrp_check",
    "virtual_server",
    "virtual_server_group",
    "static_ipaddress",
    "static_routes",
];

pub(crate) fn grow(pieces: Vec<Piece>, say: &mut Say) -> Vec<Item> {
    let mut tree = Tree { top: Vec::new(), open: Vec::new(), skipped: 0 };
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Words(words) => {
                let opens = matches!(pieces.peek(), Some(Piece::Open(_)));
                tree.words(words, opens, say);
            }
            Piece::Open(span) => tree.open(span, say),
            Piece::Close(span) => tree.close(span, say),
        }
    }
    tree.finish(say)
}

struct Tree {
    top: Vec<Item>,
    /// Blocks not closed yet, outermost first.
    open: Vec<Open>,
    /// Braces open in what is skipped.
    skipped: usize,
}

struct Open {
    /// None: a block without a keyword, to be thrown away.
    item: Option<Item>,
    at: Span,
    inside: Vec<Item>,
}

impl Tree {
    fn words(&mut self, words: Vec<Word>, opens: bool, say: &mut Say) {
        let mut words = words.into_iter();
        let Some(keyword) = words.next() else { return };
        if opens && !keyword.quoted && TOP_LEVEL.iter().any(|k| keyword.is(k)) {
            self.close_forgotten(&keyword, say);
        }
        if self.skipped == 0 {
            self.level().push(Item { keyword, words: words.collect(), block: None });
        }
    }

    /// A block of the top level begins while others are open.
    fn close_forgotten(&mut self, keyword: &Word, say: &mut Say) {
        self.skipped = 0;
        if let Some(outermost) = self.open.first() {
            let message = format!(
                "`{}` inside the block that begins on {}: a `}}` is missing before it",
                keyword.show(),
                say.line_of(outermost.at, keyword.span)
            );
            say.error(keyword.span, message, "close the block before this line");
        }
        while let Some(open) = self.open.pop() {
            self.shut(open);
        }
    }

    fn open(&mut self, at: Span, say: &mut Say) {
        if self.skipped > 0 || self.open.len() >= MAX_DEPTH {
            if self.skipped == 0 {
                say.error(at, "blocks are nested too deeply here", "remove this block");
            }
            self.skipped = self.skipped.saturating_add(1);
            return;
        }
        let item = self.level().pop_if(|item| item.block.is_none());
        if item.is_none() {
            let message = "a `{` without a keyword before it; its block is skipped";
            say.error(at, message, "write the keyword before it");
        }
        self.open.push(Open { item, at, inside: Vec::new() });
    }

    fn close(&mut self, at: Span, say: &mut Say) {
        if self.skipped > 0 {
            self.skipped = self.skipped.saturating_sub(1);
            return;
        }
        match self.open.pop() {
            Some(open) => self.shut(open),
            None => say.warn(at, "a `}` too many, it is skipped", "remove it"),
        }
    }

    fn shut(&mut self, open: Open) {
        if let Some(mut item) = open.item {
            item.block = Some(open.inside);
            self.level().push(item);
        }
    }

    fn level(&mut self) -> &mut Vec<Item> {
        self.open.last_mut().map_or(&mut self.top, |open| &mut open.inside)
    }

    fn finish(mut self, say: &mut Say) -> Vec<Item> {
        while let Some(open) = self.open.pop() {
            let message = "this block is not closed, the file ends inside it";
            say.warn(open.at, message, "write the missing `}`");
            self.shut(open);
        }
        self.top
    }
}
