//! From files to words and braces: includes, definitions, conditions and sequences are gone behind
//! it. Goes line by line in the order of keepalived: comment, condition, definition, sequence,
//! substitution, include, braces. Knows no keyword but those that change how it reads.

mod block;
mod define;
mod include;
mod predefined;
mod repeat;
mod sequence;

use crate::around::Around;
use crate::bytes::{self, Byte, Line, definition_name, span, strip, trim, values};
use crate::diagnostic::{Say, Span};
use crate::digest::Digest;
use crate::lex::{Piece, words};
use crate::say::Source;
use block::Block;
use define::{Definitions, Tail};
use include::Checks;
pub(crate) use include::check_named;
use repeat::Spent;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// keepalived's line buffer; it drops longer lines.
const KEEPALIVED_LINE: usize = 1023;

/// A line that substitution has made is at most so long.
const LONGEST: usize = 1 << 16;

/// Rounds of substitution in one line.
const ROUNDS: usize = 32;

/// Includes, definitions and sequences inside one another.
const DEEPEST: usize = 48;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Reads the main file and all that it includes.
pub(crate) fn read(
    name: &str,
    path: &Path,
    text: &Rc<[u8]>,
    around: &mut dyn Around,
    say: &mut Say,
) -> (Vec<Piece>, u64) {
    let mut digest = Digest::default();
    digest.add(text);
    let mut reader = Reader {
        around,
        say,
        pieces: Vec::new(),
        digest,
        definitions: Definitions::default(),
        checks: Checks::default(),
        block: Block::default(),
        open: vec![path.to_owned()],
        read: HashMap::new(),
        inside: Vec::new(),
        depth: 0,
        spent: Spent::default(),
    };
    let here = Here::of(0, name, path);
    reader.file(&here, text, Source::default());
    (reader.pieces, reader.digest.value())
}

/// The file being read.
#[derive(Clone)]
struct Here {
    text: usize,
    folder: Rc<Path>,
    /// The same as messages show it.
    shown: Rc<Path>,
}

impl Here {
    fn of(text: usize, name: &str, path: &Path) -> Self {
        let folder = |path: &Path| path.parent().unwrap_or(Path::new("")).into();
        Self { text, folder: folder(path), shown: folder(Path::new(name)) }
    }
}

struct Reader<'a> {
    around: &'a mut dyn Around,
    say: &'a mut Say,
    pieces: Vec<Piece>,
    digest: Digest,
    definitions: Definitions,
    /// `include_check`
    checks: Checks,
    block: Block,
    /// Files being read, the main file first.
    open: Vec<PathBuf>,
    /// What was included already.
    read: HashMap<PathBuf, usize>,
    /// Definitions of several lines being read, outermost first.
    inside: Vec<Rc<str>>,
    depth: usize,
    spent: Spent,
}

/// A definition whose lines are still coming.
struct Collect {
    name: Vec<u8>,
    at: Span,
    lines: Vec<Vec<Byte>>,
    /// False: behind a condition that is not met.
    keep: bool,
}

impl Reader<'_> {
    fn file(&mut self, here: &Here, text: &[u8], source: Source) {
        let mut collect: Option<Collect> = None;
        for (number, raw) in (1..).zip(text.split(|b| *b == b'\n')) {
            let written = raw.trim_ascii_end();
            let line = bytes::raw(written, source, here.text, number);
            let Some(mut line) = strip(&line, self.say) else { continue };
            if number == 1 {
                self.drop_bom(&mut line.bytes);
            }
            if let Some(first) = line.bytes.first().filter(|_| raw.len() >= KEEPALIVED_LINE) {
                let message = "keepalived would drop this line, it is longer than 1022 bytes";
                let remedy = "vipd reads it; split it for keepalived";
                self.say.warn(span(&[*first]), message, remedy);
            }
            match collect.take() {
                None => collect = self.line(here, line),
                // As in keepalived, a blank line is no line of a definition.
                Some(open) if line.bytes.is_empty() && !goes_on(&line) => {
                    collect = Some(open);
                }
                Some(mut open) => {
                    let more = goes_on(&line);
                    open.lines.push(line.bytes);
                    if more {
                        collect = Some(open);
                    } else {
                        self.define_lines(open);
                    }
                }
            }
        }
        if let Some(open) = collect {
            let message = "the file ends inside this definition";
            self.say.warn(open.at, message, "end its last line without a backslash");
            self.define_lines(open);
        }
    }

    /// A byte order mark is no part of the first word.
    fn drop_bom(&mut self, kept: &mut Vec<Byte>) {
        let Some(mark) = kept.get(..BOM.len()).filter(|mark| values(mark) == BOM) else { return };
        let message =
            "the file begins with a byte order mark, which spoils keepalived's first line";
        self.say.warn(span(mark), message, "save the file as UTF-8 without it");
        kept.drain(..BOM.len());
    }

    /// One line, and what it expands to. Returns a definition that goes on on the next line.
    fn line(&mut self, here: &Here, line: Line) -> Option<Collect> {
        let Line { mut bytes, continued, hidden } = line;
        let goes_on = continued.or(hidden);
        let mut tails: Vec<Tail> = Vec::new();
        let mut collect = None;
        for round in 0.. {
            let Some(rest) = self.conditions(&bytes) else {
                collect = dropped_definition(&bytes, goes_on);
                tails.retain(|tail| !tail.behind_text);
                break;
            };
            if let Some(name) = defined(rest) {
                collect = self.definition(name, rest, goes_on);
                break;
            }
            self.no_continuation(continued.filter(|_| round == 0));
            if sequence::keyword(rest).is_some() {
                self.sequence(here, rest);
                break;
            }
            let next = self.substitute(here, rest);
            if !next.changed {
                self.speak_of(&next.left, rest);
                self.finish(here, rest, round > 0);
                break;
            }
            tails.extend(next.tail);
            if round >= ROUNDS || next.bytes.len() > LONGEST {
                self.too_much(round >= ROUNDS, rest);
                return None;
            }
            let Some(again) = strip(&next.bytes, self.say) else { break };
            bytes = again.bytes;
        }
        for tail in tails.into_iter().rev() {
            self.body(here, tail);
        }
        collect
    }

    fn no_continuation(&mut self, continued: Option<Span>) {
        if let Some(at) = continued {
            let message = "a backslash at the end continues a `$` definition only";
            self.say.warn(at, message, "write it on one line");
        }
    }

    fn too_much(&mut self, rounds: bool, line: &[Byte]) {
        let at = line.iter().position(|b| b.value == b'$').unwrap_or(0);
        let place = span(line.get(at..).unwrap_or(line));
        if rounds {
            let message = "a definition on this line refers to itself";
            self.say.error(place, message, "break the circle");
        } else {
            let message = format!("this line would be longer than {LONGEST} bytes");
            self.say.error(place, message, "use a definition of several lines");
        }
    }

    /// `@ID` and `@^ID`, any number of them. None: the line is not for this node.
    fn conditions<'b>(&mut self, line: &'b [Byte]) -> Option<&'b [Byte]> {
        let mut rest = line;
        while let Some((at, behind)) = rest.split_first().filter(|(b, _)| is_at(**b)) {
            let end = behind.iter().position(|b| b.is_blank()).unwrap_or(behind.len());
            let (id, after) = behind.split_at_checked(end).unwrap_or((behind, &[]));
            let id = values(id);
            let (not, id) = match id.strip_prefix(b"^") {
                Some(id) => (true, id),
                None => (false, id.as_slice()),
            };
            if id.is_empty() {
                let message = "`@` without the name of a node";
                self.say.warn(span(&[*at]), message, "write `@NAME`, or `@^NAME` for all others");
            }
            self.digest.mark("config-id", self.around.config_id().as_bytes());
            if (id == self.around.config_id().as_bytes()) == not {
                return None;
            }
            rest = trim(after);
        }
        Some(rest)
    }

    /// Cuts a line at its braces and the parts into words, and reads what is to be included.
    fn finish(&mut self, here: &Here, line: &[Byte], made: bool) {
        if made && line.len() >= KEEPALIVED_LINE {
            let message = "keepalived would not make this line, it is longer than 1022 bytes";
            self.say.warn(span(line), message, "vipd reads it; split it for keepalived");
        }
        let mut rest = line;
        while !rest.is_empty() {
            if let Some(after) = self.include(here, trim(rest)) {
                rest = after;
                continue;
            }
            let end = rest.iter().position(|b| b.is_brace()).unwrap_or(rest.len());
            let (text, from_brace) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let found = words(text, self.say);
            if !found.is_empty() {
                self.emit(Piece::Words(found));
            }
            let Some((brace, after)) = from_brace.split_first() else { break };
            let at = span(&[*brace]);
            self.emit(if brace.value == b'{' { Piece::Open(at) } else { Piece::Close(at) });
            rest = after;
        }
    }
}

/// As in keepalived, a backslash at the end of a comment counts, too.
fn goes_on(line: &Line) -> bool {
    line.continued.is_some() || line.hidden.is_some()
}

fn is_at(byte: Byte) -> bool {
    byte.value == b'@' && !byte.escaped && !byte.quoted
}

/// The name if the line is a definition.
fn defined(line: &[Byte]) -> Option<Vec<u8>> {
    line.first().filter(|b| b.value == b'$' && !b.escaped)?;
    definition_name(&values(line)).map(<[u8]>::to_vec)
}

/// A definition that is not for this node: its other lines are not, either.
fn dropped_definition(line: &[Byte], continued: Option<Span>) -> Option<Collect> {
    let at = continued?;
    let start = line.iter().position(|b| b.value == b'$')?;
    let name = defined(line.get(start..)?)?;
    Some(Collect { name, at, lines: Vec::new(), keep: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::around::Nowhere;

    /// The pieces with their places: `line:column+length text`.
    fn pieces(text: &str) -> Vec<String> {
        let mut say = Say::new("x");
        let show = |at: &Span| format!("{}:{}+{}", at.line, at.column, at.length);
        let name = Path::new("x");
        let (pieces, _) =
            read("x", name, &text.as_bytes().into(), &mut Nowhere::default(), &mut say);
        let shown = pieces.iter().flat_map(|piece| match piece {
            Piece::Words(words) => {
                words.iter().map(|w| format!("{} {}", show(&w.span), w.show())).collect()
            }
            Piece::Open(at) => vec![format!("{} {{", show(at))],
            Piece::Close(at) => vec![format!("{} }}", show(at))],
        });
        shown.collect()
    }

    #[test]
    fn every_word_knows_its_place() {
        assert_eq!(
            pieces("a{b \"c d\"#x\r\n\n }"),
            ["1:1+1 a", "1:2+1 {", "1:3+1 b", "1:5+5 c d", "3:2+1 }"]
        );
        assert_eq!(pieces("x \\#y\tab\"c\""), ["1:1+1 x", "1:3+3 #y", "1:7+2 ab", "1:9+3 c"]);
    }

    #[test]
    fn a_script_line_is_read_like_a_shell() {
        assert_eq!(pieces("script 'a b'c d"), ["1:1+6 script", "1:8+6 a bc", "1:15+1 d"]);
        assert_eq!(
            pieces("x { notify a\\ b }"),
            ["1:1+1 x", "1:3+1 {", "1:5+6 notify", "1:12+4 a b", "1:17+1 }"]
        );
    }

    #[test]
    fn track_script_is_no_script_line() {
        assert_eq!(pieces("track_script 'a b'"), ["1:1+12 track_script", "1:14+2 'a", "1:17+2 b'"]);
    }
}
